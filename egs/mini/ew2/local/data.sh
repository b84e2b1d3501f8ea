#!/usr/bin/env bash
# Make the data of egs/mini, and two groups of its test noises: stationary ones (type A) and others (type B).
#
# Run in the recipe's folder; the options are those of ../sslmse/local/data.sh.
set -euo pipefail
datadir=data
if [ "${1:-}" = --datadir ]; then datadir=$2; fi
../sslmse/local/data.sh "$@"
../../../utils/subset_data.sh "${datadir}/noise_test" "${datadir}/noise_test_a" '^(brown|hum|machine|pink|rain|white|band)-'
../../../utils/subset_data.sh "${datadir}/noise_test" "${datadir}/noise_test_b" '^(babble|bursts|chirps|impulses|modulated|music|siren)-'
