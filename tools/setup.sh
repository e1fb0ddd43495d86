#!/usr/bin/env bash
# Make .venv with the project and everything that its runs and tests use. Run by `make bench` and `make test`; the
# latter sets TESTS=1 for what only tests need: a screen without a monitor, and a kernel's USB without a device.
# As root on Debian it installs what is missing; elsewhere it takes the next door and says which.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=.venv
stamp=$venv/.ready
wanted=$( { cat pyproject.toml tools/setup.sh; } | sha256sum | cut -d' ' -f1)
say() { printf 'setup: %s\n' "$*"; }

python=${PYTHON:-}
if [ -z "$python" ]; then
  for each in python3.11 python3.12 python3.13 python3; do
    if command -v "$each" >/dev/null 2>&1 && "$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
      python=$each
      break
    fi
  done
fi
[ -n "$python" ] || { say "no Python 3.11 or later was found; install python3.11 and run again"; exit 1; }

packages() { # Debian packages for what is missing here
  command -v chromium-headless-shell >/dev/null 2>&1 || command -v chromium >/dev/null 2>&1 || echo chromium-headless-shell
  command -v dumpcap >/dev/null 2>&1 || echo wireshark-common
  command -v tshark >/dev/null 2>&1 || echo tshark
  command -v ip >/dev/null 2>&1 || echo iproute2
  ldconfig -p 2>/dev/null | grep -q 'libGL\.so\.1' || echo libgl1
  ldconfig -p 2>/dev/null | grep -q 'libglib-2\.0\.so\.0' || echo libglib2.0-0
  "$python" -c 'import ensurepip' 2>/dev/null || echo python3-venv
  [ -z "${TESTS:-}" ] || command -v pdftotext >/dev/null 2>&1 || echo poppler-utils
  [ -z "${TESTS:-}" ] || command -v openssl >/dev/null 2>&1 || echo openssl
  [ -z "${TESTS:-}" ] || command -v Xvfb >/dev/null 2>&1 || echo xvfb
  [ -z "${TESTS:-}" ] || ldconfig -p 2>/dev/null | grep -q 'libumockdev-preload\.so\.0' || echo umockdev
  [ -z "${TESTS:-}" ] || ldconfig -p 2>/dev/null | grep -q 'libusb-1\.0\.so\.0' || echo libusb-1.0-0
}

missing=$(packages | xargs)
if [ -n "$missing" ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    say "installing $missing"
    export DEBIAN_FRONTEND=noninteractive
    log=$(mktemp)
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >"$log" 2>&1 ||
      { for each in $missing; do apt-get install -y -qq --no-install-recommends "$each" >>"$log" 2>&1 || say "no package $each"; done; }
    rm -f "$log"
  else
    say "missing, and not root: $missing"
  fi
  for each in $(packages); do
    case $each in
      chromium-headless-shell) say "without chromium the companion app is driven through its forms; clauses that need pixels say INCONCLUSIVE(method)" ;;
      wireshark-common | tshark | iproute2) say "without $each packets are captured by the bench's own relay where needed" ;;
      libgl1 | libglib2.0-0) say "without $each opencv-python-headless takes the place of opencv-python" ;;
      openssl | poppler-utils | xvfb | umockdev | libusb-1.0-0) say "without $each the tests that need it are skipped, and say so" ;;
      python3-venv) say "without python3-venv there is no environment: install it and run again"; exit 1 ;;
    esac
  done
fi

if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
  exit 0
fi
[ -x $venv/bin/python ] || "$python" -m venv $venv
say "installing the project and its tools into $venv"
$venv/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
$venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --editable '.[all]' --group dev
if ! $venv/bin/python -c 'import cv2' 2>/dev/null; then
  say "opencv-python finds no libGL here: taking opencv-python-headless instead"
  $venv/bin/python -m pip uninstall --quiet --yes opencv-python
  $venv/bin/python -m pip install --quiet --disable-pip-version-check 'opencv-python-headless>=4.8,<6'
fi
printf '%s' "$wanted" >"$stamp"
