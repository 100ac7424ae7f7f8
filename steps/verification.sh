# verification.sh: stages 1 to 5 of every speaker-verification recipe, which sources it after its stage 0.
# Stage 0 has made $data/train and $data/test with wav.scp, utt2spk, spk2utt; the lists of trials are $data/test/trials
# or $data/test/trials_<list>, and models of several utterances stand in $data/test/enrol.
# Of the recipe it takes the options conf set nj ngpu device bad_audio backend, what utils/experiment.sh makes of them,
# and allow_pipes, if the recipe says that the commands of its wav.scp are to be run. Noises and room responses for
# augmentation are taken from data/augment, as far as there are any.
# shellcheck shell=bash disable=SC2154
options=(--nj "$nj" --bad-audio "$bad_audio" --allow-pipes "${allow_pipes:=false}")
sources=data/augment
[ -d "$sources" ] || sources=
if ((stage <= 1)); then # before anything is computed
  timbre check-conf --conf "$conf" "${overrides[@]}" "${backend[@]/#/--backend=}" ${sources:+--sources "$sources"} \
    --ngpu "$ngpu" "$data/train"
fi
if stage 1 "features: frames to ark/scp, for the encoder and for the untrained baseline"; then
  # The baseline's folder is its own: an encoder on the same features is trained on all utterances.
  steps/make_feats_dir.sh "${options[@]}" --conf conf/mfcc.yaml --most 5000 "$data/train" "$baseline/train_most_5000"
  steps/make_feats_dir.sh "${options[@]}" --conf conf/mfcc.yaml "$data/test" "$baseline/test"
  options+=(--conf "$conf" "${overrides[@]}")
  if [ -n "$augmented" ]; then
    steps/augment_data.sh "${options[@]}" --sources "$sources" "$data/train" "$augmented"
  fi
  options+=(--vad "$vad")
  steps/make_feats_dir.sh "${options[@]}" --speeds "$speeds" --online "$online" "${augmented:-$data/train}" "$train"
  steps/make_feats_dir.sh "${options[@]}" "$data/test" "$feats/test"
fi

if stage 2 "train: the encoder, on random crops"; then
  steps/train_encoder.sh --conf "$conf" "${overrides[@]}" --train "$train" --allow-pipes "$allow_pipes" \
    --sources "$sources" --ngpu "$ngpu" --device "$device" "$exp"
fi

if stage 3 "embed: whole test utterances, and those that back-ends are trained on; the baseline's statistics"; then
  embed=(steps/extract_embeddings.sh --nj "$nj" --device "$device" --bad-audio "$bad_audio" "$exp")
  "${embed[@]}" "$feats/test" "$exp/test"
  if [ ${#trained[@]} -gt 0 ]; then
    options=(--nj "$nj" --bad-audio "$bad_audio" --allow-pipes "$allow_pipes" --vad "$vad" --conf "$conf")
    steps/make_feats_dir.sh "${options[@]}" "${overrides[@]}" "$data/train" "$feats/train"
    "${embed[@]}" "$feats/train" "$exp/train"
    steps/train_backend.sh "${trained[@]}" "$exp" "$feats/train" "$exp/train" "$exp/backend"
  fi
  steps/extract_statistics.sh --train "$baseline/train_most_5000" "$baseline/test" "$exp/baseline"
fi

if stage 4 "score: every trial by every back-end; EER and minDCF with their intervals"; then
  steps/score_lists.sh "${scored[@]}" --name "${exp##*/}" "$feats/test" "$data/test" "$exp"
fi

if stage 5 "report: plots, tables and the conf in one HTML file; the model's card"; then
  steps/make_report.sh --about "$(<"$data/about")" "$exp"
fi
