# shellcheck shell=bash
# shellcheck disable=SC2034 # the stages use the options
# Options that every method has. Sourced by the methods' scripts, which add their own and then source pipeline.sh.

# Flow:
stage=0  # first stage
stop_stage=10  # last stage
skip_stages=""  # numbers of stages to leave out
nj=0  # jobs at a time (0: one per CPU core); on GPUs as many as cmd.sh says
device=auto  # where models run and are trained: auto (GPUs where there are some, else CPU), cpu, cuda, or cuda:1 for the second GPU
seeds="0"  # one model of each kind is trained per seed; a table or figure shows these, a run without one all that are there
full=false  # true: the recipe's larger trainings, which are the options in section full of its conf/method.yaml
force=false  # redo results that were made with other options
dry_run=false  # print the commands of the chosen stages and run none
heartbeat=30  # seconds between lines that say how far the jobs are

# Comparison:
table=""  # table of the list below: its variants, back-ends and options are taken where none are given here
figure=""  # figure of that list: likewise
variants=""  # what is trained and compared (empty: those of the table, else the default ones; see below)
backends=""  # what judges the speech (empty: likewise)

# Data:
downloads=downloads  # folder for the corpora that stage 0 brings; a corpus that db.sh names stays where it is
datadir=data  # folder of the data directories
expdir=exp  # folder of everything that is trained, enhanced and scored
train_set=train  # clean speech for training
valid_set=valid  # clean speech for choosing settings
test_sets="test"  # clean speech for the results; the noise of set X is in noise_X
recorded=""  # sets that are noisy already: local/data.sh makes data/SET_noisy (for the training set data/SET) and no noise_SET
local_data_opts=""  # options for local/data.sh
rooms=""  # sets that are mixed in rooms, as their configuration says; the impulse responses are in rir_SET
simulate_seed=0  # seed of the noisy validation and test sets
simulate_config=conf/simulate.yaml  # settings of the noisy validation and test sets
simulate_valid_config=""  # settings of noisy speech other than the test sets, such as the validation set (empty: the same)

# Training:
train_args=""  # overrides for every `sslse train`, for example "--trainer.max_steps 20"

# Evaluation:
metrics="sdr si_sdr pesq stoi estoi dnsmos"  # metrics of the enhanced speech
max_utts=""  # utterances that a slow metric scores, as METRIC=NUMBER, such as dnsmos=40 (empty: all)
max_clean_wer=30  # word errors on clean speech (percent) beyond which a recogniser is not credible and has no part in choices and claims
examples=3  # utterances to see and to hear in the report
more_examples=20  # further ones to hear from the report's table of utterances: those in which the systems differ most
remarks=local/remarks.txt  # text whose paragraphs stand below the table of the report, where it exists; with --table 1 that of remarks_table_1.txt
