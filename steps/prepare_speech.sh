#!/usr/bin/env bash
# The speech that a front-end learns from without labels: steps/prepare_speech.sh [options] <root>
# makes <root>/all and <root>/about, of a data directory or of synthetic speech that is made here.
set -euo pipefail

speech=                # a data directory with wav.scp and utt2spk (default: synthetic speech)
conf=conf/corpus.yaml  # of the synthetic corpus
nj=2                   # parallel jobs
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"

[ $# -eq 1 ] || die "expected <root>, found $# arguments"
root=$1
if [ -z "$speech" ]; then
  "$here/utils/make_corpus.sh" --nj "$nj" --conf "$conf" "$root/corpus"
  timbre prepare --corpus-kind synthetic --corpus "$root/corpus" --out "$root"
  "$here/utils/copy_data_dir.sh" "$root/train" "$root/all"
else
  require_file "$speech/wav.scp" "--data names a data directory, with wav.scp and utt2spk"
  "$here/utils/copy_data_dir.sh" "$speech" "$root/all"
  echo "Speech of $speech" > "$root/about"
fi
