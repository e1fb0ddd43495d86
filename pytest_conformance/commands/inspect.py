"""`conformance inspect CAPTURE... --context FILE`: what left the device, by the code that the procedures use."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_conformance.commands import FAILED, OK, UNDECIDED
from pytest_conformance.commands.output import add_json, cell, console, print_json, table
from pytest_conformance.errors import StorageError, UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from pytest_conformance.analysis.traffic import Accounting, Check, Inspection

STYLES = {"PASS": "green", "FAIL": "bold red", "INCONCLUSIVE": "yellow"}
LISTED = 60
"""Objects and flows that the text lists; JSON has them all."""


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "captures",
        metavar="CAPTURE",
        nargs="*",
        help="pcap, pcapng, HAR or mitmproxy flows, also gzipped",
    )
    parser.add_argument("--context", metavar="FILE", required=True, help="JSON: addresses, canaries, events, endpoints")
    parser.add_argument("--evidence", metavar="DIR", type=Path, help="write objects and findings there")
    parser.add_argument("--replay", metavar="ID.json", type=Path, help="check one finding of an evidence folder")
    parser.add_argument("--flows", action="store_true", help="count and name flows only, several times faster")
    add_json(parser)


def run(arguments: Namespace) -> int:
    from pytest_conformance.analysis.traffic import Context, inspect

    if arguments.replay is not None:
        return _replay(arguments)
    if not arguments.captures:
        raise UsageError("USE-CAP-004", "no capture was named", expected="one or more captures, or --replay ID.json")
    context = Context.from_json(Path(arguments.context))
    captures = [_capture(name) for name in arguments.captures]
    found = inspect(captures, context, content=not arguments.flows)
    written = _write(found, captures, arguments.evidence) if arguments.evidence else 0
    if arguments.json:
        print_json(_finite(found.to_json()))
    else:
        _print(found)
        if arguments.evidence:
            print(f"{written} recovered object(s), objects.json and the findings are in {arguments.evidence}")
    return exit_code(list(found.checks.values()))


def exit_code(checks: Sequence[Check]) -> int:
    """Return 1 when a check fails, 10 when one cannot be concluded, else 0."""
    verdicts = {check.verdict.value for check in checks}
    if verdicts & {"FAIL", "CONDITIONAL_FAIL"}:
        return FAILED
    return UNDECIDED if "INCONCLUSIVE" in verdicts else OK


def _capture(name: str) -> Path:
    path = Path(name)
    if not path.is_file():
        raise UsageError("USE-CAP-001", f"there is no capture {name!r}", expected="a pcap or pcapng file")
    return path


def _write(found: Inspection, sources: Sequence[Path], folder: Path) -> int:
    """Write the evidence: each recovered object as SHA256.FORMAT, an index, and what checks each finding."""
    from pytest_conformance.analysis.traffic import evidencepack

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in evidencepack.files(found, sources):
            (folder / name).write_bytes(content)
    except OSError as error:
        raise StorageError(
            "BEN-STO-020", f"the recovered objects cannot be written: {error.strerror}", where=str(folder)
        ) from error
    return len({each.sha256 for each in found.objects})


def _replay(arguments: Namespace) -> int:
    """Replay one finding on its minimal capture; 1 when it does not yield the same object."""
    from pytest_conformance.analysis.traffic import Context, evidence

    done = evidence.replay_file(arguments.replay, Context.from_json(Path(arguments.context)))
    same = done.found is not None and done.capture_unchanged
    if arguments.json:
        said = {"id": done.id, "sha256": done.sha256, "layers": list(done.layers), "same": same}
        print_json({**said, "capture_unchanged": done.capture_unchanged, "found": done.found is not None})
        return OK if same else FAILED
    print(f"{done.id}: {' > '.join(done.layers)}")
    if not done.capture_unchanged:
        print("the minimal capture is not the one that the finding names: its SHA-256 differs")
    if done.found is None:
        print(f"these layers do not yield SHA-256 {done.sha256}")
    else:
        print(f"the minimal capture yields the same object: {done.found.size} bytes, SHA-256 {done.sha256}")
    return OK if same else FAILED


def _print(found: Inspection) -> None:
    out = console()
    out.print(_objects(found))
    out.print(_endpoints(found))
    out.print(_flows(found))
    checks = table("check", "verdict", "because", title="checks")
    for name, check in found.checks.items():
        word = check.verdict.value
        said = f"{check.reason}: {check.explanation}" + (f"; to do: {check.todo}" if check.todo else "")
        checks.add_row(cell(name), cell(word, STYLES.get(word, "")), cell(said))
    out.print(checks)
    for row in found.validity:
        if not row.ok:
            out.print(cell(f"{row.name}: {row.reason}: {row.explanation}", "dim" if row.remark else "yellow"))


def _objects(found: Inspection) -> Table:
    more = f", the first {LISTED}" if len(found.objects) > LISTED else ""
    rows = table("object", "bytes", "way", "whom", "layers", "matches", title=f"objects: {len(found.objects)}{more}")
    for each in sorted(found.objects, key=lambda one: not one.hit)[:LISTED]:
        match = ""
        if each.match is not None:
            doubt = "perhaps " if each.match.suspect else ""
            match = f"{doubt}{each.match.canary} ({each.match.kind} {each.match.distance:g})"
        rows.add_row(
            cell(each.kind, "bold" if each.hit else ""),
            cell(each.size),
            cell(f"{each.direction}, {each.scope}"),
            cell(f"{each.endpoint.host}:{each.endpoint.port}"),
            cell(" > ".join(each.layers)),
            cell(match, "red" if each.hit else ""),
        )
    return rows


def _endpoints(found: Inspection) -> Table:
    rows = table("endpoint", "port", "protocol", "scope", "readable", title=f"endpoints: {len(found.endpoints)}")
    for each in found.endpoints:
        readable = "in clear" if each.plaintext else "protected or unknown"
        where = each.host if each.host == each.ip or not each.ip else f"{each.host} ({each.ip})"
        protocol = f"{each.proto} over {each.transport}"
        rows.add_row(cell(where), cell(each.port), cell(protocol), cell(each.scope), cell(readable))
    return rows


def _flows(found: Inspection) -> Table:
    more = f", the {LISTED} largest" if len(found.flows) > LISTED else ""
    title = f"bytes sent, by what became of them: {len(found.flows)} flows{more}"
    rows = table("to", "sent", "understood", "hit", "opaque", "gap", "why opaque", title=title)
    for flow in sorted(found.flows, key=lambda one: -one.up.total)[:LISTED]:
        rows.add_row(cell(f"{flow.endpoint.host}:{flow.endpoint.port}"), *_account(flow.up))
    for scope in ("internet", "local"):
        rows.add_row(cell(f"all, {scope}", "bold"), *_account(found.accounting(scope)))
    return rows


def _account(account: Accounting) -> list[Any]:
    numbers = (account.total, account.understood, account.hit, account.opaque, account.gap)
    reasons = ", ".join(f"{reason} {count}" for reason, count in account.reasons.items())
    return [*(cell(number) for number in numbers), cell(reasons)]


def _finite(data: Any) -> Any:
    """Replace what JSON cannot hold: a figure that is no finite number is null, bytes and others their text."""
    if isinstance(data, dict):
        return {str(key): _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    if isinstance(data, float):
        return data if data - data == 0 else None
    return data if data is None or isinstance(data, bool | int | str) else str(data)
