# shellcheck shell=bash
# Fine-tune in noise from clean-trained inversion; the cascade with its separate enhancement.
run_planned
