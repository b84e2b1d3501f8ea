#!/usr/bin/env bash
# Make the data of egs/mini, and two groups of its test noises: stationary ones (type A) and others (type B).
#
# Run in the recipe's folder; the options are those of ../sslmse/local/data.sh.
set -euo pipefail
datadir=data
nj=2
if [ "${1:-}" = --datadir ]; then datadir=$2; fi
../sslmse/local/data.sh --datadir "${datadir}" --nj "${nj}" "$@"
noise=${datadir}/noise_test
../../../utils/subset_data.sh "${noise}" "${noise}_a" '^(brown|hum|machine|pink|rain|white|band)-'
../../../utils/subset_data.sh "${noise}" "${noise}_b" '^(babble|bursts|chirps|impulses|modulated|music|siren)-'
