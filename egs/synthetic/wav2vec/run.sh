#!/usr/bin/env bash
# wav2vec (v1): frames of speech that were learned from audio alone, by telling what comes next from what does not.
# Without speech of yours it learns from synthetic speech that is made here.
#
#   ./run.sh                                       synthetic speech, a small network: minutes on two cores
#   ./run.sh --data DIR                            a data directory of yours, with wav.scp and utt2spk
#   ./run.sh --data DIR --conf conf/large.yaml     the published sizes, on a GPU
#   ./run.sh --stage 2 --set train.epochs=100      from a stage on, with a key of the conf changed
set -euo pipefail

stage=0               # first stage to run
stop_stage=3          # last stage to run
conf=conf/small.yaml  # the experiment; a path from the recipe's folder
set=()                # override one key of the conf (repeatable): train.epochs=5
init=                 # an experiment directory whose model training starts from
exp=                  # experiment directory (default: exp/ and the conf's name with overrides)
data=                 # a data directory to learn from, with wav.scp and utt2spk (default: synthetic speech)
nj=2                  # parallel jobs
ngpu=0                # processes that share the training; 0: one
device=auto           # auto, cpu or cuda
bad_audio=fail        # audio that cannot be used: fail, or skip
. "$(dirname "$0")/utils/parse_options.sh"
speech=${data:+$(realpath -m "$data")} data=data
cd "$(dirname "$0")"
. ./path.sh
. utils/recipe.sh
task=self_supervised
. utils/experiment.sh

if stage 0 "data: the speech to learn from"; then
  steps/prepare_speech.sh --nj "$nj" --speech "$speech" "$data"
fi

. steps/pretraining.sh # stages 1 features, 2 train, 3 report
