#!/usr/bin/env bash
# fix_data_dir.sh [--utt-extra-files "FILE …"] [--spk-extra-files "FILE …"] DIR
# Sorts a data directory and keeps the utterances that all of its tables have; what changes is kept in DIR/.backup.
set -euo pipefail
# shellcheck source=path.sh
. "$(dirname "$(readlink -f "$0")")/../path.sh"
exec timbre fix-data-dir "$@"
