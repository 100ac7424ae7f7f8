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
. utils/parse_options.sh
. ./path.sh
languages=("$@")
set -- # experiment.sh takes no arguments
stage=2 task=fusion data=data/speaker_independent expdir=exp/cross_lingual init='' exp=''
. utils/experiment.sh
require_file "$data/all/utt2lang" "./run.sh (stage 0) makes it"
[ ${#languages[@]} -gt 0 ] || mapfile -t languages < <(cut -d' ' -f2 "$data/all/utt2lang" | sort -u)

trained=("${languages[@]/#/$feats/}")
timbre check-conf --conf "$conf" "${overrides[@]}" "${trained[@]/%//test}"
for lang in "${languages[@]}"; do
  require_file "$feats/$lang/test/utt2lang" "./run.sh --conf $conf --stop-stage 1 makes it"
  steps/train_encoder.sh --conf "$conf" "${overrides[@]}" --device "$device" --train "$feats/$lang/test" "$exp/$lang/model"
  for other in "${languages[@]}"; do
    [ "$other" = "$lang" ] ||
      steps/predict.sh --nj "$nj" --device "$device" --lang "$lang" \
        "$exp/$lang/model" "$feats/$other/test" "$exp/$lang/$other"
  done
done
within=exp/speaker_independent/${exp##*/}
[ -d "$within" ] || within=
timbre score-cross-lingual --labels "$labels" "${languages[@]/#/--language=}" ${within:+--within "$within"} \
  "$feats" "$exp"
