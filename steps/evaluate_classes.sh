#!/usr/bin/env bash
# Measures classifications of a labelled part, beside those of other systems for the same utterances:
#   steps/evaluate_classes.sh [options] <data> <folder> <out>
# reads <folder>/posteriors.scp and classes; prints accuracy, recall, F1 with 95 % intervals (speakers resampled), by
# class and speaker too, the most frequent confusions, what training knew of the speakers and texts, and what is not
# beaten; writes metrics.json and confusion.npz into <out>; of a fusion gates.json, too: what its gate weighs.
set -euo pipefail

labels=utt2spk   # the table of the classes
name=            # what the system is called in tables and plots (default: the name of <out>)
system=()        # a further system as name=folder: majority=exp/x/baseline/majority
baseline=()      # folder of a baseline, which is named by it: exp/x/baseline/majority (repeatable)
train=           # data directory that was trained on; what both have in common is looked for
folds=           # of a cross-validation, in the place of --train: its folds, <k>/{train,test}
replicates=1000  # resamplings of the speakers
seed=0           # of the resampling
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/step.sh"

[ $# -eq 3 ] || die "expected <data> <folder> <out>, found $# arguments"
data=$1 folder=$2 out=$3 name=${name:-${3##*/}}
parts=()
[ -z "$train" ] || parts=("$train")
[ -z "$folds" ] || mapfile -t parts < <(list_folds "$folds" train test)
others=("${system[@]/#*=/--made=}" "${baseline[@]/#/--made=}")
begin_step evaluate_classes "$out" --files metrics.json confusion.npz 'gates.json*' --data "$data" "${parts[@]/#/--data=}" \
  --made "$folder/posteriors.scp" "${others[@]/%//posteriors.scp}" --value labels="$labels" --value name="$name" \
  --value systems="${system[*]%%=*} ${baseline[*]##*/}" --value replicates="$replicates" --value seed="$seed"
timbre evaluate-classes --labels "$labels" --name "$name" "${system[@]/#/--system=}" \
  "${baseline[@]/#/--baseline=}" ${train:+--train "$train"} \
  ${folds:+--folds "$folds"} --replicates "$replicates" --seed "$seed" "$data" "$folder" "$out"
if [ -e "$folder/gates.scp" ]; then
  timbre measure-gates --labels "$labels" --replicates "$replicates" --seed "$seed" "$data" "$folder" "$out"
else # nor one of an earlier conf
  rm -f "$out/gates.json"
fi
end_step
