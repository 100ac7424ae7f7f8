#!/usr/bin/env bash
# Copies a data directory, with further utterances that are its own at other speeds, by further speakers:
#   steps/add_speed_copies.sh <data> <out> <speeds>
# <speeds> are numbers ("0.9 1.1"), or none.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")/..
. "$here/utils/step.sh"

[ $# -eq 3 ] || die "expected <data> <out> <speeds>, found $# arguments"
data=$1 out=$2 speeds=$3
begin_step add_speed_copies "$out" --by-content --keep --data "$data" --value speeds="$speeds"
if [ -n "$speeds" ]; then
  read -ra each <<<"$speeds"
  timbre add-speed-copies "$data" "$WORK" "${each[@]}"
else
  "$here/utils/copy_data_dir.sh" "$data" "$WORK" >/dev/null
fi
"$here/utils/validate_data_dir.sh" --no-feats --no-text "$WORK" >/dev/null
end_step
