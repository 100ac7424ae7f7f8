#!/usr/bin/env bash
# Stage 0 of this recipe: local/prepare_data.sh [options] <table> <data>
# where <table> is a file of CSV, a Kaldi data directory, or synthetic; makes <data>/{train,test}, without a speaker in both,
# and the list of trials; of a file of CSV <data>/all first, its files of several channels mixed into <data>/mixed.
set -euo pipefail

bad_audio=fail  # audio that cannot be used: fail, or skip
test_share=0.3  # of the speakers, to be tested, where the table has no split
nj=2            # parallel jobs, of a synthetic corpus
. utils/step.sh

[ $# -eq 2 ] || die "expected <table> <data>, found $# arguments"
data=$2
table=$(find_corpus --option '--table FILE' --layout csv_speakers "$1" "$data" "the table of your audio")
[[ $1 != synthetic ]] || table+=/my.csv
[[ -n ${TIMBRE_STATUS:-} || ! -d $table || -e $table/utt2spk ]] ||
  die "$table: a folder without utt2spk; --table names the file of a table in it, or a Kaldi data directory"
[[ -n ${TIMBRE_STATUS:-} || -e $table ]] || die "$table: no such file; --table names the table of your audio"
[[ ! -e $data/prepared_from || $(<"$data/prepared_from") == "$table" ]] ||
  die "$data was made of $(<"$data/prepared_from"); remove $data, or take another table in a copy of this folder"
reads=(--input "$table")
[[ ! -d $table ]] || reads=(--audio "$table")
begin_step prepare_data "$data" --edited --files about 'all/*' 'mixed/*' 'train/*' 'test/*' "${reads[@]}" \
  --value bad_audio="$bad_audio" --value test_share="$test_share"
source=$table
if [[ ! -d $table ]]; then
  source=$data/all
  timbre prepare --corpus-kind csv_speakers --corpus "$table" --option bad_audio="$bad_audio" --option mix=true --out "$data"
fi
timbre split-speakers --share "$test_share" "$source" "$data/train" "$data/test"
timbre make-trials --data "$data/test"
echo "$table" >"$data/prepared_from"
end_step
