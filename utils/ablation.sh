#!/usr/bin/env bash
# Trains confs with several seeds each, and tells which differences are more than chance:
#   utils/ablation.sh [options] conf/a.yaml conf/b.yaml … [-- options of run.sh]
# in a recipe's folder. The others are compared with the first conf. The data is prepared once, if --corpus… or --download
# stands among the options of run.sh; what is trained already is not trained again.
set -euo pipefail

seeds="1 2 3"     # of training: a model of each conf with each
measure=accuracy  # what confs are compared by: accuracy, or recall (UA)
out=              # Markdown file that gets the table, between <!-- ablation: begin --> and <!-- ablation: end -->
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"

confs=() settings=() stage=1
while (($#)) && [[ $1 != --* ]]; do
  confs+=("$1")
  shift
done
words=() # --name=value as --name value
for word in "$@"; do
  if [[ $word == --*=* ]]; then words+=("${word%%=*}" "${word#*=}"); else words+=("$word"); fi
done
set -- "${words[@]}"
((${#confs[@]} > 1)) || die "expected two confs or more, found ${#confs[@]}"
require_file run.sh "call this in a recipe's folder"
for conf in "${confs[@]}"; do require_file "$conf" "a conf is a path from the recipe's folder"; done
marker='<!-- ablation: begin -->' # looked for before the hours of training
[[ -z $out ]] || grep -qsxF "$marker" "$out" || die "$out: no line $marker; add it, and <!-- ablation: end --> below it"
protocol=$(sed -n 's/^protocol=\([A-Za-z0-9_]*\).*/\1/p' run.sh) # its default, where the recipe has protocols
for ((i = 1; i <= $#; i++)); do
  case ${!i} in
    --corpus | --corpus-?? | --download) stage=0 ;;
    --set) settings+=(--set "${@:i+1:1}") ;;
    --protocol) protocol=${*:i+1:1} ;;
    --normalise) [[ ${*:i+1:1} == none ]] || settings+=(--set "normalise=${*:i+1:1}") ;;
    --init) settings+=(--set "init=${@:i+1:1}") ;;
    --exp) die "--exp would put all trainings into one directory; leave it out" ;;
    --conf) die "--conf would be trained in the place of each of the confs; name it before the --" ;;
  esac
done

for seed in $seeds; do
  for conf in "${confs[@]}"; do
    ./run.sh --conf "$conf" --set "train.seed=$seed" --stage "$stage" --stop-stage 4 "$@"
    stage=1
  done
done
read -ra each <<<"$seeds"
timbre make-ablation --conf "${confs[@]}" --seeds "${each[@]}" "${settings[@]}" --expdir "exp${protocol:+/$protocol}" \
  --measure "$measure" ${out:+--out "$out"}
