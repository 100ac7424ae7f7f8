#!/usr/bin/env bash
# Trains one of several models by its recipe (a job of steps/train_front_ends.sh):
#   steps/train_front_end.sh [options] <number> <model> …
# makes the <number>th model, <recipe>/exp/<name>, by <recipe>/run.sh and its conf/<name>.yaml.
set -euo pipefail

nj=1         # parallel jobs
device=auto  # auto, cpu or cuda
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/step.sh"

[ $# -ge 2 ] || die "expected <number> <model> …, found $# arguments"
model=${*:$(($1 + 1)):1}
"${model%/exp/*}/run.sh" --conf "conf/${model##*/}.yaml" --nj "$nj" --device "$device" --stop-stage 2
echo "$model: made"
