"""Records to do harm to: small, signed, with a face in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_conformance.record import Run
from pytest_conformance.record.keys import PublicKey, SigningKey, load_signing_key, make_key

HEADER = {"bench": "b1", "mode": "mock", "device": {"model": "M", "firmware": "1.2", "sample": "S1"}}


@pytest.fixture(scope="session")
def signing_key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return load_signing_key(make_key(tmp_path_factory.mktemp("keys"), "lab"))


@pytest.fixture(scope="session")
def trusted(signing_key: SigningKey) -> dict[str, PublicKey]:
    return {signing_key.public.id: signing_key.public}


@pytest.fixture
def signed_run(tmp_path: Path, signing_key: SigningKey) -> Callable[[], Run]:
    """Make a small run that is signed and stopped."""

    def make() -> Run:
        run = Run.start(tmp_path / "runs", HEADER, key=signing_key)
        for number in range(4):
            run.event("trial", {"campaign": "c", "number": number, "outcome": "match"})
        run.evidence(b"a face", name="face.png", media_type="image/png", face=True)
        run.evidence(b"a,b", name="table.csv", media_type="text/csv")
        run.stop(0)
        return run

    return make
