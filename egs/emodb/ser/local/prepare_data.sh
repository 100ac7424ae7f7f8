#!/usr/bin/env bash
# Stage 0 of this recipe: local/prepare_data.sh [options] <corpus> <data>
# where <corpus> is a folder, or synthetic; makes <data>/all and a fold for each actor, <data>/folds/<k>/{train,test}.
set -euo pipefail

bad_audio=fail  # audio that cannot be used: fail, or skip
nj=2            # parallel jobs, of a synthetic corpus
. utils/step.sh

[ $# -eq 2 ] || die "expected <corpus> <data>, found $# arguments"
data=$2
corpus=$(find_corpus --layout emodb "$1" "$data" EMO-DB)
begin_step prepare_data "$data" --edited --files about 'all/*' 'mixed/*' 'folds/*/*/*' --corpus "$corpus" \
  --value bad_audio="$bad_audio"
timbre prepare --corpus-kind emodb --corpus "$corpus" --option bad_audio="$bad_audio" --option mix=true --out "$data"
timbre make-folds --labels utt2emotion --unit speaker "$data/all" "$data/folds"
end_step
