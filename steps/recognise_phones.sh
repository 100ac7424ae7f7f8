#!/usr/bin/env bash
# Recognises the phones in the utterances of a data directory:
#   steps/recognise_phones.sh [options] <exp> <data> <out>
# writes the table <out>/phones, '<utt> <phone> <phone> …': in the phonemes of its language where utt2lang says it and
# the model was trained on it, else in phones of all languages.
set -euo pipefail

device=auto  # auto, cpu or cuda
inventory=   # file of the phones' names, of a published model
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/step.sh"

[ $# -eq 3 ] || die "expected <exp> <data> <out>, found $# arguments"
exp=$1 data=$2 out=$3
model=$exp/final.pt
[ ! -f "$exp" ] || model=$exp # a checkpoint by its path
begin_step recognise_phones "$out" --input "$model" --data "$data" ${inventory:+--input "$inventory"}
timbre recognise-phones --device "$device" ${inventory:+--inventory "$inventory"} "$exp" "$data" "$WORK"
end_step
