# shellcheck shell=bash
# shellcheck disable=SC2034 # the stages use the options
# Options that every system has. Sourced by the systems' scripts, which add their own and then source pipeline.sh.

# Flow:
stage=1  # first stage
stop_stage=10  # last stage
skip_stages=""  # numbers of stages to leave out
nj=0  # jobs at a time (0: one per CPU core)
seeds="0"  # one system of each kind is trained per seed
force=false  # redo results that were made with other options
dry_run=false  # print the commands of the chosen stages and run none
heartbeat=30  # seconds between lines that say how far the jobs are
table=""  # table of the paper: take the options of conf/table_N where none is given here
figure=""  # figure of the paper: likewise those of conf/figure_N

# Data:
datadir=data  # folder of the data directories
expdir=exp  # folder of everything that is trained, enhanced and scored
train_set=train  # clean speech for training
valid_set=valid  # clean speech for choosing settings
test_sets="test"  # clean speech for the results; the noise of set X is in noise_X
recorded=""  # sets that are noisy already: local/data.sh makes data/SET_noisy (of the training set: data/SET), and no noise_SET
local_data_opts=""  # options for local/data.sh
simulate_seed=0  # seed of the noisy validation and test sets
simulate_config=conf/simulate.yaml  # noisy validation and test sets
conditions=conf/conditions  # test conditions, where the file exists: NAME NOISE KEY=VALUE... (NOISE: suffix of noise_X, or -)

# Training:
train_args=""  # overrides for every `sslse train`, for example "--trainer.max_steps 20"

# Evaluation:
metrics="sdr si_sdr pesq stoi estoi dnsmos"  # metrics of the enhanced speech
max_utts="dnsmos=40"  # metric=number of utterances scored, for those of the metrics that are slow
remarks=local/remarks.txt  # text whose paragraphs stand below the table of the report, where it exists; remarks_table_1.txt for --table 1
