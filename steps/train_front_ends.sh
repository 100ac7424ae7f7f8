#!/usr/bin/env bash
# Trains the models that a plan's streams name, those that are not there yet, as jobs:
#   steps/train_front_ends.sh [options] <plan>
# A model <recipe>/exp/<name> is made by <recipe>/run.sh with its conf/<name>.yaml, on the synthetic speech of that
# recipe; any other has to be there. A conf without streams needs none.
set -euo pipefail

nj=2         # models that are trained at once; they share the processors, or the GPU
device=auto  # auto, cpu or cuda
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/step.sh"

[ $# -eq 1 ] || die "expected <plan>, found $# arguments"
plan=$1 missing=()
[ -n "$(planned "$plan" streams)" ] || exit 0
is_there() { [ -f "$1" ] || [ -f "$1/final.pt" ]; }
while read -r model; do
  if is_there "$model"; then
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
  missing+=("$model")
  echo "$model: $recipe/run.sh --conf conf/$name.yaml makes it; its log: $model/log/train.log"
done <"$plan/models"
count=${#missing[@]}
[ "$count" -gt 0 ] || exit 0

at_once=$((nj < count ? nj : count))
share_processors "$at_once"
choose_job_word
"$here/utils/run_local.sh" --max-jobs-run "$at_once" "$JOB=1:$count" "$(planned "$plan" exp)/log/front_end.$JOB.log" \
  "$here/steps/train_front_end.sh" --nj $(((nj + at_once - 1) / at_once)) --device "$device" "$JOB" "${missing[@]}" ||
  for model in "${missing[@]}"; do is_there "$model" || die "$model: could not be made; the lines above say why"; done
