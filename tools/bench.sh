#!/usr/bin/env bash
# The main job: the mock bench against the simulated devices, each ending in a record, an Allure report and results.
# DUTS names other devices; arguments go to pytest. The exit code is that of the worst run.
set -uo pipefail
cd "$(dirname "$0")/.."
read -r -a duts <<<"${DUTS:-mock-lock mock-camera mock-watch}"
worst=0
for dut in "${duts[@]}"; do
  printf '\n=== %s ===\n' "$dut"
  .venv/bin/python -m pytest --bench=mock --dut="$dut" -q "$@"
  code=$?
  [ "$code" -le "$worst" ] || worst=$code
done
printf '\n=== where everything lies ===\n'
.venv/bin/conformance report --allure --latest "${#duts[@]}"
code=$?
[ "$worst" -ne 0 ] || worst=$code
exit "$worst"
