#!/usr/bin/env bash
# Adds augmented copies of its utterances to a data directory, in parallel jobs:
#   steps/augment_data.sh [options] <data> <out>
# writes wav files into <out>/wav and then the data directory <out>: the originals and, for each of the conf's
# augment.kinds, a copy '<id>-<kind>' of each. What a killed run has written is kept.
set -euo pipefail

conf=                 # an experiment's conf with an augment section
sources=data/augment  # folder of the data directories noise, music, speech and rirs, each optional
nj=4                  # parallel jobs
cmd=                  # job runner (default: train_cmd of cmd.sh)
bad_audio=fail        # audio that cannot be used: fail, or skip
max_skipped=0.05      # with skip, the largest fraction left out
allow_pipes=false     # run the commands of wav.scp
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/step.sh"

[ $# -eq 2 ] || die "expected <data> <out>, found $# arguments"
data=$1 out=$2
[ -n "$conf" ] || die "no conf: name an experiment's with --conf"
mapfile -t recordings < <(list_sources "$sources")
[ ${#recordings[@]} -gt 0 ] || sources=
begin_step augment_data "$out" --resumable --keep --audio "$data" "${recordings[@]/#/--audio=}" --conf "$conf" \
  --keys augment features.sample_rate features.resample --value bad_audio="$bad_audio"

utterances=$(wc -l <"$data/utt2spk")
[ "$nj" -le "$utterances" ] || nj=$utterances
export OMP_NUM_THREADS=1
${cmd:-$train_cmd} "$JOB=1:$nj" "$WORK/log/augment.$JOB.log" \
  timbre augment-data --conf "$conf" --sources "$sources" --job "$JOB" --num-jobs "$nj" \
  --bad-audio "$bad_audio" --allow-pipes "$allow_pipes" "$data" "$WORK"
timbre collect-augmented-data --jobs "$nj" --max-skipped "$max_skipped" "$data" "$WORK"
end_step
