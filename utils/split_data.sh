#!/usr/bin/env bash
# split_data.sh [--per-utt] DIR N
# Splits DIR into DIR/splitN/1 … N, speakers whole (DIR/splitNutt with --per-utt); nothing to do when up to date.
set -euo pipefail
# shellcheck source=path.sh
. "$(dirname "$(readlink -f "$0")")/../path.sh"
exec timbre split-data "$@"
