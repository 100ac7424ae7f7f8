#!/usr/bin/env bash
# validate_data_dir.sh [--no-feats] [--no-text] [--no-wav] [--non-print] [--no-spk-sort] DIR
# Checks a data directory and names the first problem, with its mend.
set -euo pipefail
# shellcheck source=path.sh
. "$(dirname "$(readlink -f "$0")")/../path.sh"
exec timbre validate-data-dir "$@"
