# shellcheck shell=bash
# Where the corpora are. Sourced.
export LIBRI2MIX=${LIBRI2MIX:-}  # folder with wav16k/max (https://github.com/JorisCos/LibriMix)
export LIBRISPEECH_ALIGNMENTS=${LIBRISPEECH_ALIGNMENTS:-}  # word alignments (https://github.com/CorentinJ/librispeech-alignments; empty: turns by the level of the sources)
export DNS_NOISE=${DNS_NOISE:-}  # noises of the DNS challenge (https://github.com/microsoft/DNS-Challenge)
