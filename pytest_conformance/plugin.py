"""pytest hooks that are always there: options, the `clause` marker, hook specifications. Inert without a run.

Everything else is registered only when `--bench`, `--replay` or `--resume` asks for a run, and nothing heavy is
imported before.
"""

from __future__ import annotations

import pytest

_OPTIONS = (
    ("bench", "NAME|PATH", "run on this bench: a name looked up in benches/ and among installed benches, or a file"),
    ("dut", "NAME|PATH", "declaration of the device under test (default: the one that the bench file names)"),
    ("order", "FILE", "the order that this run belongs to: another model than the ordered one is refused"),
    ("record", "DIR", "folder that receives the record of the run (default: runs/)"),
    ("resume", "RUN", "go on with an interrupted run"),
    ("replay", "RUN", "judge the recorded observations of a run again, without the device"),
    ("clauses", "PATTERN", "only clauses that match, for example 'CN-FRT-*' (several, with commas)"),
    ("profile", "NAME", "sample sizes, windows and limits (default: standard)"),
    ("take-over", "PERSON: REASON", "take the bench from the run that holds it; both records say who and why"),
    ("signing-key", "FILE", "sign the record with this key (made by `conformance key`)"),
    ("time-stamp", "URL", "ask this authority for a time stamp (RFC 3161) of the signature; queued while offline"),
    ("time-stamp-roots", "FILE", "root certificates (PEM) of that authority"),
    ("vault", "DIR", "keys of the faces in the record (default: of this user; beside the records on a mock bench)"),
    ("golden", "SAMPLE", "say in the record that this golden sample is judged: `conformance golden` gives it"),
    ("known-bad", "NAME[,NAME]", "swap in behaviours of a known-bad device (simulated devices only)"),
)
_FLAGS = (
    ("accredited", "refuse whatever an accredited test may not do; a clause without a test counts"),
    ("require-all", "an applicable clause for which no test exists counts in the exit code"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformance", "conformance: clauses measured on a bench")
    for name, metavar, text in _OPTIONS:
        key = f"conformance_{name.replace('-', '_')}"
        group.addoption(f"--{name}", dest=key, metavar=metavar, default=None, help=text)
        parser.addini(key, f"default of --{name}: {text}", default="")
    for name, text in _FLAGS:
        key = f"conformance_{name.replace('-', '_')}"
        group.addoption(f"--{name}", dest=key, action="store_true", default=False, help=text)
        parser.addini(key, f"default of --{name}: {text}", type="bool", default=False)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    from pytest_conformance import hookspec

    pluginmanager.add_hookspecs(hookspec)


def asked_for(config: pytest.Config, name: str) -> str:
    """Return the value of option `name`, or of its ini twin, or "" when neither is set."""
    value = config.getoption(f"conformance_{name}") or config.getini(f"conformance_{name}")
    return str(value or "")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "clause(*ids): the clauses of the catalogue that this test judges")
    if config.option.help or config.option.version:
        return
    if any(asked_for(config, name) for name in ("bench", "replay", "resume")):
        from pytest_conformance.running.session import start

        start(config)
