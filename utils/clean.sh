#!/usr/bin/env bash
# Lists what is of no use any more: what killed runs have left, what was made anew, features that no experiment reads:
#   utils/clean.sh [options] data | exp/<name> …
# in a recipe's folder. Nothing is removed without --remove.
set -euo pipefail

remove=false  # remove what is listed
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/step.sh"

[ $# -ge 1 ] || die "expected data or experiment directories, found none"
timbre clean --remove "$remove" "$@"
