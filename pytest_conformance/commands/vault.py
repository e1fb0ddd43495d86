"""`conformance vault`: whose faces are kept, until when; open one for a reason; erase somebody from all records."""

from __future__ import annotations

import datetime
from argparse import ArgumentParser, Namespace
from collections import Counter
from pathlib import Path

from pytest_conformance.commands import OK
from pytest_conformance.commands.naming import RUNS, find_run, newest_runs
from pytest_conformance.commands.output import add_json, one_line, print_json
from pytest_conformance.commands.signing import add_signing, signing_key
from pytest_conformance.errors import UsageError
from pytest_conformance.record.vault import Vault, default_folder

SCHEMA = "conformance-vault/1"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("what", choices=("list", "open", "erase"), help="list subjects, open a face, erase a subject")
    parser.add_argument("--vault", metavar="DIR", help="folder of the keys (default: of this user)")
    parser.add_argument("--record", metavar="DIR", default=RUNS, help="where runs lie (default: runs)")
    parser.add_argument("--subjects", metavar="REGISTER", help="register of subjects: until when they consent")
    parser.add_argument("--run", metavar="RUN", help="open: the run")
    parser.add_argument("--ref", metavar="REF", help="open: the evidence, sha256:...")
    parser.add_argument("--to", metavar="FILE", help="open: where the face is written")
    parser.add_argument("--subject", metavar="NAME", help="erase: this subject")
    parser.add_argument("--expired", action="store_true", help="erase: everybody whose consent has ended (--subjects)")
    parser.add_argument("--person", metavar="NAME", default="", help="who does it; recorded")
    parser.add_argument("--reason", metavar="TEXT", default="", help="why; recorded")
    add_signing(parser)
    add_json(parser)


def run(arguments: Namespace) -> int:
    vault = Vault(Path(arguments.vault) if arguments.vault else default_folder())
    runs = newest_runs(Path(arguments.record))
    if arguments.what == "open":
        return _open(arguments, vault)
    if arguments.what == "erase":
        return _erase(arguments, vault, runs)
    return _list(arguments, vault, runs)


def _list(arguments: Namespace, vault: Vault, runs: list[Path]) -> int:
    from pytest_conformance.record.sequel import sealed_evidence

    kept = Counter(str(each) for folder in runs for about in sealed_evidence(folder) for each in about["sealed"])
    until = _consents(arguments)
    rows = [
        {
            "subject": subject,
            "pieces": kept[subject],
            "key": "destroyed" if vault.destroyed(subject) else "there" if subject in vault.subjects() else "lost",
            "consent_until": until[subject].isoformat() if subject in until else None,
            "due": subject in until and until[subject] < _today() and not vault.destroyed(subject),
        }
        for subject in sorted({*vault.subjects(), *kept})
    ]
    if arguments.json:
        print_json({"schema": SCHEMA, "subjects": rows})
    for row in rows if not arguments.json else ():
        due = ", DUE FOR ERASURE" if row["due"] else ""
        ends = f", consent until {row['consent_until']}" if row["consent_until"] else ""
        print(f"{one_line(row['subject'])}: {row['pieces']} pieces, key {row['key']}{ends}{due}")
    return OK


def _open(arguments: Namespace, vault: Vault) -> int:
    from pytest_conformance.record.sequel import open_face

    if not (arguments.run and arguments.ref and arguments.to):
        raise UsageError("USE-VLT-002", "`vault open` needs --run, --ref and --to", where="conformance vault")
    folder = find_run(arguments.run, Path(arguments.record))
    told = {"person": arguments.person, "reason": arguments.reason, "key": signing_key(arguments)}
    content = open_face(folder, arguments.ref, vault, **told)
    target = Path(arguments.to)
    target.touch(mode=0o600)
    target.write_bytes(content)
    print(f"{one_line(target)}: {len(content)} bytes; the record says who opened it and why")
    return OK


def _erase(arguments: Namespace, vault: Vault, runs: list[Path]) -> int:
    from pytest_conformance.record.sequel import erase, finish

    key = signing_key(arguments)
    finish(vault, runs, key)
    if bool(arguments.subject) == bool(arguments.expired):
        raise UsageError("USE-VLT-002", "`vault erase` needs --subject or --expired", where="conformance vault")
    subjects = [arguments.subject] if arguments.subject else _expired(arguments, vault)
    report = []
    for subject in subjects:
        told = erase(subject, vault, runs, person=arguments.person, reason=arguments.reason, key=key)
        report.append({"subject": subject, "runs": [folder.name for folder in told]})
    if arguments.json:
        print_json({"schema": SCHEMA, "erased": report})
    for row in report if not arguments.json else ():
        print(f"{one_line(row['subject'])}: key destroyed, {len(row['runs'])} records have a tombstone")
    return OK


def _expired(arguments: Namespace, vault: Vault) -> list[str]:
    until = _consents(arguments)
    return [subject for subject in vault.subjects() if subject in until and until[subject] < _today()]


def _consents(arguments: Namespace) -> dict[str, datetime.date]:
    if not arguments.subjects:
        return {}
    from pytest_conformance.stimulus.register import find_register, load_subjects

    register = load_subjects(find_register("subjects", arguments.subjects, Path.cwd()))
    return {each.id: each.consent_until for each in register.subjects}


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()
