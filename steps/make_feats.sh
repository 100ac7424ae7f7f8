#!/usr/bin/env bash
# Makes a data directory with features: the tables of another one, and its frames in ark/scp, in parallel jobs:
#   steps/make_feats.sh [options] <data> <out>
# Frames are computed from wav.scp, or are those that came with the corpus (features.kind given). <out> gets feats.scp,
# front_end.yaml (what made the frames), vad.scp where the conf reads voiced frames only, utt2num_frames, utt2dur,
# utt2level (dB), utt2audio (a hash of the samples), and feats.skipped with what --bad-audio skip has left out.
set -euo pipefail

conf=conf/mfcc.yaml  # an experiment's conf, or its features section
most=                # at most so many utterances, evenly spread over <data>
nj=4                 # parallel jobs
cmd=                 # job runner (default: train_cmd of cmd.sh)
bad_audio=fail       # audio that cannot be used: fail, or skip
max_skipped=0.05     # with skip, the largest fraction left out
allow_pipes=false    # run the commands of wav.scp
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/step.sh"

[ $# -eq 2 ] || die "expected <data> <out>, found $# arguments"
data=$1 out=$2
begin_step make_feats "$out" --by-content --keep --audio "$data" \
  --conf "$conf" --keys features input.vad input.voiced_only --value most="$most" --value bad_audio="$bad_audio"

if [ -n "$most" ] && [ "$(wc -l <"$data/utt2spk")" -gt "$most" ]; then
  "$here/utils/subset_data_dir.sh" "$data" "$most" "$WORK" >/dev/null
else
  "$here/utils/copy_data_dir.sh" "$data" "$WORK" >/dev/null
fi
[ ! -e "$data/enrol" ] || cp "$data/enrol" "$WORK/enrol"
"$here/utils/validate_data_dir.sh" --no-feats --no-text "$WORK" >/dev/null

reused= # frames of the earlier version, where labels or texts alone have changed
[ ! -e "$out" ] || [ "${TIMBRE_FORCE:-false}" = true ] || reused=$(timbre reuse-feats "$out" "$WORK")
if [ -n "$reused" ]; then
  echo "$reused"
else
  utterances=$(wc -l <"$WORK/utt2spk")
  [ "$nj" -le "$utterances" ] || nj=$utterances
  timbre split-data --per-utt --out "$WORK/split" "$WORK" "$nj" >/dev/null
  export OMP_NUM_THREADS=1
  ${cmd:-$train_cmd} "$JOB=1:$nj" "$WORK/log/feats.$JOB.log" \
    timbre make-feats --conf "$conf" --job "$JOB" --bad-audio "$bad_audio" \
    --allow-pipes "$allow_pipes" "$WORK/split/$JOB" "$WORK/data"
  timbre collect-feats --jobs "$nj" --max-skipped "$max_skipped" "$WORK" "$WORK/data"
  rm -r "$WORK/split"
fi
if [ -s "$WORK/feats.skipped" ]; then "$here/utils/fix_data_dir.sh" "$WORK"; fi
end_step
