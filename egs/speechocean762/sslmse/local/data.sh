#!/usr/bin/env bash
# Make data/{train,valid,test} (speechocean762) and data/noise_{train,valid,test} (ESC-50).
#
# Run in the recipe's folder. SPEECHOCEAN762 and ESC50 (environment, or db.sh) say where the recordings are.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "${here}/../../../.." && pwd)

valid_utterances=0  # of each validation speaker, drawn once for ever (0: all, 20)
test_utterances=0  # of each test speaker, likewise
datadir=data  # folder of the data directories

. "${root}/utils/log.sh"
. "${root}/utils/parse_options.sh"
check_integer valid_utterances test_utterances
# shellcheck source=/dev/null
if [ -f ./db.sh ]; then . ./db.sh; fi
for variable in SPEECHOCEAN762 ESC50; do
    [ -d "${!variable:-}" ] || die "there is no folder '${!variable:-}'; set ${variable} in db.sh or in the environment"
done

export PYTHONPATH="${root}${PYTHONPATH:+:${PYTHONPATH}}" OMP_NUM_THREADS=1
python=${SSLSE_VENV:-${root}/.venv}/bin/python
log "speechocean762"
"${python}" -m sslse.corpora.speechocean762 --root "${SPEECHOCEAN762}" --data "${datadir}" --lower \
    --valid-utterances "${valid_utterances}" --test-utterances "${test_utterances}"
log "noises of ESC-50"
"${python}" -m sslse.corpora.esc50 --root "${ESC50}" --data "${datadir}"
