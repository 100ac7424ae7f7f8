#!/usr/bin/env bash
# Trains the models that a plan's streams name, those that are not there yet: steps/train_front_ends.sh [options] <plan>
# A model <recipe>/exp/<name> is made by <recipe>/run.sh with its conf/<name>.yaml, on the synthetic speech of that
# recipe; any other has to be there. A conf without streams needs none.
set -euo pipefail

nj=2         # parallel jobs
device=auto  # auto, cpu or cuda
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/step.sh"

[ $# -eq 1 ] || die "expected <plan>, found $# arguments"
[ -n "$(planned "$1" streams)" ] || exit 0
while read -r model; do
  if [ -f "$model" ] || [ -f "$model/final.pt" ]; then
    [ -n "${TIMBRE_STATUS:-}" ] || echo "$model: is there"
    continue
  fi
  if [ -n "${TIMBRE_STATUS:-}" ]; then
    (begin_step train_front_end "$model" --files final.pt)
    continue
  fi
  [ "${model##*/}" != resemblyzer.pt ] ||
    die "$model: no such file; utils/fetch_model.sh resemblyzer $(realpath -m "$(dirname "$model")") fetches it"
  recipe=${model%/exp/*} name=${model##*/}
  [[ $model == */exp/$name && -f $recipe/run.sh && -f $recipe/conf/$name.yaml ]] ||
    die "$model: no such model, and no recipe that makes it; name another in the streams of the conf"
  echo "$model: $recipe/run.sh --conf conf/$name.yaml makes it"
  "$recipe/run.sh" --conf "conf/$name.yaml" --nj "$nj" --device "$device" --stop-stage 2 </dev/null
done <"$1/models"
