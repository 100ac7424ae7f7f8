#!/usr/bin/env bash
# Adds augmented copies of its utterances to a data directory, in parallel jobs:
#   steps/augment_data.sh [options] <data> <out>
# writes wav files into <out>/wav and then the data directory <out>: the originals and, for each of the conf's
# augment.kinds, a copy '<id>-<kind>' of each. Wav files that are there already are kept.
set -euo pipefail

conf=              # an experiment's conf with an augment section
set=()             # override one key of the conf: augment.kinds=[noise,babble]
sources=           # folder of the data directories noise, music, speech and rirs, each optional
nj=4               # parallel jobs
cmd=               # job runner (default: train_cmd of cmd.sh)
bad_audio=fail     # audio that cannot be used: fail, or skip
max_skipped=0.05   # with skip, the largest fraction left out
allow_pipes=false  # run the commands of wav.scp
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"
. "$here/cmd.sh"

[ $# -eq 2 ] || die "expected <data> <out>, found $# arguments"
data=$1 out=$2
require_file "$data/wav.scp" "the preparation of the corpus (stage 0) makes it"
require_file "$data/utt2spk" "the preparation of the corpus (stage 0) makes it"
[ -n "$conf" ] || die "no conf: name an experiment's with --conf"
require_file "$conf" "name another with --conf"
lock_dir "$out"

utterances=$(wc -l < "$data/utt2spk")
[ "$nj" -le "$utterances" ] || nj=$utterances
export OMP_NUM_THREADS=1
${cmd:-$train_cmd} JOB=1:"$nj" "$out/log/augment.JOB.log" \
  timbre augment-data --conf "$conf" "${set[@]/#/--set=}" --sources "$sources" --job JOB --num-jobs "$nj" \
  --bad-audio "$bad_audio" --allow-pipes "$allow_pipes" "$data" "$out"
timbre collect-augmented-data --jobs "$nj" --max-skipped "$max_skipped" "$data" "$out"
