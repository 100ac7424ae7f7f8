#!/usr/bin/env bash
# split_utterances.sh [--share 0.1] [--labels utt2spk] [--seed 1] [--least 1] [--unit session] SOURCE FIRST SECOND
# Makes two data directories out of one, every class in both; sessions (utt2session), or what --unit speaker or
# --unit text says, stand in one of them whole.
set -euo pipefail
# shellcheck source=path.sh
. "$(dirname "$(readlink -f "$0")")/../path.sh"
exec timbre split-utterances "$@"
