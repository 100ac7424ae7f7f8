#!/usr/bin/env bash
# Data directories of noises and rooms for augmentation: local/prepare_augmentation.sh [options] <out>
# makes <out>/{noise,music,speech} of MUSAN and <out>/rirs, as far as their folders are given.
set -euo pipefail

musan=  # MUSAN's folder
rirs=   # the folder RIRS_NOISES
. utils/step.sh

[ $# -eq 1 ] || die "expected <out>, found $# arguments"
out=$1
[ -n "$musan$rirs" ] || exit 0
begin_step prepare_augmentation "$out" --edited --files '*/*' ${musan:+--corpus "$musan"} ${rirs:+--corpus "$rirs"}
[ -z "$musan" ] || timbre prepare --corpus-kind musan --corpus "$musan" --out "$out"
[ -z "$rirs" ] || timbre prepare --corpus-kind rirs_noises --corpus "$rirs" --out "$out"
end_step
