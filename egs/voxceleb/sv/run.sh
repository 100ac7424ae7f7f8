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

conf=                   # the experiment (default: conf/ecapa512_aam.yaml, of the stand-in conf/small.yaml)
set=()                  # override one key of the conf (repeatable): train.epochs=5
init=                   # an experiment directory whose model training starts from
exp=                    # experiment directory (default: exp/ and the conf's name with the overrides)
backend=()              # what scores (repeatable; default cosine): cosine+asnorm, lda_plda, cosine+quality
corpus=                 # synthetic, in the place of the next three
voxceleb1=              # VoxCeleb1's folder, with dev and test in it; known after the first run, as the next two
voxceleb2=              # VoxCeleb2's folder, m4a (needs ffmpeg) or wav
lists=                  # folder of the official lists
musan=                  # MUSAN's folder, for augmentation (without it: generated sounds)
rirs=                   # the folder RIRS_NOISES, for augmentation (without it: simulated rooms)
nj=8                    # parallel jobs
ngpu=0                  # processes that share the training on a machine; 0: one
nodes=1                 # machines that share the training
rendezvous=localhost:0  # where they meet: host:port of one of them
device=auto             # auto, cpu or cuda
bad_audio=fail          # audio that cannot be used: fail, or skip
. "$(dirname "$0")/utils/recipe.sh"
voxceleb1=$(from_caller "$voxceleb1") voxceleb2=$(from_caller "$voxceleb2") lists=$(from_caller "$lists")
musan=$(from_caller "$musan") rirs=$(from_caller "$rirs")
[[ $corpus =~ ^(synthetic)?$ ]] || die "--corpus takes synthetic; the real folders: --voxceleb1 --voxceleb2 --lists"
if [ -n "$corpus" ] || grep -qs '^Synthetic' data/about; then conf=${conf:-conf/small.yaml}; fi
conf=${conf:-conf/ecapa512_aam.yaml}

# exp/<conf>/plan: the resolved conf, and the names of folders that follow from it
plan=$(make_plan --conf "$conf" "${set[@]/#/--set=}" --init "$init" --exp "$exp" "${backend[@]/#/--backend=}" \
  --baseline conf/mfcc.yaml)
exp=$(planned "$plan" exp)
feats=$(planned "$plan" feats)       # data/<kind, dimension and hash of the front-end>
train=$(planned "$plan" train)       # of it the part to train on, with copies if the conf asks for them
baseline=$(planned "$plan" baseline) # features of the untrained baseline
jobs=(--nj "$nj" --bad-audio "$bad_audio")
pipes=(--allow-pipes true) # ffmpeg, in the wav.scp that stage 0 writes

if stage 0 "data: the corpora -> data/train, data/test and the lists of trials, data/augment"; then
  local/prepare_data.sh --nj "$nj" --corpus "$corpus" --voxceleb2 "$voxceleb2" --lists "$lists" "$voxceleb1" data
  local/prepare_augmentation.sh --musan "$musan" --rirs "$rirs" data/augment
fi

if stage 1 "features: the conf checked; data/train, data/test -> ark/scp, for encoder and baseline"; then
  steps/check_conf.sh "${backend[@]/#/--backend=}" --ngpu "$ngpu" "$plan" data/train
  steps/make_training_data.sh "${jobs[@]}" "${pipes[@]}" "$plan" data/train "$train"
  steps/make_feats.sh "${jobs[@]}" "${pipes[@]}" --conf "$plan/conf.yaml" data/test "$feats/test"
  steps/make_feats.sh "${jobs[@]}" "${pipes[@]}" --conf "$plan/baseline.yaml" --most 5000 \
    data/train "$baseline/train_most_5000"
  steps/make_feats.sh "${jobs[@]}" "${pipes[@]}" --conf "$plan/baseline.yaml" data/test "$baseline/test"
fi

if stage 2 "train: the encoder on random crops of the training features -> final.pt"; then
  steps/train_encoder.sh "${pipes[@]}" --conf "$plan/conf.yaml" --device "$device" --ngpu "$ngpu" --nodes "$nodes" \
    --rendezvous "$rendezvous" "$train" "$exp"
fi

if stage 3 "embed: whole test utterances -> test/xvector.scp; the baseline's statistics -> baseline/xvector.scp"; then
  steps/extract_embeddings.sh "${jobs[@]}" --device "$device" "$exp" "$feats/test" "$exp/test"
  steps/train_backends.sh "${jobs[@]}" "${pipes[@]}" --device "$device" "$plan" data/train data/test "$exp"
  steps/extract_statistics.sh "$baseline/train_most_5000" "$baseline/test" "$exp/baseline"
fi

if stage 4 "score: every trial by every back-end -> scores; EER and minDCF with intervals -> metrics.json"; then
  steps/score_lists.sh "${backend[@]/#/--backend=}" "$feats/test" data/test "$exp"
fi

if stage 5 "report: plots, tables and the conf -> report.html; the model's card -> model_card.md"; then
  steps/make_report.sh --about data/about "$exp"
fi
