#!/usr/bin/env bash
# The utterances and parts of a protocol: local/make_protocol.sh <protocol> <tess> <out>
# makes <out>/all and <out>/folds/<k>/{train,test} of <tess>/all.
set -euo pipefail

share=0.3  # of each class to be tested, where there is one fold
seed=1     # of the split
. utils/step.sh

[ $# -eq 3 ] || die "expected <protocol> <tess> <out>, found $# arguments"
all=$2/all out=$3
begin_step make_protocol "$out" --edited --files about 'all/*' 'folds/*/*/*' --data "$all" --input "$2/about" \
  --value protocol="$1" --value share="$share" --value seed="$seed"
case $1 in
  exercise)
    awk '$1 ~ /^YAF-/ && $2 ~ /^(happiness|sadness)$/' "$all/utt2emotion" > "$out/utterances"
    utils/subset_data_dir.sh --utt-list "$out/utterances" "$all" "$out/all"
    ;;
  *) utils/copy_data_dir.sh "$all" "$out/all" ;;
esac
write_file "$out/about" "$(<"$2/about"); protocol $1"
split=(utils/split_utterances.sh --labels utt2emotion --share "$share" --seed "$seed")
case $1 in
  exercise | seven_class) "${split[@]}" "$out/all" "$out/folds/1/train" "$out/folds/1/test" ;;
  word_disjoint) "${split[@]}" --unit text "$out/all" "$out/folds/1/train" "$out/folds/1/test" ;;
  cross_speaker) timbre make-folds --labels utt2emotion --unit speaker "$out/all" "$out/folds" ;;
esac
end_step
