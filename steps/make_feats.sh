#!/usr/bin/env bash
# Extracts features to ark/scp in parallel jobs, or takes those that came with the corpus (features.kind given):
#   steps/make_feats.sh [options] <data> [<logdir>] [<featdir>]
# writes feats.scp, utt2num_frames, utt2dur, utt2level (dB), utt2audio (a hash of the samples), and feats.skipped with
# what the policy left out, into <data>.
set -euo pipefail

conf=conf/mfcc.yaml    # a features section, or an experiment's conf that has one
set=()                 # override one key of the conf: features.num_mel_bins=40
stream=                # of a conf with streams: the one whose frames are extracted
nj=4                   # parallel jobs
cmd=                   # job runner (default: train_cmd of cmd.sh)
bad_audio=fail         # audio that cannot be used: fail, or skip
max_skipped=0.05       # with skip, the largest fraction left out
allow_pipes=false      # run the commands of wav.scp
kind=feats             # what to write: feats, or vad (steps/compute_vad.sh)
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"
. "$here/cmd.sh"

[ $# -ge 1 ] && [ $# -le 3 ] || die "expected <data> [<logdir>] [<featdir>], found $# arguments"
data=$1 logdir=${2:-$1/log} featdir=${3:-$1/data}
[ -e "$data/given.scp" ] || require_file "$data/wav.scp" "the preparation of the corpus (stage 0) makes it"
require_file "$conf" "name another with --conf"

utterances=$(wc -l < "$data/utt2spk")
[ "$nj" -le "$utterances" ] || nj=$utterances
case $kind in
  feats) command=make-feats options=(--stream "$stream") beside=(--beside utt2num_frames utt2dur utt2level utt2audio) ;;
  vad) command=compute-vad options=() beside=() ;;
  *) die "--kind takes feats or vad, found '$kind'" ;;
esac
"$here/utils/split_data.sh" --per-utt "$data" "$nj" > /dev/null
export OMP_NUM_THREADS=1
${cmd:-$train_cmd} JOB=1:"$nj" "$logdir/$kind.JOB.log" \
  timbre "$command" --conf "$conf" "${set[@]/#/--set=}" "${options[@]}" --job JOB --bad-audio "$bad_audio" \
  --allow-pipes "$allow_pipes" "$data/split${nj}utt/JOB" "$featdir"
timbre collect-jobs --jobs "$nj" --max-skipped "$max_skipped" "$data" "$featdir" "$kind" "${beside[@]}"
