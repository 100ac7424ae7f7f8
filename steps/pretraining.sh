# pretraining.sh: stages 1 to 3 of every recipe that trains a front-end on speech without classes; a recipe sources it
# after its stage 0, which has made $data/all, with wav.scp, utt2spk and spk2utt (and what the task's labels are).
# Of the recipe it takes the options conf set nj ngpu device bad_audio, and what utils/experiment.sh makes of them.
# shellcheck shell=bash disable=SC2154
if ((stage <= 1)); then # before anything is computed
  timbre check-conf --conf "$conf" "${overrides[@]}" --ngpu "$ngpu" "$data/all"
fi
if stage 1 "features: frames to ark/scp, unless they are computed while it trains"; then
  steps/make_feats_dir.sh --nj "$nj" --bad-audio "$bad_audio" --conf "$conf" "${overrides[@]}" --online "$online" \
    "$data/all" "$feats/all$([ "$online" = false ] || echo _online)"
fi

if stage 2 "train: the front-end, resumable at any time"; then
  steps/train_encoder.sh --conf "$conf" "${overrides[@]}" --ngpu "$ngpu" --device "$device" \
    --train "$feats/all$([ "$online" = false ] || echo _online)" "$exp"
fi

if stage 3 "report: how training went, in one HTML file"; then
  require_file "$data/about" "the preparation of the corpus (stage 0) makes it"
  timbre make-report --about "$(<"$data/about")" "$exp"
fi
