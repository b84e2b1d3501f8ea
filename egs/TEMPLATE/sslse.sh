#!/usr/bin/env bash
# Speech enhancement for robust speech recognition with an SSL-based loss: from a corpus to a report.
#
# Usage: ./run.sh [options]     The same command again continues; finished work is skipped.
# shellcheck disable=SC2034 # the stages use the options
set -euo pipefail

# Flow:
stage=1  # first stage
stop_stage=10  # last stage
skip_stages=""  # numbers of stages to leave out
nj=0  # jobs at a time (0: one per CPU core)
seeds="0"  # one system of each kind is trained per seed
force=false  # redo results that were made with other options
dry_run=false  # print the commands of the chosen stages and run none
heartbeat=30  # seconds between lines that say how far the jobs are

# Data:
datadir=data  # folder of the data directories
expdir=exp  # folder of everything that is trained, enhanced and scored
train_set=train  # clean speech for training
valid_set=valid  # clean speech for choosing settings
test_sets="test"  # clean speech for the results; the noise of set X is in noise_X
local_data_opts=""  # options for local/data.sh
simulate_seed=0  # seed of the noisy validation and test sets

# Configurations:
se_config=conf/train_se.yaml  # pre-training of the enhancer
upstream_config=conf/train_upstream.yaml  # pre-training of a small SSL model
asr_config=conf/train_asr_ssl.yaml  # recognition head on the SSL model
logmel_config=conf/train_asr_logmel.yaml  # recogniser that shares nothing with the SSL model
finetune_configs=conf/finetune_%s.yaml  # fine-tunings; %s stands for the system's name
simulate_config=conf/simulate.yaml  # noisy validation and test sets

# Systems:
finetune_systems="snr lmfb ssl_mse"  # fine-tunings of the enhancer
recognizers="ssl ssl_other logmel"  # recognisers; ssl_other stands on the SSL model of another seed
upstream_model=""  # SSL model, folder or hub name (empty: train a small one)
other_upstream_model=""  # SSL model of ssl_other, folder or hub name (empty: that of the next seed)
logmel_model=""  # ESPnet ASR model, a folder (empty: train one)
train_args=""  # overrides for every `sslse train`, for example "--trainer.max_steps 20"
logmel_args=""  # further options of the log-mel ASR's training

# Evaluation:
oa_weights="0.1 0.2 0.4"  # observation-adding weights to choose from on the validation set; 0 is always there
metrics="sdr si_sdr pesq stoi estoi dnsmos"  # metrics of the enhanced speech
max_utts="dnsmos=40"  # metric=number of utterances scored, for slow metrics
title="Speech enhancement with an SSL-based loss"  # title of the report
remarks=local/remarks.txt  # text whose paragraphs stand below the table of the report, where it exists
paper=sslmse  # the paper whose figures stand beside ours in the report

command_line=$*
# shellcheck source=/dev/null
. ./path.sh
# shellcheck source=../../utils/parse_options.sh
. "${SSLSE_ROOT}/utils/parse_options.sh"
# shellcheck source=../../utils/run_stages.sh
. "${SSLSE_ROOT}/utils/run_stages.sh"
# shellcheck source=/dev/null
. ./cmd.sh
template=${SSLSE_ROOT}/egs/TEMPLATE

[ ${#positional[@]} -eq 0 ] || parse_options_error "'${positional[0]}' is no option (--help lists all options)"
check_integer stage stop_stage nj heartbeat simulate_seed
check_words recognizers ssl ssl_other logmel
if [ "${nj}" -eq 0 ]; then nj=$(nproc); fi

# shellcheck source=words.sh
. "${template}/words.sh"

if ! "${dry_run}"; then
    # Two runs in one folder would write the same files. The lock ends with this process.
    mkdir -p "${expdir}"
    exec 9>> "${expdir}/.lock"
    flock -w 15 9 || die "another run is at work in ${PWD}/${expdir}; wait for it, or choose another --expdir"
fi

on_exit() {
    local status=$?
    if [ "${status}" -ne 0 ] && [ -n "${stage_label:-}" ]; then
        {
            log "Stage ${stage_label} did not finish (exit status ${status})."
            echo "You can resume with: ${SSLSE_COMMAND:-$0 ${command_line}}"
        } >&2
    fi
}
trap on_exit EXIT

log "$(sslse doctor --one-line); $(nproc) cores, ${nj} jobs at a time (${SSLSE_BACKEND:-local})"
run_stages "${template}/stages"
if "${dry_run}"; then exit 0; fi
log "Finished."
for set in ${test_sets}; do
    folder=$(report_of "${set}")
    if [ -f "${folder}/table.txt" ]; then
        printf '\n%s\n' "$(cat "${folder}/table.txt")"
        printf '\nReport: %s\n' "$(readlink -f "${folder}")/index.html"
    fi
done
