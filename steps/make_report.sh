#!/usr/bin/env bash
# Makes one self-contained HTML page of an experiment's results, and the model's card:
#   steps/make_report.sh [options] <exp>
# writes <exp>/report.html and <exp>/model_card.md from <exp>/metrics.json and <exp>/*/metrics.json, and what else the
# experiment holds.
set -euo pipefail

about=  # a sentence on the speech, shown under the title (default: the file 'about' of the data directory)
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"

[ $# -eq 1 ] || die "expected <exp>, found $# arguments"
timbre make-report ${about:+--about "$about"} "$1"
timbre make-model-card ${about:+--about "$about"} "$1"
