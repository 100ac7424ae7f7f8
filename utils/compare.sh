#!/usr/bin/env bash
# compare.sh [--system NAME] EXP EXP
# Compares two experiments on the same trials or utterances: EER and minDCF, or accuracy, recall and F1; their
# difference with its interval, and a p-value.
set -euo pipefail
# shellcheck source=path.sh
. "$(dirname "$(readlink -f "$0")")/../path.sh"
exec timbre compare "$@"
