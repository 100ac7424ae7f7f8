#!/usr/bin/env bash
# Measures classifications of a labelled part, beside those of other systems for the same utterances:
#   steps/evaluate_classes.sh [options] <data> <folder> <out>
# reads <folder>/posteriors.scp and classes; prints accuracy, recall, F1 with 95 % intervals (speakers resampled), by
# class and speaker too, the most frequent confusions, what training knew of the speakers and texts, and what is not
# beaten; writes metrics.json and confusion.npz into <out>.
set -euo pipefail

labels=utt2spk   # the table of the classes
name=model       # what the system is called in tables and plots
system=()        # a further system as name=folder: majority=exp/x/baseline/majority
train=           # data directory that was trained on; what both have in common is looked for
folds=           # of a cross-validation, in the place of --train: its folds, <k>/{train,test}
replicates=1000  # resamplings of the speakers
seed=0           # of the resampling
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"

[ $# -eq 3 ] || die "expected <data> <folder> <out>, found $# arguments"
data=$1 folder=$2 out=$3
require_file "$data/$labels" "the preparation of the corpus (stage 0) makes it"
require_file "$folder/posteriors.scp" "steps/predict.sh (stage 3) makes it"
timbre evaluate-classes --labels "$labels" --name "$name" "${system[@]/#/--system=}" ${train:+--train "$train"} \
  ${folds:+--folds "$folds"} --replicates "$replicates" --seed "$seed" "$data" "$folder" "$out"
