"""The hooks of a bench run: plan at collection, bench around the tests, verdicts from reports, views at the end."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import pytest

from pytest_conformance.errors import ConformanceError, UsageError
from pytest_conformance.running import judging, outbound, outcome, resuming, starting
from pytest_conformance.running.leaving import leave, rest, too_hot
from pytest_conformance.running.limits_due import missing
from pytest_conformance.running.log_gate import LogGate
from pytest_conformance.running.options import Request, read
from pytest_conformance.running.plan import REFUSED, Planned, make_plan
from pytest_conformance.running.replaying import Replaying
from pytest_conformance.running.selection import clauses_of, limit_of, matches, suite_paths, test_name, unknown_clauses
from pytest_conformance.verdicts import Contribution

if TYPE_CHECKING:
    from pytest_conformance.bench import Bench
    from pytest_conformance.record import Run
    from pytest_conformance.record.timestamps import Stamp
    from pytest_conformance.reports import BuiltViews
    from pytest_conformance.reports.allure_view import AllureView
    from pytest_conformance.reports.terminal import LiveView
    from pytest_conformance.running.sample import SampleWatch

JUDGEMENT = pytest.StashKey[judging.Judgement]()
STATE = pytest.StashKey["BenchSession"]()
RUN_FOLDER = "conformance_run"
REFUSAL = "conformance_refusal"


def start(config: pytest.Config) -> None:
    """Prepare a bench run: read what was asked, start the record, and register the hooks and fixtures."""
    try:
        state = BenchSession(config, read(config))
    except ConformanceError as error:
        pytest.exit(f"refused to start: {error}", returncode=REFUSED)
    config.stash[STATE] = state
    guarding = ExitStack()
    guarding.enter_context(outbound.guarded(state.run, outbound.spoken_to(state.request)))
    config.add_cleanup(guarding.close)
    config.pluginmanager.register(state, "conformance-session")
    state.register_fixtures()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let no signal break into this block: an impatient second Ctrl-C must not leave the device powered (case A03).

    Outside the main thread, where handlers cannot be set, nothing breaks in anyway.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.signal(each, signal.SIG_IGN) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def state_of(config: pytest.Config) -> BenchSession:
    """Return the bench session of `config`; KeyError when no run was asked for."""
    return config.stash[STATE]


class BenchSession:
    """What lives as long as one pytest session on a bench. In a parallel worker it judges but does not plan."""

    def __init__(self, config: pytest.Config, request: Request) -> None:
        from pytest_conformance.record import Run
        from pytest_conformance.record.vault import Vault

        self.config = config
        self.request = request
        self.log_gate = LogGate()
        self.worker: str | None = getattr(config, "workerinput", {}).get("workerid")
        self.parallel = bool(config.getoption("numprocesses", None)) and self.worker is None
        self.bench: Bench | None = None
        self.sample: SampleWatch | None = None
        """Who asks the device in the end what it holds; None until a test needs the device."""
        self.refusal: ConformanceError | None = None
        self.plan: dict[str, Planned] = {}
        self.views: BuiltViews | None = None
        self.allure: AllureView | None = None
        self.live: LiveView | None = None
        self.selected: dict[str, list[str]] = {}
        self.deselected: set[str] = set()
        self.due: dict[str, str] = {}
        """The limit that a clause needs before it can be judged, for the clauses that need one."""
        self.partial = False
        self.unjudged = 0
        """Failures of tests that judge no clause."""
        self.stamps: list[Stamp] = []
        """Time stamps that were asked for at the end."""
        self.refused: list[str] = []
        """Why parallel workers refused to start."""
        if self.worker is None and self.parallel and request.bench.mode != "mock" and not request.bench.slots:
            raise UsageError(
                "USE-PAR-001",
                f"-n on bench {request.bench.name!r}, which has one place",
                expected="a mock bench, or `slots:` in the bench file",
                todo="run without -n",
            )
        if self.worker is None:
            self.run: Run = resuming.begin(request)
        else:
            self.run = Run.join(Path(config.workerinput[RUN_FOLDER]))  # type: ignore[attr-defined]
        if request.vault is not None:
            self.run.vault = Vault(request.vault)
        self._choose_suites()
        config.option.importmode = "importlib"
        self._prepare_views()

    # --- set-up ---------------------------------------------------------------------------------------------

    def register_fixtures(self) -> None:
        """Make the public fixtures and the procedures known to pytest."""
        from pytest_conformance import fixtures, procedures

        for module in (fixtures, *procedures.modules()):
            self.config.pluginmanager.register(module, f"conformance-{module.__name__}")
        recorded = self.request.replay or self.request.resume
        if recorded is not None:
            replaying = Replaying(recorded, absent=self.request.replay is not None)
            self.config.pluginmanager.register(replaying, "conformance-replaying")

    def _choose_suites(self) -> None:
        if self.config.args_source is not pytest.Config.ArgsSource.ARGS or not self.config.args:
            paths = suite_paths(self.request.declaration.kind, self.config.hook)
            self.config.args = [str(path) for path in paths]

    def _prepare_views(self) -> None:
        """Label what allure-pytest writes where `--alluredir` asks for it, and show on the terminal what goes on."""
        from pytest_conformance.reports.allure_view import AllureView
        from pytest_conformance.reports.drawing import Drawings
        from pytest_conformance.reports.escaped_reports import EscapedReports
        from pytest_conformance.reports.terminal import LiveView

        manager = self.config.pluginmanager
        manager.register(EscapedReports(), "conformance-escaped-reports")
        if getattr(self.config.option, "allure_report_dir", None) and not self.parallel:
            self.allure = AllureView(self.run, outcome.parameters(self.request))
            manager.register(self.allure, "conformance-allure")
        if self.worker is None and self.config.get_verbosity() >= 0:
            self.live = LiveView(sys.stderr)
            self.run.listen(self.live)
        self.run.listen(Drawings(self.run, self.request.declaration.timing.decision))
        self.run.listen(lambda event: self.config.hook.pytest_conformance_event(event=event))

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput[RUN_FOLDER] = str(self.run.folder)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        reason = getattr(node, "workeroutput", {}).get(REFUSAL)
        if reason:
            self.refused.append(str(reason))

    # --- collection -----------------------------------------------------------------------------------------

    def pytest_sessionstart(self) -> None:
        self.log_gate.guard(self.config)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        wrong = unknown_clauses(items, self.request.catalogue)
        if wrong:
            # pytest goes on to `pytest_collection_finish` whatever is raised here: it refuses there
            self.refusal = UsageError("USE-CLS-001", "\n".join(wrong), todo="correct the id in the test's @clause")
            items[:] = []
            return
        kept: list[pytest.Item] = []
        dropped: list[pytest.Item] = []
        for item in items:
            (kept if matches(clauses_of(item), self.request.clauses) else dropped).append(item)
        if dropped:
            self.config.hook.pytest_deselected(items=dropped)
        items[:] = kept

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Whoever left tests out (`--clauses`, `-k`, `-m`, `--deselect`): their clauses were not judged for that."""
        for item in items:
            self.deselected.update(clauses_of(item))
            self.partial = True

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        if self.refusal is not None and self.worker is None:
            pytest.exit(f"refused to start: {self.refusal}", returncode=REFUSED)
        if self.parallel or self.refusal is not None:
            return
        for item in session.items:
            for clause_id in clauses_of(item):
                self.selected.setdefault(clause_id, []).append(test_name(item))
                if limit_of(item):
                    self.due[clause_id] = limit_of(item)
        self.plan = make_plan(self.request.catalogue, self.request.declaration, self.selected, self.deselected)
        for item in session.items:
            reasons = self._not_applicable(clauses_of(item))
            if reasons:
                item.add_marker(pytest.mark.skip(reason=f"NOT_APPLICABLE: {reasons}"))
            else:
                outcome.label(item, self)
        if self.request.resume is not None and self.request.resume.prepared:
            self.refusal = resuming.refusal(self.request.resume, self.plan.values(), resuming.suites(session.items))
            if self.refusal is not None and self.worker is None:
                pytest.exit(f"refused to start: {self.refusal}", returncode=REFUSED)
            resuming.skip_finished(self.request.resume, session.items)
        elif self.worker in (None, "gw0"):
            rows = (each.row() for each in self.plan.values())
            self.run.plan(rows, documents=outcome.documents(self), partial=self.partial)
            outcome.keep_inputs(self.run, self.request)
            self.run.event("input", {"of": "suite", "files": resuming.suites(session.items)})

    def _not_applicable(self, ids: Sequence[str]) -> str:
        if not ids or any(self.plan[each].applies for each in ids):
            return ""
        return "; ".join(f"{each}: {self.plan[each].applicability.why}" for each in ids)

    # --- the run --------------------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        option = session.config.option
        broken = session.testsfailed and not option.continue_on_collection_errors
        if option.collectonly or broken or not (session.items or self.parallel):
            return (yield)
        if self.parallel:
            with self._stoppable():
                return (yield)
        with self._stoppable():
            try:
                self._assemble()
                return (yield)
            finally:
                self._leave()

    def _assemble(self) -> None:
        from pytest_conformance.bench import Bench
        from pytest_conformance.record import JOURNAL_FILE

        request = self.request
        if request.replay is not None:
            return
        folder = self.run.folder / "bench" / (self.worker or "")
        try:
            judged = [name for name, row in self.plan.items() if row.applies and row.tests]
            starting.require_sound(self.config, request, self.run, self.due, judged)
            lease = starting.take_lease(request, self.run, folder)
            try:
                self.bench = Bench.open(
                    request.bench,
                    folder,
                    dut=request.dut,
                    known_bad=request.known_bad,
                    journal=self.run.folder / JOURNAL_FILE,
                    lease=lease,
                    presented=request.resume.presented if request.resume is not None else 0,
                )
            except BaseException:
                lease.release()
                raise
            outcome.preflight(self.bench, self.run)
            if request.resume is not None and self.worker is None:
                resuming.require_same_bench(request.resume, self.run)
            starting.make_safe(self.bench, self.run)
            starting.require_surroundings(self.bench)
            self.config.hook.pytest_conformance_bench_ready(bench=self.bench)
        except ConformanceError as error:
            self.refusal = error
            self.run.event("note", {"text": f"refused to start: {error}"})
            if self.worker is None:
                self._leave()
                pytest.exit(f"refused to start: {error}", returncode=REFUSED)

    def _leave(self) -> None:
        if self.bench is None:
            return
        with undisturbed():
            bench, self.bench = self.bench, None
            leave(bench, self.run)
            if self.sample is not None:
                self.sample.leave()

    @contextmanager
    def _stoppable(self) -> Iterator[None]:
        """SIGTERM and SIGHUP end the run as Ctrl-C does: safe state first, results kept (case A04)."""

        def stop(number: int, frame: FrameType | None) -> None:
            raise KeyboardInterrupt(f"signal {signal.Signals(number).name}")

        before = {each: signal.signal(each, stop) for each in (signal.SIGTERM, signal.SIGHUP)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    # --- one test -------------------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        item.stash[JUDGEMENT] = judging.Judgement(self.request.profile.decision_rule)
        self.run.test = test_name(item)
        if self.refusal is not None:
            raise self.refusal
        if limit_of(item):
            lacking = missing(limit_of(item), clauses_of(item), self.request.profile, self.request.declaration)
            if lacking is not None:
                raise lacking
        if self.bench is not None:
            starting.note_jumps(self.bench, self.run)
            self.bench.beat()
            self.bench.tell_clauses(clauses_of(item))
            starting.relink(self.bench, self.run)
            starting.require_surroundings(self.bench)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        try:
            result = yield
            if self.bench is not None:
                self.bench.permit()
        except (AssertionError, ConformanceError) as error:
            settled = judging.settled(error, self.bench.blame(error) if self.bench is not None else None)
            if settled is error:
                raise
            raise settled from (settled.__cause__ or error)
        finally:
            outcome.cite_observations(item, item.stash[JUDGEMENT])
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        error = call.excinfo.value if call.excinfo is not None else None
        if isinstance(error, pytest.skip.Exception):
            return report
        judgement = item.stash.get(JUDGEMENT, None)
        said = judging.contribution(test_name(item), call.when, error, judgement)
        if said is not None and self.bench is not None:
            rest(self.bench, self.run, said)
            if too_hot(self.bench, self.run, said, self.request.sample):
                item.session.shouldfail = "the device was too hot"
        if said is not None and clauses_of(item):
            if self.allure is not None:
                self.allure.judged(item.nodeid, said)
            report.conformance = {"clauses": list(clauses_of(item)), **judging.to_json(said)}  # type: ignore[attr-defined]
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, Any] | None:
        said = getattr(report, "conformance", None)
        if said is None or said["verdict"] in {"PASS", "FAIL"}:
            return None
        word = said["verdict"]
        letters = {"INCONCLUSIVE": "I", "CONDITIONAL_PASS": "c", "CONDITIONAL_FAIL": "C"}
        return word.lower(), letters.get(word, "?"), (word, {"yellow": True})

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logfinish(self) -> None:
        self.log_gate.settle(self.run)
        self.run.test = ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self.worker is not None:
            return
        said = getattr(report, "conformance", None)
        if said is not None:
            self.run.verdict(said["clauses"], judging.from_json(said), explanation=report.longreprtext)
        elif report.failed and report.when in ("setup", "call", "teardown"):
            self.unjudged += 1
        elif report.failed:
            lost = judging.worker_lost(test_name(report.nodeid), str(report.longrepr))
            judged = outcome.clauses_by_test(outcome.plan_from(self.run, self))
            self.run.verdict(judged.get(lost.test, ()), lost)

    # --- the end --------------------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> Generator[None, object, object]:
        if self.worker is not None:
            if self.refusal is not None:
                self.config.workeroutput[REFUSAL] = str(self.refusal)  # type: ignore[attr-defined]
            return (yield)
        code = outcome.finish(self, int(exitstatus))
        session.exitstatus = code
        try:
            return (yield)
        finally:
            session.exitstatus = code

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.worker is None:
            outcome.summarise(self, terminalreporter)

    def final_plan(self) -> dict[str, Planned]:
        """Return the plan; in a parallel run the one that the first worker journalled."""
        if not self.plan and self.parallel:
            self.plan = outcome.plan_from(self.run, self)
        return self.plan

    def contributions(self) -> list[tuple[tuple[str, ...], Contribution]]:
        """Return what tests said so far: clause ids and contribution, oldest first."""
        return outcome.said_in(self.run, self.final_plan())
