#!/usr/bin/env bash
# Stage 0 of this recipe: local/prepare_data.sh [options] <corpus> <data>
# where <corpus> is a folder, or synthetic; makes <data>/all and folds by actors, <data>/folds/<k>/{train,test}; files of
# several channels are mixed into <data>/mixed.
set -euo pipefail

bad_audio=fail  # audio that cannot be used: fail, or skip
folds=6         # groups of actors, both sexes in each
nj=2            # parallel jobs, of a synthetic corpus
. utils/step.sh

[ $# -eq 2 ] || die "expected <corpus> <data>, found $# arguments"
data=$2
corpus=$(find_corpus --layout ravdess "$1" "$data" RAVDESS)
begin_step prepare_data "$data" --edited --files about 'all/*' 'mixed/*' 'folds/*/*/*' --corpus "$corpus" \
  --value bad_audio="$bad_audio" --value folds="$folds"
timbre prepare --corpus-kind ravdess --corpus "$corpus" --option bad_audio="$bad_audio" --option mix=true --out "$data"
timbre make-folds --labels utt2emotion --unit speaker --folds "$folds" --balance spk2gender "$data/all" "$data/folds"
end_step
