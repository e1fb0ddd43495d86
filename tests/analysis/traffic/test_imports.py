"""The traffic analysis is light to import: heavy libraries come when something is looked at."""

from __future__ import annotations

import subprocess
import sys


def test_nothing_heavy_is_loaded_by_the_import() -> None:
    code = (
        "import sys, pytest_conformance.analysis.traffic\n"
        "heavy = {'numpy', 'cv2', 'scipy', 'pydantic', 'cryptography', 'PIL', 'socket', 'pytest'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
