#!/usr/bin/env bash
# Finds voiced frames (energy, as Kaldi's compute-vad) of the frames that make_feats.sh cuts:
#   steps/compute_vad.sh [options of make_feats.sh] <data> [<logdir>] [<vaddir>]
# writes vad.scp into <data>; the thresholds are input.vad of the conf.
set -euo pipefail
exec "$(dirname "$0")/make_feats.sh" --kind vad "$@"
