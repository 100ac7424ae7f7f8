#!/usr/bin/env bash
# run.sh [pytest options]: sets up the environment and runs the tests, all of them or those named.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
# shellcheck source=path.sh
. ./path.sh
exec "${TIMBRE_PYTHON:-python3}" -m pytest "$@"
