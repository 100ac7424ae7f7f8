#!/usr/bin/env bash
# fetch_model.sh [--wheel FILE] resemblyzer DIR
# Fetches published weights as data, DIR/resemblyzer.pt: the wheel of the PyPI package by pip (or FILE, where there is no
# network), one file out of it, checked by its SHA-256. Nothing is installed. Says the licence.
set -euo pipefail
# shellcheck source=path.sh
. "$(dirname "$(readlink -f "$0")")/../path.sh"
exec timbre fetch-model "$@"
