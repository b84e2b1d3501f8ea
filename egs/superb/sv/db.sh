# shellcheck shell=bash
# Where the corpora are. Sourced.
export VOXCELEB1=${VOXCELEB1:-}  # folder with dev/wav, test/wav and the lists of the corpus (https://www.robots.ox.ac.uk/~vgg/data/voxceleb/vox1.html)
export DNS_NOISE=${DNS_NOISE:-}  # noises of the DNS challenge (https://github.com/microsoft/DNS-Challenge)
