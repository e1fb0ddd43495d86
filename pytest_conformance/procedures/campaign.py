"""Campaigns by the name of their plan, and the procedures that run those of the profile: attacks, matching errors."""

from __future__ import annotations

import datetime
import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_conformance.analysis.biometrics.campaigns import CampaignObservation
from pytest_conformance.analysis.biometrics.plans import seal
from pytest_conformance.errors import MethodError
from pytest_conformance.procedures.campaign_history import broken_off
from pytest_conformance.procedures.campaign_rows import annex, statement
from pytest_conformance.procedures.campaigning import Conduct, Runner, require_enrolled
from pytest_conformance.procedures.procedure import procedure
from pytest_conformance.procedures.surroundings import ClockSteps, Surroundings
from pytest_conformance.stimulus.design import design
from pytest_conformance.stimulus.planfile import find_plan, load_plan

if TYPE_CHECKING:
    from pytest_conformance.bench import Bench
    from pytest_conformance.declaration.profile import Profile
    from pytest_conformance.devices.roles import Recogniser
    from pytest_conformance.record import Run
    from pytest_conformance.stimulus.register import Artefacts, Subjects


class Campaigns:
    """Runs campaigns on a bench. `here` is where plans of one's own are looked for first (`here`/fixtures/plans)."""

    def __init__(
        self, bench: Bench, run: Run, profile: Profile, registers: tuple[Subjects, Artefacts], here: Path
    ) -> None:
        self._bench = bench
        self._run = run
        self._profile = profile
        self._subjects, self._artefacts = registers
        self._here = here

    def run(
        self,
        plan: str,
        device: Recogniser,
        *,
        seed: int | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> CampaignObservation:
        """Enrol whom the artefacts imitate, seal `plan` (a name or a path), and run it.

        In a run that goes on after it was broken off, the recorded trials of the same sealed plan are taken first.

        `seed` fixes the order; by default it is the simulation's on a mock bench, else drawn at random, and journalled
        either way. `stop` is asked before each trial. Raises UsageError USE-PLN-001 for an unknown plan, FileError for
        a wrong one, MethodError for what cannot be followed (see `stimulus.design`), DeviceError DUT-REC-001 when the
        device does not enrol everybody.
        """
        from pytest_conformance.record import iterate_journal

        file = load_plan(find_plan(plan, self._here))
        enrolled = self._targets()
        today = datetime.datetime.now(datetime.UTC).date()
        samples = self._profile.samples.model_dump()
        made = design(file, samples, self._subjects, self._artefacts, enrolled, today)
        history = broken_off(iterate_journal(self._run.journal.path), file.name)
        chosen = seed if seed is not None else history.seed if history is not None else self._seed()
        profile = f"{self._profile.name} {self._profile.version}"
        sealed = seal(made.plan, chosen, f"{profile}; plan {file.name} {file.version} sha256:{file.digest}")
        if history is None:
            with self._run.step("Setup", f"Enrol {', '.join(enrolled)}"):
                require_enrolled(device, enrolled)
        runner = Runner(
            Conduct(
                self._run,
                self._bench.clock,
                device,
                Surroundings(self._bench, self._subjects, self._artefacts),
                ClockSteps(),
                self._artefacts,
                self._profile.windows.lockout_check,
                enrolled,
                stop,
            ),
            file,
            made,
            statement(file, made, sealed, chosen, profile),
            sealed,
            history,
        )
        with self._run.step("Stimulate", f"{file.title}: at most {made.most} trials"):
            observed = runner.go()
        table = self._run.evidence(
            annex(observed),
            name=f"{file.name}-trials.csv",
            media_type="text/csv",
            caption=f"{file.title}: {len(observed.trials)} trials",
        )
        return replace(observed, evidence=(table,))

    def _targets(self) -> tuple[str, ...]:
        """Return whom the mounted artefacts imitate, or the first subject when there are none."""
        imitated = tuple(dict.fromkeys(each.target for each in self._artefacts.artefacts if each.holder is not None))
        if imitated:
            return imitated
        present = [each.id for each in self._subjects.subjects if each.holder is not None]
        if not present:
            raise MethodError("MET-PLN-003", "nobody can be enrolled", todo="register a subject with a holder")
        return (present[0],)

    def _seed(self) -> int:
        simulation = getattr(self._bench.file, "simulation", None)
        return int(simulation.seed) if self._bench.mode == "mock" and simulation is not None else secrets.randbits(32)


@procedure
def attack_campaign(recogniser: Recogniser, campaign: Campaigns, profile: Profile) -> CampaignObservation:
    """Present the artefacts by the profile's plan for attacks, with genuine presentations between them."""
    return campaign.run(profile.plans.attack, recogniser)


@procedure
def verification_campaign(recogniser: Recogniser, campaign: Campaigns, profile: Profile) -> CampaignObservation:
    """Present enrolled persons and strangers by the profile's plan for verification."""
    return campaign.run(profile.plans.verification, recogniser)
