#!/usr/bin/env bash
# The data directories of the synthetic speech: local/prepare_speech.sh <corpus> <out>
set -euo pipefail
. utils/step.sh

[ $# -eq 2 ] || die "expected <corpus> <out>, found $# arguments"
begin_step prepare_speech "$2" --files about 'train/*' --corpus "$1"
timbre prepare --corpus-kind synthetic --corpus "$1" --out "$2"
end_step
