#!/usr/bin/env bash
# Stage 0 of this recipe: local/prepare_data.sh [options] <table> <data>
# where <table> is a file of CSV, or synthetic; makes <data>/all and folds by speakers, <data>/folds/<k>/{train,test}, or
# the one fold that its column split says; files of several channels are mixed into <data>/mixed.
set -euo pipefail

bad_audio=fail  # audio that cannot be used: fail, or skip
folds=          # groups of speakers; without it each speaker is one, and of more than ten speakers there are 5 groups
nj=2            # parallel jobs, of a synthetic corpus
. utils/step.sh

[ $# -eq 2 ] || die "expected <table> <data>, found $# arguments"
data=$2
table=$(find_corpus --option '--table FILE' --layout csv_table "$1" "$data" "the table of your audio")
[[ $1 != synthetic ]] || table+=/my.csv
[[ ! -d $table ]] || die "$table: a folder; --table names the file in it"
[[ -n ${TIMBRE_STATUS:-} ]] || require_file "$table" "--table names the table of your audio"
[[ ! -e $data/prepared_from || $(<"$data/prepared_from") == "$table" ]] ||
  die "$data was made of $(<"$data/prepared_from"); remove $data, or take another table in a copy of this folder"
begin_step prepare_data "$data" --edited --files about 'all/*' 'mixed/*' 'folds/*/*/*' --input "$table" \
  --value bad_audio="$bad_audio" --value folds="$folds"
timbre prepare --corpus-kind csv_table --corpus "$table" --option bad_audio="$bad_audio" --option mix=true --out "$data"
rm -rf "$data/folds" # of an earlier version of the table
if [[ -e $data/all/utt2split ]]; then
  [[ -z $folds ]] || die "--folds $folds has no effect, as $table has a column split; leave one of them out"
  groups=(--split utt2split)
else
  (($(wc -l <"$data/all/spk2utt") <= 10)) || folds=${folds:-5}
  groups=(--unit speaker)
  [[ -z $folds ]] || groups+=(--folds "$folds")
  [[ -z $folds || ! -e $data/all/utt2lang ]] || groups+=(--balance utt2lang)
fi
timbre make-folds --labels utt2emotion "${groups[@]}" "$data/all" "$data/folds"
end_step
