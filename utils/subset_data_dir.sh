#!/usr/bin/env bash
# subset_data_dir.sh [--per-spk|--shortest|--first|--last|--speakers] SOURCE NUMBER DESTINATION, or
# subset_data_dir.sh --utt-list FILE|--spk-list FILE SOURCE DESTINATION
# Makes a data directory with a part of the utterances of another: by default an even spread of them.
set -euo pipefail
# shellcheck source=path.sh
. "$(dirname "$(readlink -f "$0")")/../path.sh"
exec timbre subset-data-dir "$@"
