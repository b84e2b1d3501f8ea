# shellcheck shell=bash
# Where the corpora are. Sourced.
export SPEECH_COMMANDS=${SPEECH_COMMANDS:-}  # folder of the training archive, version 0.01 (https://www.tensorflow.org/datasets/catalog/speech_commands)
export SPEECH_COMMANDS_TEST=${SPEECH_COMMANDS_TEST:-}  # folder of the test archive, likewise
export DNS_NOISE=${DNS_NOISE:-}  # noises of the DNS challenge (https://github.com/microsoft/DNS-Challenge)
