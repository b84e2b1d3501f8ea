# shellcheck shell=bash
# Where the corpus is. Sourced.
export VOICEBANK=${VOICEBANK:-}  # VoiceBank-DEMAND: clean_trainset_28spk_wav, noisy_trainset_28spk_wav … (https://doi.org/10.7488/ds/2117)
