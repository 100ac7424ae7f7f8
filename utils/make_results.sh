#!/usr/bin/env bash
# make_results.sh [--published FILE.yaml] [--out RESULTS.md] EXP …
# The results of experiments as Markdown tables, printed, or put between the two lines of RESULTS.md that mark their place.
set -euo pipefail
# shellcheck source=path.sh
. "$(dirname "$(readlink -f "$0")")/../path.sh"
exec timbre make-results "$@"
