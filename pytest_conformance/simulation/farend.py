"""The shape of a far end: what a driver or channel connects to, and what can be killed to see what happens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"


class FarEnd(Protocol):
    """One simulated instrument, service or device port."""

    name: str
    """The name under which the manifest lists it: a role name for instruments ("supply"), else what it is."""

    def start(self) -> Mapping[str, Json]:
        """Begin to listen and return what a client needs to know (the manifest's entry)."""
        ...

    def stop(self) -> None:
        """Close everything; safe to call twice."""
        ...

    def kill(self) -> None:
        """Vanish in mid-conversation: close the listener and every connection without a word."""
        ...

    def seen(self) -> Json:
        """Return what this far end saw and did, for tests: commands, output changes, requests, ..."""
        ...
