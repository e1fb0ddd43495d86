"""Add-on of mitmproxy: one line of JSON for each TLS outcome and each piece of content.

Runs in mitmproxy's own process and imports nothing of this package: mitmproxy lives in an environment of its own.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

REPORT = "CONFORMANCE_INTERCEPTOR_REPORT"
"""Name of the environment variable that holds the path of the report."""


class Outcomes:
    """Appends lines `{"port", "id", "what", ...}`: "accepted", "refused", "no-server", "bytes"."""

    def load(self, loader: Any) -> None:
        """Open the report; called once when mitmproxy starts."""
        self._report = Path(os.environ[REPORT]).open("a", buffering=1, encoding="utf-8")  # noqa: SIM115 - kept open

    def tls_start_server(self, data: Any) -> None:
        """Ask the true host for the name that the device asked for."""
        data.conn.sni = data.context.client.sni or data.conn.sni

    def tls_established_client(self, data: Any) -> None:
        self._say(data.context.client, "accepted")

    def tls_failed_client(self, data: Any) -> None:
        self._say(data.context.client, "refused", reason=str(data.conn.error or ""))

    def tls_failed_server(self, data: Any) -> None:
        self._say(data.context.client, "no-server", reason=str(data.conn.error or ""))

    def server_connect_error(self, data: Any) -> None:
        self._say(data.client, "no-server", reason=str(data.server.error or ""))

    def request(self, flow: Any) -> None:
        size = len(flow.request.raw_content or b"") + sum(len(k) + len(v) for k, v in flow.request.headers.fields)
        self._say(flow.client_conn, "bytes", size=size + len(flow.request.path))

    def tcp_message(self, flow: Any) -> None:
        message = flow.messages[-1]
        if message.from_client:
            self._say(flow.client_conn, "bytes", size=len(message.content))

    def _say(self, client: Any, what: str, **more: Any) -> None:
        row = {"port": client.sockname[1], "id": client.id, "what": what, **more}
        self._report.write(json.dumps(row) + "\n")


addons = [Outcomes()]
