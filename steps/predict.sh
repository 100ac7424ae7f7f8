#!/usr/bin/env bash
# Classifies whole utterances in parallel jobs: steps/predict.sh [options] <exp> <data> <out>
# writes posteriors.{ark,scp} and classes (lines '<class> <column>') into <out>; the options are those of
# extract_embeddings.sh.
set -euo pipefail
exec "$(dirname "$(readlink -f "$0")")/extract_embeddings.sh" --kind posteriors "$@"
