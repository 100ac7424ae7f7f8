#!/usr/bin/env bash
# Speaker verification on VoxCeleb: trained on VoxCeleb2 dev (5,994 speakers, 1,092,009 utterances), or on VoxCeleb1
# dev without it; tested on the official lists O, E and H of VoxCeleb1. The corpora have to be asked for at
# https://www.robots.ox.ac.uk/~vgg/data/voxceleb; the lists are free there (veri_test2.txt, list_test_all2.txt,
# list_test_hard2.txt are the cleaned ones; vox1_meta.csv and vox2_meta.csv beside them give genders).
#
#   ./run.sh --voxceleb1 DIR --voxceleb2 DIR --lists DIR --musan DIR --rirs DIR --ngpu 2
#   ./run.sh --voxceleb1 DIR --lists DIR            train on VoxCeleb1 dev; DIR with the list O alone
#   ./run.sh --corpus synthetic                     synthetic speech laid out like it, with conf/small.yaml: to try it
#   ./run.sh --stage 1 --conf conf/ecapa512_aam_large_margin.yaml     fine-tune exp/ecapa512_aam
#
# EER % of others on O/E/H: ECAPA-TDNN (C = 512) 1.01/1.24/2.32, ResNet34 0.867/1.049/1.959. Ours: RESULTS.md.
set -euo pipefail

stage=0                       # first stage to run
stop_stage=5                  # last stage to run
conf=                         # the experiment (default: conf/ecapa512_aam.yaml, of the stand-in conf/small.yaml)
set=()                        # override one key of the conf (repeatable): train.epochs=5
init=                         # an experiment directory whose model training starts from
exp=                          # experiment directory (default: exp/ and the conf's name with the overrides)
backend=()                    # what scores (repeatable; default cosine): cosine+asnorm, lda_plda, cosine+quality
corpus=                       # synthetic, in the place of the next three
voxceleb1=                    # VoxCeleb1's folder, with dev and test in it
voxceleb2=                    # VoxCeleb2's folder, m4a (needs ffmpeg) or wav
lists=                        # folder of the official lists
musan=                        # MUSAN's folder, for augmentation (without it: generated sounds)
rirs=                         # the folder RIRS_NOISES, for augmentation (without it: simulated rooms)
nj=8                          # parallel jobs
ngpu=0                        # processes that share the training; 0: one
device=auto                   # auto, cpu or cuda
bad_audio=fail                # audio that cannot be used: fail, or skip
. "$(dirname "$0")/utils/parse_options.sh"
for folder in voxceleb1 voxceleb2 lists musan rirs; do
  [ -z "${!folder}" ] || printf -v "$folder" '%s' "$(realpath -m "${!folder}")"
done
cd "$(dirname "$0")"
. ./path.sh
. utils/recipe.sh
[[ $corpus =~ ^(synthetic)?$ ]] || die "--corpus takes synthetic; the real folders: --voxceleb1 --voxceleb2 --lists"
if [ -n "$corpus" ] || grep -qs '^Synthetic' data/about; then conf=${conf:-conf/small.yaml}; fi
conf=${conf:-conf/ecapa512_aam.yaml}
. utils/experiment.sh

if stage 0 "data: the corpora, data directories and the lists of trials"; then
  if [ "$corpus" = synthetic ]; then
    utils/make_corpus.sh --nj "$nj" --layout voxceleb --conf conf/corpus.yaml data/corpus
    voxceleb1=data/corpus/voxceleb1 voxceleb2=data/corpus/voxceleb2 lists=data/corpus/lists
  fi
  [ -n "$voxceleb1" ] || die "--voxceleb1 DIR is missing; ask for it at https://www.robots.ox.ac.uk/~vgg/data/voxceleb"
  timbre prepare --corpus-kind voxceleb --corpus "$voxceleb1" \
    ${voxceleb2:+--option voxceleb2="$voxceleb2"} ${lists:+--option lists="$lists"}
  [ -z "$musan" ] || timbre prepare --corpus-kind musan --corpus "$musan" --out data/augment
  [ -z "$rirs" ] || timbre prepare --corpus-kind rirs_noises --corpus "$rirs" --out data/augment
fi

allow_pipes=true         # ffmpeg, in the wav.scp that stage 0 writes
. steps/verification.sh  # stages 1 features, 2 train, 3 embed, 4 score, 5 report
