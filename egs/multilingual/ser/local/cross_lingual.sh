#!/usr/bin/env bash
# Trains on all of one language and tests on each other one, on the emotions that both have:
#   local/cross_lingual.sh [options] [<lang> …]
# after stages 0 and 1 of run.sh with the same conf; without <lang> all languages that were prepared. Writes
# exp/cross_lingual/<conf>/cross_lingual.{md,json}; on the diagonal stand the folds of exp/speaker_independent/<conf>, if
# they were scored.
set -euo pipefail

conf=conf/fusion.yaml  # the experiment
set=()                 # override one key of the conf (repeatable)
device=auto            # auto, cpu or cuda
nj=2                   # parallel jobs of prediction
. utils/step.sh

data=data/speaker_independent languages=("$@")
require_file "$data/all/utt2lang" "./run.sh (stage 0) makes it"
[ ${#languages[@]} -gt 0 ] || mapfile -t languages < <(awk '{print $2}' "$data/all/utt2lang" | sort -u)
plan=$(timbre make-plan --task fusion --conf "$conf" "${set[@]/#/--set=}" --expdir exp/cross_lingual --data "$data")
exp=$(planned "$plan" exp)
feats=$(planned "$plan" feats)
labels=$(planned "$plan" labels)

trained=("${languages[@]/#/$feats/}")
for lang in "${languages[@]}"; do
  require_file "$feats/$lang/folds/test/utt2lang" "./run.sh --conf $conf --stop-stage 1 makes it"
done
steps/check_conf.sh "$plan" "${trained[@]/%//folds/test}"
for lang in "${languages[@]}"; do
  steps/train_encoder.sh --conf "$plan/conf.yaml" --device "$device" "$feats/$lang/folds/test" "$exp/$lang/model"
  for other in "${languages[@]}"; do
    [ "$other" = "$lang" ] ||
      steps/predict.sh --nj "$nj" --device "$device" --lang "$lang" \
        "$exp/$lang/model" "$feats/$other/folds/test" "$exp/$lang/$other"
  done
done
within=exp/speaker_independent/${exp##*/}
[ -d "$within" ] || within=
timbre score-cross-lingual --labels "$labels" "${languages[@]/#/--language=}" ${within:+--within "$within"} \
  "$feats" "$exp"
