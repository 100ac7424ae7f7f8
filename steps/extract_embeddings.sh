#!/usr/bin/env bash
# Embeds whole utterances in parallel jobs:
#   steps/extract_embeddings.sh [options] <exp> <data> <out>
# <exp> is an experiment, or a published checkpoint by its file or folder (docs/own_data.md). The step
# writes xvector.{ark,scp}, spk_xvector.{ark,scp} (means) and num_utts.ark into <out>; jobs that ended before an
# interruption are not repeated. With --kind posteriors (steps/predict.sh): posteriors.{ark,scp} and classes, and of a
# fusion of streams their weights, gates.{ark,scp}, and the streams' names.
set -euo pipefail

nj=2                  # parallel jobs
cmd=                  # job runner (default: cuda_cmd of cmd.sh)
device=auto           # auto, cpu or cuda
precision=fp32        # fp32, or bf16: about twice as fast, the third digit differs; auto: bf16 where the processor multiplies it
kind=xvector          # what to write: xvector, or posteriors (steps/predict.sh)
lang=                 # of a fusion: whose gate and head are used for all utterances (default: each utterance's own)
bad_audio=fail        # utterances too short to embed: fail, or skip
max_skipped=0.05      # with skip, the largest fraction left out
trust_features=false  # take features that do not say which front-end made them: they fit the model
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/step.sh"

[ $# -eq 3 ] || die "expected <exp> <data> <out>, found $# arguments"
exp=$1 data=$2 out=$3
begin_step "extract_$kind" "$out" --resumable --model "$exp" --data "$data" --value precision="$precision" \
  --value lang="$lang" --value bad_audio="$bad_audio"

utterances=$(wc -l <"$data/utt2spk")
[ "$nj" -le "$utterances" ] || nj=$utterances
parts=$WORK/jobs.$nj
timbre split-data --per-utt --out "$WORK/split" "$data" "$nj" >/dev/null
share_processors "$nj"
${cmd:-$cuda_cmd} "$JOB=1:$nj" "$WORK/log/$kind.$JOB.log" \
  timbre extract-embeddings --kind "$kind" --device "$device" --precision "$precision" --bad-audio "$bad_audio" \
  --lang "$lang" --trust-features "$trust_features" --whole "$data" --job "$JOB" "$exp" "$WORK/split/$JOB" "$parts"
timbre collect-embeddings --kind "$kind" --jobs "$nj" --max-skipped "$max_skipped" "$data" "$parts" "$WORK"
rm -r "$WORK"/jobs.* "$WORK/split"
end_step
