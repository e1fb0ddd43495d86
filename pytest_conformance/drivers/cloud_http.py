"""HTTP and JSON to a simulated far end's door on loopback, with the bench's errors. Not for devices."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from pytest_conformance.errors import LinkError

_TIMEOUT = 10.0
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(url: str, content: dict[str, Any] | None = None, *, code: str, where: str) -> Any:
    """GET `url`, or POST `content` to it as JSON, and return the JSON answer. Raises LinkError with `code`."""
    body = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})
    try:
        with _OPENER.open(request, timeout=_TIMEOUT) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        reason = error.read().decode("utf-8", "replace")[:300]
        raise LinkError(code, f"refused with status {error.code}: {reason}", where=f"{where} at {url}") from error
    except (OSError, ValueError) as error:
        raise LinkError(
            code,
            f"does not answer: {error}",
            where=f"{where} at {url}",
            expected="a JSON answer",
            todo="is it powered and reachable? On the mock bench: is the simulation still running?",
        ) from error
