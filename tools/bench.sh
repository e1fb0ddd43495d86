#!/usr/bin/env bash
# The main job: the mock bench against the three simulated devices, each ending in a record, an Allure report and results.
set -uo pipefail
cd "$(dirname "$0")/.."
worst=0
for dut in ${DUTS:-mock-lock mock-camera mock-watch}; do
  printf '\n=== %s ===\n' "$dut"
  .venv/bin/python -m pytest --bench=mock --dut="$dut" -q "$@"
  code=$?
  [ "$code" -le "$worst" ] || worst=$code
done
.venv/bin/conformance report --allure --latest 3
exit "$worst"
