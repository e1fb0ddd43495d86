"""Shows subjects and artefacts to the device: turntable or hand, and display, and keeps what was shown when."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_conformance.errors import MethodError, UsageError
from pytest_conformance.stimulus.pictures import picture_from
from pytest_conformance.stimulus.register import Scene

if TYPE_CHECKING:
    from datetime import date

    from pytest_conformance.clock import Clock
    from pytest_conformance.drivers.roles import Display, Image, Lux, Watch
    from pytest_conformance.stimulus.carriers import Carrier
    from pytest_conformance.stimulus.register import Artefacts, Subjects

SCREEN = "screen-replay"
"""The species whose artefacts are shown by the display."""
LOOKS = 4
"""Pictures of the watch camera in which a face may first appear after the table has come to rest."""


@dataclass(frozen=True)
class Showable:
    """What the presenter needs to know of an entry: `picture` and `width_mm` only for what the display shows."""

    id: str
    holder: int
    species: str = ""
    target: str = ""
    picture: Path | None = None
    width_mm: float = 0.0
    refusal: str = ""
    """Why it may not be shown; "" when it may."""
    scene: Scene = field(default_factory=Scene)
    """How it stands before the device, as the register says."""


def entries_of(subjects: Subjects, artefacts: Artefacts, pictures: Path, today: date) -> dict[str, Showable]:
    """Return what can be presented, by id: everybody and everything of the registers that has a holder.

    `pictures` is the folder of the pictures for the display. Who has not consented on `today` may not be shown.
    """
    entries = {
        each.id: Showable(
            each.id,
            each.holder,
            refusal="" if each.may_be_shown(today) else "the consent to be shown does not hold",
            scene=each.scene,
        )
        for each in subjects.subjects
        if each.holder is not None
    }
    consented = {each.id for each in subjects.subjects if each.may_be_shown(today)}
    for each in artefacts.artefacts:
        if each.holder is not None:
            picture = pictures / each.picture if each.picture else None
            refusal = "" if each.target in consented else f"the consent of {each.target} to be shown does not hold"
            entries[each.id] = Showable(
                each.id, each.holder, each.species, each.target, picture, each.width or 0.0, refusal, each.scene
            )
    return entries


@dataclass(frozen=True)
class Presentation:
    """One showing. Times are bench nanoseconds; `shown` is when it stood before the device, complete.

    `seen` is when the watch camera first saw a face (None: no watch camera, or nothing face-like seen). `lux` is the
    illuminance at the device during the showing (None: no meter).
    """

    what: str
    species: str
    holder: int
    begun: int
    shown: int
    ended: int
    seen: int | None = None
    lux: float | None = None
    reached: bool = True
    """Whether `until` came true in time; always True for a showing of fixed length."""


class Presenter:
    """Presents by name. `entries` maps the ids of subjects and artefacts to what is known of them.

    Whatever happens while something is shown, the place is empty afterwards.
    """

    def __init__(
        self,
        carrier: Carrier,
        display: Display | None,
        clock: Clock,
        entries: Mapping[str, Showable],
        *,
        watch: Watch | None = None,
        lux: Lux | None = None,
    ) -> None:
        self._carrier = carrier
        self._display = display
        self._clock = clock
        self._entries = dict(entries)
        self._watch = watch
        self._lux = lux
        self._empty: Image | None = None
        self.history: list[Presentation] = []
        """Everything that was presented, oldest first."""
        self.shown: set[str] = set()
        """Whose faces were before the device so far: subjects, and those whom artefacts imitate."""

    @property
    def watched(self) -> bool:
        """Whether a camera watches what appears before the device."""
        return self._watch is not None

    def present(
        self, name: str, *, seconds: float = 0.0, until: Callable[[], object] | None = None, timeout: float = 30.0
    ) -> Presentation:
        """Show `name` for `seconds`, or until `until()` is true but at most `timeout` seconds; then clear the place.

        Raises UsageError USE-STI-001 for an unknown name, MethodError MET-STI-001 when the bench lacks what it takes
        and MET-STI-002 when a consent does not hold.
        """
        if (seconds > 0) == (until is not None):
            raise ValueError("give either seconds or until")
        with self.showing(name) as shown:
            reached = True
            if until is not None:
                reached = bool(self._clock.wait_for(until, timeout))
            else:
                self._clock.sleep(seconds)
        done = replace(shown.done, reached=reached)
        self.history[-1] = done
        return done

    @contextmanager
    def showing(self, name: str) -> Iterator[Ongoing]:
        """Show `name` within the block; `.done` of what is yielded is the whole presentation afterwards."""
        entry = self._entry(name)
        self.shown.add(entry.target or entry.id)
        self._take_empty()
        begun = self._clock.now()
        ongoing = Ongoing(Presentation(entry.id, entry.species, entry.holder, begun, begun, begun))
        try:
            self._bring(entry)
            shown = self._clock.now()
            lux = self._lux.lux() if self._lux is not None else None
            ongoing.done = replace(ongoing.done, shown=shown, lux=lux, seen=self._see(begun))
            yield ongoing
        finally:
            ongoing.done = replace(ongoing.done, ended=self._clock.now())
            self.history.append(ongoing.done)
            self.clear()

    def clear(self) -> None:
        """Leave nothing before the device: the table at its empty place or the hand away, the display black."""
        try:
            self._carrier.clear()
        finally:
            if self._display is not None:
                self._display.blank()

    def _entry(self, name: str) -> Showable:
        if name not in self._entries:
            import difflib

            near = difflib.get_close_matches(name, self._entries, 3) or sorted(self._entries)
            raise UsageError(
                "USE-STI-001",
                f"no subject or artefact is called {name!r}",
                where="registers",
                expected=f"one of {', '.join(near)}",
                todo="correct the name, or add it to fixtures/subjects or fixtures/artefacts",
            )
        entry = self._entries[name]
        if entry.refusal:
            raise MethodError(
                "MET-STI-002",
                f"{name!r} may not be shown: {entry.refusal}",
                where="register of subjects",
                expected="a consent that holds today",
                todo="renew the consent, or choose another subject",
            )
        return entry

    def _bring(self, entry: Showable) -> None:
        """Put the picture on the display first, so that what the table brings is already complete."""
        if entry.species == SCREEN:
            if self._display is None or entry.picture is None or entry.width_mm <= 0:
                raise MethodError(
                    "MET-STI-001",
                    f"{entry.id!r} cannot be shown",
                    where="presenter",
                    expected="a display on the bench, and a picture and its width in the register",
                    todo="add the role `display`, or complete the artefact's entry",
                )
            self._display.show(picture_from(entry.picture), entry.width_mm)
        self._carrier.bring(entry)

    def _take_empty(self) -> None:
        """Photograph the empty place once, as the reference for what appears in it."""
        if self._watch is not None and self._empty is None and self._carrier.is_empty():
            self._empty = self._watch.frame().image

    def _see(self, begun: int) -> int | None:
        """Return when the watch camera first saw a face since `begun`."""
        if self._watch is None:
            return None
        from pytest_conformance.analysis.imaging import face_visible, first_visible

        for _ in range(LOOKS):
            latest = self._watch.frame()
            if latest.at >= begun and face_visible(latest.image, self._empty):
                break
        kept = [each for each in _since(self._watch, begun) if each.at <= latest.at] or [latest]
        index = first_visible([each.image for each in kept], self._empty)
        return kept[index].at if index is not None else None


@dataclass
class Ongoing:
    """What is being shown now."""

    done: Presentation


def _since(watch: Watch, begun: int) -> list[Any]:
    """Return the frames that the camera's driver still keeps since `begun`, when it keeps any."""
    since = getattr(watch, "since", None)
    return list(since(begun)) if since is not None else []
