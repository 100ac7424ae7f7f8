#!/usr/bin/env bash
# export_onnx.sh --model EXP [--out FILE.onnx]
# Exports a trained encoder to ONNX, its front-end and back-end described in it and in FILE.onnx.json.
set -euo pipefail
# shellcheck source=path.sh
. "$(dirname "$(readlink -f "$0")")/../path.sh"
exec timbre export-onnx "$@"
