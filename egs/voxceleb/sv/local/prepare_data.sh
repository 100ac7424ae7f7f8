#!/usr/bin/env bash
# Stage 0 of this recipe: local/prepare_data.sh [options] <voxceleb1> <data>
# makes <data>/{train,test} and the lists of trials, of the corpora or of synthetic speech laid out like them.
set -euo pipefail

corpus=     # synthetic, in the place of the folders
voxceleb2=  # VoxCeleb2's folder
lists=      # folder of the official lists
nj=2        # parallel jobs, of a synthetic corpus
. utils/step.sh

[ $# -eq 2 ] || die "expected <voxceleb1> <data>, found $# arguments"
voxceleb1=$1 data=$2
if [ "$corpus" = synthetic ]; then
  utils/make_corpus.sh --nj "$nj" --layout voxceleb --conf conf/corpus.yaml "$data/corpus"
  voxceleb1=$data/corpus/voxceleb1 voxceleb2=$data/corpus/voxceleb2 lists=$data/corpus/lists
elif [ -z "$voxceleb1" ] && [ -e "$data/folders" ]; then # those of the last run
  { read -r voxceleb1 && read -r voxceleb2 && read -r lists; } <"$data/folders"
fi
[ -n "$voxceleb1${TIMBRE_STATUS:-}" ] ||
  die "--voxceleb1 DIR is missing; ask for it at https://www.robots.ox.ac.uk/~vgg/data/voxceleb"
begin_step prepare_data "$data" --edited --files about 'train/*' 'test/*' --corpus "${voxceleb1:-the corpus}" \
  ${voxceleb2:+--corpus "$voxceleb2"} ${lists:+--corpus "$lists"}
timbre prepare --corpus-kind voxceleb --corpus "$voxceleb1" --out "$data" \
  ${voxceleb2:+--option voxceleb2="$voxceleb2"} ${lists:+--option lists="$lists"}
write_file "$data/folders" "$voxceleb1" "$voxceleb2" "$lists"
end_step
