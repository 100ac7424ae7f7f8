#!/usr/bin/env bash
# Speaks a stand-in for each of the four corpora: local/make_corpora.sh [options] <root>
set -euo pipefail

nj=2  # parallel jobs
. utils/step.sh

[ $# -eq 1 ] || die "expected <root>, found $# arguments"
for layout in iemocap emodb shemo cafe; do
  utils/make_corpus.sh --nj "$nj" --layout "$layout" --conf "conf/corpus_$layout.yaml" "$1/$layout"
done
