#!/usr/bin/env bash
# Make .venv-interception with mitmproxy, which pins its own versions and so lives apart. Run by `make interception`.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=.venv-interception
[ -x $venv/bin/mitmdump ] && { $venv/bin/mitmdump --version 2>/dev/null | sed -n 1p; exit 0; }
.venv/bin/python -m venv $venv
$venv/bin/python -m pip install --quiet --disable-pip-version-check 'mitmproxy>=11,<13'
$venv/bin/mitmdump --version | sed -n 1p
