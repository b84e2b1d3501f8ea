# shellcheck shell=bash
# shellcheck disable=SC2154 # the options come from ew2.sh
# Train the word language model on the training transcripts.
if uses_recognizer lm; then
    if [ -n "${lm_config}" ]; then
        options=(--config "${lm_config}" --valid "${datadir}/${valid_set}_noisy")
    else
        options=(--order "${lm_order}")
    fi
    # shellcheck disable=SC2086 # lm_text is a list of words
    job lm "${expdir}/lm" \
        python -m sslse.recognizers.train_lm "${options[@]}" --text ${lm_text:-"${datadir}/${train_set}"} --exp "${expdir}/lm"
    run_jobs train
fi
