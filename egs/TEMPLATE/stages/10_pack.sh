# shellcheck shell=bash
# Pack the enhancers with a card, ready for from_pretrained and `sslse enhance`.
run_planned
