#!/usr/bin/env bash
# copy_data_dir.sh [--utt-prefix P] [--utt-suffix S] [--spk-prefix P] [--spk-suffix S] [--validate-opts "…"] SOURCE DESTINATION
# Copies a data directory, with other ids where asked for.
set -euo pipefail
# shellcheck source=path.sh
. "$(dirname "$(readlink -f "$0")")/../path.sh"
exec timbre copy-data-dir "$@"
