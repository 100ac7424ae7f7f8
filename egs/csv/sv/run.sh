#!/usr/bin/env bash
# Speaker verification on recordings of your own, listed in a table (CSV) with the columns path, speaker and, if you like,
# gender, session, text, split; or a Kaldi data directory. A published model is fine-tuned on a part of the speakers, and
# tested on the others beside what it was before, on the same trials; without a model one is trained from random weights.
#
#   ./run.sh --table /path/to/speakers.csv --init /path/to/model.pt   fine-tune a model that others have trained
#   ./run.sh --table /path/to/speakers.csv                            train one on this table alone
#   ./run.sh --table synthetic                                  synthetic speech, to try the recipe
#
# README.md has the details.
set -euo pipefail

conf=                     # the experiment (default: conf/fine_tuning.yaml with --init, else conf/ecapa_aam.yaml)
set=()                    # override one key of the conf (repeatable): train.epochs=5
exp=                      # experiment directory (default: exp/ and the conf's name with the overrides)
init=                     # the model that training starts from: a published checkpoint, or an experiment directory
backend=()                # what scores (repeatable; default cosine): plda, cosine+asnorm+calibration …
table=                    # the table's file, a data directory, or synthetic; known after the first run
test_share=0.3            # of the speakers, to be tested, where the table has no column split
nj=2                      # parallel jobs
device=auto               # auto, cpu or cuda
bad_audio=fail            # audio that cannot be used: fail, or skip
. "$(dirname "$0")/utils/recipe.sh"
table=$(from_caller "$table") init=$(from_caller "$init")
conf=${conf:-conf/$([ -n "$init" ] && echo fine_tuning || echo ecapa_aam).yaml}

# exp/<conf>/plan: the resolved conf, and the names of folders that follow from it
plan=$(make_plan --conf "$conf" "${set[@]/#/--set=}" --init "$init" --exp "$exp" "${backend[@]/#/--backend=}" \
  --baseline conf/mfcc.yaml)
exp=$(planned "$plan" exp)
feats=$(planned "$plan" feats)       # data/<kind, dimension and hash of the front-end>
train=$(planned "$plan" train)       # of it the part to train on, with copies if the conf asks for them
baseline=$(planned "$plan" baseline) # features of the untrained baseline
jobs=(--nj "$nj" --bad-audio "$bad_audio")

if stage 0 "data: the table -> data/train, data/test without a speaker in both, and trials"; then
  local/prepare_data.sh --test-share "$test_share" --nj "$nj" --bad-audio "$bad_audio" "$table" data
fi

if stage 1 "features: the conf checked; data/train, data/test -> ark/scp, for encoder and baseline"; then
  steps/check_conf.sh "${backend[@]/#/--backend=}" "$plan" data/train
  steps/make_training_data.sh "${jobs[@]}" "$plan" data/train "$train"
  steps/make_feats.sh "${jobs[@]}" --conf "$plan/conf.yaml" data/test "$feats/test"
  steps/make_feats.sh "${jobs[@]}" --conf "$plan/baseline.yaml" --most 5000 data/train "$baseline/train_most_5000"
  steps/make_feats.sh "${jobs[@]}" --conf "$plan/baseline.yaml" data/test "$baseline/test"
fi

if stage 2 "train: the encoder on random crops of the training features -> final.pt"; then
  steps/train_encoder.sh --conf "$plan/conf.yaml" --device "$device" "$train" "$exp"
fi

if stage 3 "embed: whole test utterances -> test/xvector.scp; by the model as it was -> before/; the baseline's statistics"; then
  steps/extract_embeddings.sh "${jobs[@]}" --device "$device" "$exp" "$feats/test" "$exp/test"
  [ -z "$init" ] || steps/extract_embeddings.sh "${jobs[@]}" --device "$device" "$init" "$feats/test" "$exp/before"
  steps/train_backends.sh "${jobs[@]}" --device "$device" "$plan" data/train data/test "$exp"
  steps/extract_statistics.sh "$baseline/train_most_5000" "$baseline/test" "$exp/baseline"
fi

if stage 4 "score: every trial by every back-end and by the model as it was -> scores; EER, minDCF -> metrics.json"; then
  steps/score_lists.sh "${backend[@]/#/--backend=}" ${init:+--also "before fine-tuning=$exp/before"} \
    "$feats/test" data/test "$exp"
fi

if stage 5 "report: plots, tables and the conf -> report.html; the model's card -> model_card.md"; then
  steps/make_report.sh --about data/about "$exp"
fi
