# shellcheck shell=bash
# Train the heads of recognition and the other tasks on the frozen SSL models, on clean speech (*_noise: mixed with noise).
run_planned
