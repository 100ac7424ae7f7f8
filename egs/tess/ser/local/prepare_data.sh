#!/usr/bin/env bash
# The corpus as a data directory: local/prepare_data.sh [options] <corpus> <out>
# where <corpus> is a folder, or synthetic; makes <out>/all.
set -euo pipefail

bad_audio=fail  # audio that cannot be used: fail, or skip
nj=2            # parallel jobs, of a synthetic corpus
. utils/step.sh

[ $# -eq 2 ] || die "expected <corpus> <out>, found $# arguments"
out=$2
corpus=$(find_corpus --layout tess "$1" "$out" TESS)
begin_step prepare_data "$out" --edited --files about 'all/*' 'mixed/*' --corpus "$corpus" \
  --value bad_audio="$bad_audio"
timbre prepare --corpus-kind tess --corpus "$corpus" --option bad_audio="$bad_audio" --option mix=true --out "$out"
end_step
