#!/usr/bin/env bash
# combine_data.sh [--extra-files "FILE …"] [--skip-fix true] DESTINATION SOURCE …
# Joins data directories; a table is there when every source has it.
set -euo pipefail
# shellcheck source=path.sh
. "$(dirname "$(readlink -f "$0")")/../path.sh"
exec timbre combine-data "$@"
