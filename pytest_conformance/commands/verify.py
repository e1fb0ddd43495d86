"""`conformance verify RUN|BUNDLE|PROOF`: check a record by itself. Needs no instrument and changes nothing."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_conformance.commands import FAILED, OK
from pytest_conformance.commands.naming import RUNS, find_run
from pytest_conformance.commands.output import add_json, one_line, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_conformance.record.findings import Finding, Verified
    from pytest_conformance.record.keys import PublicKey

SCHEMA = "conformance-verification/1"
PROOF_CAP = 64 * 1024 * 1024


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN|BUNDLE|PROOF", help="folder or beginning of the name of a run, or a file")
    parser.add_argument("--record", metavar="DIR", default=RUNS, help="where runs lie (default: runs)")
    parser.add_argument("--trust", metavar="KEY|DIR", help="public keys: it must be signed to its end by one of them")
    parser.add_argument(
        "--tsa-roots", metavar="FILE", help="roots of an authority: each last signature needs its time stamp"
    )
    parser.add_argument("--recompute", action="store_true", help="judge every recorded observation again, and compare")
    parser.add_argument("--suite", metavar="FILE", action="append", default=[], help="tests that are not shipped")
    add_json(parser)


def run(arguments: Namespace) -> int:
    from pytest_conformance.record.keys import load_trusted

    trusted = load_trusted(Path(arguments.trust)) if arguments.trust else None
    roots = _roots(arguments)
    given = Path(arguments.run)
    if given.is_file() and given.suffix == ".json":
        return _proof(arguments, given, trusted)
    from pytest_conformance.record.verify import verify

    with _opened(given, Path(arguments.record)) as folder:
        seen = verify(folder, trusted=trusted)
        named = str(given if given.is_file() else folder)
        facts = _facts(seen, trusted)
        _check_stamps(folder, roots, seen, facts)
        if arguments.recompute and not seen.findings:
            _recompute(folder, [Path(each) for each in arguments.suite], seen, facts)
    if arguments.json:
        rows = [asdict(each) for each in seen.findings]
        print_json({"schema": SCHEMA, "run": named, "ok": not seen.findings, **facts, "findings": rows})
    else:
        _print(folder.name, seen.findings, facts)
    return FAILED if seen.findings else OK


def _roots(arguments: Namespace) -> str:
    if not arguments.tsa_roots:
        return ""
    from pytest_conformance.record.timestamps import load_roots

    return load_roots(Path(arguments.tsa_roots))


def _check_stamps(folder: Path, roots: str, seen: Verified, facts: dict[str, Any]) -> None:
    from pytest_conformance.record.timestamps import check_stamps

    stamps, findings = check_stamps(folder, [*seen.signed, *seen.signed_later], roots)
    seen.findings += findings
    facts["time_stamps"] = [
        {
            "of": each.attestation,
            "time": each.time.isoformat() if each.time else None,
            "pending": each.pending,
            "trusted": bool(roots),
        }
        for each in stamps
    ]


def _recompute(folder: Path, suites: Sequence[Path], seen: Verified, facts: dict[str, Any]) -> None:
    from pytest_conformance.commands.recomputing import recompute
    from pytest_conformance.record.findings import Finding

    found = recompute(folder, suites)
    facts["recomputed"] = {"same": len(found.same), "different": len(found.different), "beyond": found.beyond}
    for test, what in found.different.items():
        seen.findings.append(Finding("recomputed", f"{test}: {what}"))


@contextmanager
def _opened(given: Path, below: Path) -> Iterator[Path]:
    if given.is_file() and given.name != "journal.jsonl":
        from pytest_conformance.record.bundle import unpacked

        with unpacked(given) as folder:
            yield folder
    else:
        yield find_run(str(given), below)


def _proof(arguments: Namespace, file: Path, trusted: Mapping[str, PublicKey] | None) -> int:
    from pytest_conformance.record.bundle import check_proof

    with file.open("rb") as stream:
        proven, findings = check_proof(stream.read(PROOF_CAP), trusted=trusted)
    key = proven.attestation.key if proven else None
    facts = {
        "event": proven.event._asdict() if proven else None,
        "signed_by": {"id": key.id, "name": key.name, "trusted": trusted is not None} if key else None,
    }
    if arguments.json:
        rows = [asdict(each) for each in findings]
        print_json({"schema": SCHEMA, "run": arguments.run, "ok": not findings, **facts, "findings": rows})
    elif proven is not None and key is not None:
        event = proven.event
        print(f"event {event.seq} ({event.type}, {event.utc}) is in the signed journal of {one_line(_run(proven))}")
        print(f"  {one_line(dict(event.data), 2000)}")
        print(f"  signed by key {one_line(key.name)} ({key.id}){'' if trusted else '; nobody was asked to trust it'}")
    for finding in findings if not arguments.json else ():
        print(f"{finding.code}: {one_line(finding.message)}")
    return FAILED if findings else OK


def _run(proven: Any) -> str:
    return str(proven.attestation.run)


def _facts(seen: Verified, trusted: Mapping[str, PublicKey] | None) -> dict[str, Any]:
    """Return what the record shows of itself, up to the first line that cannot be vouched for."""
    last = seen.signed[-1] if seen.signed else None
    signed = None
    if last is not None and last.key is not None:
        signed = {"events": last.events, "id": last.key.id, "name": last.key.name, "trusted": trusted is not None}
    return {
        "events": seen.events,
        "evidence": seen.evidence,
        "withheld": seen.withheld,
        "ended": seen.ended,
        "root": seen.rooted,
        "merkle_root": seen.merkle_root,
        "signed": signed,
        "added": {"events": seen.added, "signed": seen.signed_later[-1].events if seen.signed_later else 0},
    }


def _print(name: str, findings: Sequence[Finding], facts: Mapping[str, Any]) -> None:
    print(f"{one_line(name)}: {facts['events']} events, {facts['evidence']} pieces of evidence")
    if facts["withheld"]:
        print(f"{facts['withheld']} pieces of evidence were withheld from this bundle: their content was not checked")
    if not facts["ended"]:
        print("the run did not end by itself: its record is whole up to where it was cut")
    if not facts["root"]:
        print("there is no journal.root: that nothing was cut off its end cannot be shown")
    signed = facts["signed"]
    if signed is None:
        print("not signed: that it was not written anew as a whole cannot be shown")
    else:
        trust = "" if signed["trusted"] else "; nobody was asked to trust it: --trust"
        print(f"signed over {signed['events']} events by key {one_line(signed['name'])} ({signed['id']}){trust}")
    for each in facts["time_stamps"]:
        if each["time"]:
            trust = "" if each["trusted"] else "; nobody was asked to trust the authority: --tsa-roots"
            print(f"time stamp of {one_line(each['of'])}: {each['time']}{trust}")
        else:
            print(f"time stamp of {one_line(each['of'])}: {one_line(each['pending'])}")
    added = facts["added"]
    if added["events"]:
        print(f"{added['events']} events were added after the run, of which {added['signed']} are signed")
    recomputed = facts.get("recomputed")
    if recomputed is not None:
        same, beyond = recomputed["same"], recomputed["beyond"]
        print(f"judged again: {same} verdicts the same to the last digit, {recomputed['different']} different")
        for test, why in beyond.items():
            print(f"  not to be judged from the record: {one_line(test, 120)}: {one_line(why, 200)}")
    for finding in findings:
        print(f"{finding.code}: {one_line(finding.message, 700)}")
    print(f"NOT INTACT: {len(findings)} finding(s)" if findings else "intact: journal and evidence are as written")
