#!/usr/bin/env bash
# Classifies utterances by baselines that need no training of a model:
#   steps/predict_baselines.sh [options] --baseline <kind> --train <train-data> <data> <out>
#   steps/predict_baselines.sh [options] --baseline <kind> --folds <folds> <out>
# writes posteriors.{ark,scp} and classes into <out>/<kind>; those of all folds in the second form.
set -euo pipefail

baseline=()     # majority, speaker, duration (utt2dur), energy (utt2level), {statistics,functionals}_svm, statistics_lda,
                # {statistics,functionals,joint,streams}_regression; statistics are of feats.scp (repeatable)
functionals=    # data directory of the same utterances with features of kind functionals
streams=        # data directory of the same utterances with streams of a fusion
train=          # data directory with labels and what the baselines look at, to learn from
folds=          # of a cross-validation: its folds, <k>/{train,test}
labels=utt2spk  # the table of the classes in the training part
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/step.sh"

[ ${#baseline[@]} -gt 0 ] || die "--baseline <kind> is missing"
out=${*: -1}
if [ -n "$folds" ]; then
  [ -z "$train" ] || die "--train and --folds exclude each other"
  [ $# -eq 1 ] || die "expected <out> after --folds, found $# arguments"
  mapfile -t reads < <(list_folds "$folds" train test)
  parts=(--folds "$folds")
else
  [ $# -eq 2 ] || die "expected <data> <out>, found $# arguments"
  [ -n "$train" ] || die "--train <train-data> is missing"
  reads=("$train" "$1") parts=(--train "$train" --data "$1")
fi
begin_step predict_baselines "$out" "${reads[@]/#/--data=}" ${functionals:+--data "$functionals"} ${streams:+--data "$streams"} \
  --value baselines="${baseline[*]}" --value labels="$labels"
timbre predict-baselines "${baseline[@]/#/--baseline=}" "${parts[@]}" --labels "$labels" \
  ${functionals:+--functionals "$functionals"} ${streams:+--streams "$streams"} "$WORK"
end_step
