#!/usr/bin/env bash
# The main job: the mock bench against the simulated devices, each ending in a record, an Allure report and results.
# DUTS names other devices; PROFILE other sample sizes; arguments go to pytest. All devices run side by side, each
# on a simulated bench of its own; what the first says is shown as it comes, the others' words when they are done.
# The exit code is that of the worst run.
set -uo pipefail
cd "$(dirname "$0")/.."
read -r -a duts <<<"${DUTS:-mock-lock mock-camera mock-watch}"
words=$(mktemp -d)
trap 'rm -rf "$words"' EXIT
run() { # device, pytest arguments...
  local dut=$1
  shift
  .venv/bin/python -m pytest --bench=mock --dut="$dut" --profile="${PROFILE:-quick}" -q "$@"
}
declare -A jobs=()
for dut in "${duts[@]:1}"; do
  run "$dut" "$@" >"$words/$dut" 2>&1 &
  jobs[$dut]=$!
done
printf '=== %s ===\n' "${duts[0]}"
run "${duts[0]}" "$@"
worst=$?
for dut in "${duts[@]:1}"; do
  wait "${jobs[$dut]}"
  code=$?
  printf '\n=== %s ===\n' "$dut"
  cat "$words/$dut"
  [ "$code" -le "$worst" ] || worst=$code
done
printf '\n=== where everything lies ===\n'
.venv/bin/conformance report --allure --latest "${#duts[@]}"
code=$?
[ "$worst" -ne 0 ] || worst=$code
exit "$worst"
