# classification.sh: stages 1 to 5 of every recipe whose classes are known beforehand (which of these speakers, which
# emotion); a recipe sources it after its stage 0.
# Stage 0 has made $data/train and $data/$part, the labelled part that is reported on, and may have made others
# without labels, named by the array unlabelled; each has utt2spk, spk2utt, and wav.scp or given.scp.
# Of the recipe it takes the options conf set nj ngpu device bad_audio, and what utils/experiment.sh makes of them.
# shellcheck shell=bash disable=SC2154
options=(--nj "$nj" --bad-audio "$bad_audio" --conf "$conf" "${overrides[@]}" --vad "$vad")
sources=data/augment
[ -d "$sources" ] || sources=
if ((stage <= 1)); then # before anything is computed
  timbre check-conf --conf "$conf" "${overrides[@]}" ${sources:+--sources "$sources"} --ngpu "$ngpu" "$data/train"
fi
if stage 1 "features: frames to ark/scp"; then
  if [ -n "$augmented" ]; then
    steps/augment_data.sh --nj "$nj" --bad-audio "$bad_audio" --conf "$conf" "${overrides[@]}" --sources "$sources" \
      "$data/train" "$augmented"
  fi
  if [ "$train" != "$feats/train" ]; then # augmented, or computed in training
    steps/make_feats_dir.sh "${options[@]}" --online "$online" "${augmented:-$data/train}" "$train"
  fi
  for each in train "$part" "${unlabelled[@]}"; do
    steps/make_feats_dir.sh "${options[@]}" "$data/$each" "$feats/$each"
  done
fi

if stage 2 "train: encoder and classes, on random crops"; then
  steps/train_encoder.sh --conf "$conf" "${overrides[@]}" --train "$train" --sources "$sources" --ngpu "$ngpu" \
    --device "$device" "$exp"
fi

if stage 3 "predict: posteriors of whole utterances, by the model and by baselines"; then
  for each in "$part" "${unlabelled[@]}"; do
    steps/predict.sh --nj "$nj" --device "$device" --bad-audio "$bad_audio" "$exp" "$feats/$each" "$exp/$each"
  done
  steps/predict_baselines.sh --baseline majority --baseline statistics_lda --labels "$labels" --train "$feats/train" \
    "$feats/$part" "$exp/baseline"
fi

if stage 4 "score: accuracy with its interval, against the baselines; who is taken for whom"; then
  steps/evaluate_classes.sh --name "${exp##*/}" --labels "$labels" --train "$feats/train" \
    --system "majority=$exp/baseline/majority" --system "LDA of statistics=$exp/baseline/statistics_lda" \
    "$feats/$part" "$exp/$part" "$exp"
fi

if stage 5 "report: plots, tables and the conf in one HTML file; the model's card"; then
  steps/make_report.sh --about "$(<"$data/about")" "$exp"
fi
