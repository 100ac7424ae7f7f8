#!/usr/bin/env bash
# Makes folds that stand already, of a directory of features:
#   steps/copy_folds.sh [options] <folds> <feats-data> <out>
# writes <out>/<k>/{train,test} and <out>/test, the tested utterances of all folds. Utterances that <feats-data> lacks are
# left out.
set -euo pipefail

labels=utt2emotion  # the table of the classes, all to be trained on
also=()             # a further data directory; what it lacks is left out, too (repeatable)
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/step.sh"

[ $# -eq 3 ] || die "expected <folds> <feats-data> <out>, found $# arguments"
folds=$1 data=$2 out=$3
mapfile -t parts < <(list_folds "$folds" train test)
about=$(dirname "$folds")/about
[ -e "$about" ] || about=
begin_step copy_folds "$out" --by-content --keep --data "$data" "${also[@]/#/--data=}" "${parts[@]/#/--data=}" \
  --value labels="$labels" ${about:+--input "$about"}
timbre copy-folds --folds "$folds" --labels "$labels" "${also[@]/#/--also=}" "$data" "$WORK"
[ -z "$about" ] || cp "$about" "$WORK/about"
end_step
