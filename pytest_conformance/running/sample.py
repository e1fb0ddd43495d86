"""What a sample still holds when a run ends: asked, erased, asked again; flagged when nobody can say (case J10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_conformance.errors import BenchError

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_conformance.bench import Bench
    from pytest_conformance.record import Run


def flag(sample: str) -> str:
    """Return the name under which a sample is kept in quarantine."""
    return f"sample {sample}"


def hazard(sample: str) -> str:
    """Return the name under which a sample that was dangerous is kept in quarantine: nothing is done with it then."""
    return f"hazard of sample {sample}"


def require_harmless(state: Path, sample: str) -> None:
    """Raise BenchError BEN-QUA-004 when `sample` was dangerous and nobody has released it since (case A16)."""
    from pytest_conformance.bench.quarantine import in_force

    found = in_force(state, hazard(sample))
    if found is not None:
        raise BenchError(
            "BEN-QUA-004",
            f"sample {sample} was dangerous on {found.since}: {found.reason}",
            where=found.run,
            expected="a sample that a named person has released",
            todo=f"see that it is harmless, then: conformance bench release BENCH --sample {sample} --person NAME ...",
        )


class SampleWatch:
    """Watches over one sample. Its device tells what it holds by `templates_held`, and enrols into `enrolled_here`."""

    def __init__(self, run: Run, bench: Bench, sample: str, device: Any) -> None:
        self._run = run
        self._bench = bench
        self._sample = sample
        self._device = device
        self._settled = False

    @property
    def due(self) -> bool:
        """Whether faces were enrolled in this run, and nobody knows yet what became of them."""
        return bool(getattr(self._device, "enrolled_here", ())) and not self._settled

    def ask_at_end(self) -> None:
        """Ask which templates the device holds; erase them, and ask again. Whatever goes wrong flags the sample."""
        if not self.due or self._bench.closed:
            return
        self._settled = True
        told: dict[str, object] = {"sample": self._sample, "held": None, "after": None}
        why = "it does not tell which templates it holds"
        try:
            with self._run.step("Setup", "Ask which templates the device still holds, and erase them"):
                told["held"] = held = self._held()
                if held:
                    self._device.factory_reset()
                    told["after"] = left = self._held()
                    why = f"it holds {left} of {held} templates after a factory reset" if left else ""
                elif held == 0:
                    why = ""
        except Exception as error:  # whatever goes wrong here is the sample's, and no verdict on a clause
            why = f"what it holds could not be asked or erased: {type(error).__name__}: {error}"
        self._run.event("x-templates", {**told, "flagged": why})
        if why:
            self._flag(why)

    def leave(self) -> None:
        """Flag the sample when the run ends before it was asked."""
        if self.due:
            self._settled = True
            self._flag("the run ended before it was asked which templates it holds")

    def _held(self) -> int | None:
        if not self._device.is_powered():
            self._device.power_on()
        held: int | None = self._device.templates_held()
        return held

    def _flag(self, why: str) -> None:
        from pytest_conformance.bench.quarantine import impose

        said = f"sample {self._sample} may not leave the laboratory until it is released: {why}"
        self._run.event("note", {"text": f"{said} (conformance bench release BENCH --sample {self._sample} ...)"})
        if self._bench.lease is not None:
            impose(self._bench.lease.path.parent.parent, flag(self._sample), said, str(self._run.folder))
