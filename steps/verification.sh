# verification.sh: stages 1 to 5 of every speaker-verification recipe, which sources it after its stage 0.
# Stage 0 has made data/train and data/test with wav.scp, utt2spk, spk2utt, and data/test/trials.
# Of the recipe it takes the options conf set nj device bad_audio, and what utils/experiment.sh makes of them.
# shellcheck shell=bash disable=SC2154
if stage 1 "features: frames to ark/scp, for the encoder and for the untrained baseline"; then
  options=(--nj "$nj" --bad-audio "$bad_audio")
  for part in train test; do
    steps/make_feats_dir.sh "${options[@]}" --conf conf/mfcc.yaml data/$part "$baseline/$part"
  done
  options+=(--conf "$conf" "${overrides[@]}" --vad "$vad")
  steps/make_feats_dir.sh "${options[@]}" --speeds "$speeds" data/train "$train"
  steps/make_feats_dir.sh "${options[@]}" data/test "$feats/test"
fi

if stage 2 "train: the encoder, on random crops"; then
  steps/train_encoder.sh --conf "$conf" "${overrides[@]}" --train "$train" --device "$device" "$exp"
fi

if stage 3 "embed: whole test utterances; the baseline's mean and standard deviation of frames"; then
  steps/extract_embeddings.sh --nj "$nj" --device "$device" "$exp" "$feats/test" "$exp/test"
  steps/extract_statistics.sh --train "$baseline/train" "$baseline/test" "$exp/baseline"
fi

if stage 4 "score: the cosine of every trial; EER and minDCF with their intervals"; then
  steps/score_trials.sh --mean "$exp/mean.ark" data/test/trials "$exp"/test/xvector.scp{,} "$exp/scores"
  steps/score_trials.sh data/test/trials "$exp"/baseline/xvector.scp{,} "$exp/baseline/scores"
  steps/evaluate.sh --name "${exp##*/}" --baseline "$exp/baseline/scores" "$feats/test" data/test/trials "$exp/scores" "$exp"
fi

if stage 5 "report: plots, tables and the conf in one HTML file"; then
  steps/make_report.sh --about "$(<data/about)" "$exp"
fi
