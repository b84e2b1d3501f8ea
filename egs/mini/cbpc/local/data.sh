#!/usr/bin/env bash
# Make the data of egs/mini. Run in the recipe's folder; the options are those of ../sslmse/local/data.sh.
exec ../sslmse/local/data.sh "$@"
