#!/usr/bin/env bash
# Trains the models that a conf's streams name, those that are not there yet: steps/train_front_ends.sh [options]
# A model <recipe>/exp/<name> is made by <recipe>/run.sh with its conf/<name>.yaml, on the synthetic speech of that
# recipe; any other has to be there.
set -euo pipefail

conf=conf/fusion.yaml  # the experiment
set=()                 # override one key of the conf
nj=2                   # parallel jobs
device=auto            # auto, cpu or cuda
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"

[ $# -eq 0 ] || die "unexpected argument '$1'"
models=$(timbre describe-streams --models --conf "$conf" "${set[@]/#/--set=}")
while read -r model; do
  [ -n "$model" ] || continue # of a conf without any
  if [ -f "$model" ] || [ -f "$model/final.pt" ]; then
    echo "$model: is there"
    continue
  fi
  recipe=${model%/exp/*} name=${model##*/}
  [[ $model == */exp/$name && -f $recipe/run.sh && -f $recipe/conf/$name.yaml ]] ||
    die "$model: no such model, and no recipe that makes it; name another in the streams of $conf"
  echo "$model: $recipe/run.sh --conf conf/$name.yaml makes it"
  "$recipe/run.sh" --conf "conf/$name.yaml" --nj "$nj" --device "$device" --stop-stage 2 < /dev/null
done <<< "$models"
