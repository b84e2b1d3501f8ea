# shellcheck shell=bash
# Fine-tune the enhancer, once for every loss that is compared.
run_beside_next
