# shellcheck shell=bash
# Where the corpora are. Sourced.
export VOXCELEB1=${VOXCELEB1:-}  # folder with dev/wav, test/wav, voxceleb1_test_v2.txt (https://www.openslr.org/49) and the lists of the corpus (https://www.robots.ox.ac.uk/~vgg/data/voxceleb/vox1.html)
export DNS_NOISE=${DNS_NOISE:-}  # noises of the DNS challenge (https://github.com/microsoft/DNS-Challenge)
