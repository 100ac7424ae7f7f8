#!/usr/bin/env bash
# Embeds whole utterances in parallel jobs:
#   steps/extract_embeddings.sh [options] <exp> <data> <out>
# writes xvector.{ark,scp}, spk_xvector.{ark,scp} (means) and num_utts.ark into <out>; jobs that ended before
# an interruption are not repeated. With --kind posteriors (steps/predict.sh): posteriors.{ark,scp} and classes, and of a
# fusion of streams their weights, gates.{ark,scp}, and the streams' names.
set -euo pipefail

nj=2              # parallel jobs
cmd=              # job runner (default: train_cmd of cmd.sh)
device=auto       # auto, cpu or cuda
precision=fp32    # fp32, or bf16: about twice as fast, the third digit differs; auto: bf16 where the processor multiplies it
kind=xvector      # what to write: xvector, or posteriors (steps/predict.sh)
lang=             # of a fusion: whose gate and head are used for all utterances (default: each utterance's own)
bad_audio=fail    # utterances too short to embed: fail, or skip
max_skipped=0.05  # with skip, the largest fraction left out
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/parse_options.sh"
. "$here/path.sh"
. "$here/cmd.sh"

[ $# -eq 3 ] || die "expected <exp> <data> <out>, found $# arguments"
exp=$1 data=$2 out=$3
model=$exp/final.pt
[ ! -f "$exp" ] || model=$exp # a checkpoint by its path
require_file "$model" "steps/train_encoder.sh (stage 2) makes it"
shopt -s nullglob
scps=("$data"/feats*.scp "$data"/vectors_*.scp) # of one stream, or of several
require_file "${scps[0]-$data/feats.scp}" "steps/make_feats.sh (stage 1) makes it"
lock_dir "$out"

utterances=$(wc -l < "$data/utt2spk")
[ "$nj" -le "$utterances" ] || nj=$utterances
# The jobs' files are kept under the model and the data that they were made of, until they are put together.
made_of=$(sha256sum "$model" "${scps[@]}" | cut -d' ' -f1 | sha256sum | cut -c1-12)
parts=$out/jobs.$kind.$made_of.$precision${lang:+.$lang}.$nj
"$here/utils/split_data.sh" --per-utt "$data" "$nj" > /dev/null
share_processors "$nj"
${cmd:-$train_cmd} JOB=1:"$nj" "$out/log/$kind.JOB.log" \
  timbre extract-embeddings --kind "$kind" --device "$device" --precision "$precision" --bad-audio "$bad_audio" \
  --lang "$lang" --job JOB \
  "$exp" "$data/split${nj}utt/JOB" "$parts"
timbre collect-embeddings --kind "$kind" --jobs "$nj" --max-skipped "$max_skipped" "$data" "$parts" "$out"
rm -r "$out/jobs.$kind".*
