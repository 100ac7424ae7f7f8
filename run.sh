#!/usr/bin/env bash
# Speaker verification on synthetic speech, from nothing to an EER and a report.
#
# The speakers are spoken by espeak-ng, so nothing is downloaded. The results say that the recipe works; they say nothing
# about human voices: for those see egs/.
#
#   ./run.sh                              everything, with the default conf; a second time: what has changed
#   ./run.sh --status                     what is fresh, stale or missing, and why
#   ./run.sh --conf conf/ecapa_aam.yaml   another experiment, beside the first
#   ./run.sh --set train.epochs=5         one with a key of the conf changed, beside them
#   ./run.sh --stage 4                    from a stage on
set -euo pipefail

conf=conf/xvector_am.yaml     # the experiment; a path from the recipe's folder
set=()                        # override one key of the conf (repeatable): train.epochs=5
exp=                          # experiment directory (default: exp/ and the conf's name with the overrides)
init=                         # an experiment directory whose model training starts from
backend=()                    # what scores (repeatable; default cosine): plda, cosine+asnorm+calibration …
corpus=                       # where the corpus is, or is to be made (default: data/corpus)
corpus_conf=conf/corpus.yaml  # how many speakers it has, and how hard it is
nj=2                          # parallel jobs
ngpu=0                        # processes that share the training on a machine; 0: one
nodes=1                       # machines that share the training
rendezvous=localhost:0        # where they meet: host:port of one of them
device=auto                   # auto, cpu or cuda
bad_audio=fail                # audio that cannot be used: fail, or skip
. "$(dirname "$0")/utils/recipe.sh"
corpus=$(from_caller "$corpus")

# exp/<conf>/plan: the resolved conf, and the names of folders that follow from it
plan=$(make_plan --conf "$conf" "${set[@]/#/--set=}" --init "$init" --exp "$exp" "${backend[@]/#/--backend=}" \
  --baseline conf/mfcc.yaml)
exp=$(planned "$plan" exp)
feats=$(planned "$plan" feats)       # data/<kind, dimension and hash of the front-end>
train=$(planned "$plan" train)       # of it the part to train on, with copies if the conf asks for them
baseline=$(planned "$plan" baseline) # features of the untrained baseline
jobs=(--nj "$nj" --bad-audio "$bad_audio")

if stage 0 "data: the corpus -> data/train, data/test and its trials"; then
  local/prepare_data.sh --nj "$nj" --conf "$corpus_conf" "${corpus:-data/corpus}" data
fi

if stage 1 "features: the conf checked; data/train, data/test -> ark/scp, for encoder and baseline"; then
  steps/check_conf.sh "${backend[@]/#/--backend=}" --ngpu "$ngpu" "$plan" data/train
  steps/make_training_data.sh "${jobs[@]}" "$plan" data/train "$train"
  steps/make_feats.sh "${jobs[@]}" --conf "$plan/conf.yaml" data/test "$feats/test"
  steps/make_feats.sh "${jobs[@]}" --conf "$plan/baseline.yaml" --most 5000 data/train "$baseline/train_most_5000"
  steps/make_feats.sh "${jobs[@]}" --conf "$plan/baseline.yaml" data/test "$baseline/test"
fi

if stage 2 "train: the encoder on random crops of the training features -> final.pt"; then
  steps/train_encoder.sh --conf "$plan/conf.yaml" --device "$device" --ngpu "$ngpu" --nodes "$nodes" \
    --rendezvous "$rendezvous" "$train" "$exp"
fi

if stage 3 "embed: whole test utterances -> test/xvector.scp; the baseline's statistics -> baseline/xvector.scp"; then
  steps/extract_embeddings.sh "${jobs[@]}" --device "$device" "$exp" "$feats/test" "$exp/test"
  steps/train_backends.sh "${jobs[@]}" --device "$device" "$plan" data/train data/test "$exp"
  steps/extract_statistics.sh "$baseline/train_most_5000" "$baseline/test" "$exp/baseline"
fi

if stage 4 "score: every trial by every back-end -> scores; EER and minDCF with intervals -> metrics.json"; then
  steps/score_lists.sh "${backend[@]/#/--backend=}" "$feats/test" data/test "$exp"
fi

if stage 5 "report: plots, tables and the conf -> report.html; the model's card -> model_card.md"; then
  steps/make_report.sh --about data/about "$exp"
fi
