#!/usr/bin/env bash
# Stage 0 of this recipe: local/prepare_data.sh [options] <data>
# makes <data>/all to learn from, <data>/seen, a tenth of the same voices, and <data>/unseen of others, if there are any.
set -euo pipefail

speech=  # a data directory with phones and utt2lang (default: that of the last run, or synthetic speech)
others=  # one of other speakers
nj=2     # parallel jobs, of a synthetic corpus
. utils/step.sh

[ $# -eq 1 ] || die "expected <data>, found $# arguments"
data=$1 files=(about 'all/*' 'seen/*' 'unseen/*')
if [ -z "$speech" ] && [ -e "$data/speech" ]; then
  { read -r speech && read -r others; } <"$data/speech" || true
fi
if [ -n "$speech" ]; then
  begin_step prepare_data "$data" --edited --files "${files[@]}" --data "$speech" ${others:+--data "$others"}
  write_file "$data/about" "Speech of $speech"
  write_file "$data/speech" "$speech" "$others"
else
  corpus=$data/corpus
  utils/make_corpus.sh --nj "$nj" --layout polyglot --conf conf/corpus.yaml "$corpus"
  begin_step prepare_data "$data" --edited --files "${files[@]}" --corpus "$corpus"
  timbre prepare --corpus-kind polyglot --corpus "$corpus" --out "$data"
  speech=$data/train others=$data/test
fi
utils/split_utterances.sh --share 0.1 --seed 1 "$speech" "$data/all" "$data/seen"
[ -z "$others" ] || utils/copy_data_dir.sh "$others" "$data/unseen"
end_step
