# shellcheck shell=bash
# Where the corpora are. Sourced.
export FLUENT_COMMANDS=${FLUENT_COMMANDS:-}  # folder with data/ and wavs/ (https://fluent.ai/fluent-speech-commands-a-dataset-for-spoken-language-understanding-research)
export DNS_NOISE=${DNS_NOISE:-}  # noises of the DNS challenge (https://github.com/microsoft/DNS-Challenge)
