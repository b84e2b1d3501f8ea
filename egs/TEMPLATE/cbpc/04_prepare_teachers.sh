# shellcheck shell=bash
# Train the recogniser on clean and noisy speech, and the acoustic tokenizer on its encoder's vectors.
run_planned
