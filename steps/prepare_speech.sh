#!/usr/bin/env bash
# The speech that a front-end learns from without labels: steps/prepare_speech.sh [options] <root>
# makes <root>/all and <root>/about, of a data directory or of synthetic speech that is made here.
set -euo pipefail

speech=                # a data directory with wav.scp and utt2spk (default: that of the last run, or synthetic speech)
conf=conf/corpus.yaml  # of the synthetic corpus
nj=2                   # parallel jobs
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/step.sh"

[ $# -eq 1 ] || die "expected <root>, found $# arguments"
root=$1
[ -n "$speech" ] || [ ! -e "$root/speech" ] || speech=$(<"$root/speech")
if [ -n "$speech" ]; then
  begin_step prepare_speech "$root" --edited --files about speech 'all/*' --data "$speech"
  require_file "$speech/wav.scp" "--data names a data directory, with wav.scp and utt2spk"
  "$here/utils/copy_data_dir.sh" "$speech" "$root/all"
  write_file "$root/about" "Speech of $speech"
  write_file "$root/speech" "$speech"
else
  "$here/utils/make_corpus.sh" --nj "$nj" --conf "$conf" "$root/corpus"
  begin_step prepare_speech "$root" --edited --files about 'all/*' --corpus "$root/corpus"
  timbre prepare --corpus-kind synthetic --corpus "$root/corpus" --out "$root"
  "$here/utils/copy_data_dir.sh" "$root/train" "$root/all"
fi
end_step
