"""The dry runs of a workspace: what was chosen, what is running, what was found; shared by all its pages."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol

from eisen_cli.builder.flow.drawing import Drawing
from eisen_cli.builder.flow.outcome import Outcome
from eisen_cli.builder.flow.runner import DryRunner, Request
from eisen_cli.builder.flow.wires import Flow, flow_of

__all__ = ["Choice", "Trials", "trials_of"]

_KEY = "flow.trials"


class Works(Protocol):
    """What is needed of a workspace."""

    document: Any
    data_dir: Any
    preferences: dict[str, Any]


@dataclass(frozen=True)
class Choice:
    """What a dry run of a phase is done with.

    Args:
        case: Number or a part of the name, as typed; empty is the first case.
        epoch: Epoch whose random numbers are used, from 0.
        seed: Replaces the seed of the configuration; None keeps it.
    """

    case: str = ""
    epoch: int = 0
    seed: int | None = None

    @property
    def number_or_name(self) -> int | str | None:
        """The case as `eisen.experiments.check` takes it.

        Example:
            >>> Choice(" 12 ").number_or_name, Choice("liver").number_or_name, Choice().number_or_name
            (12, 'liver', None)
        """
        text = self.case.strip()
        if text.startswith("#") and text[1:].partition(" ")[0].isdecimal():  # as the list shows it
            text = text[1:].partition(" ")[0]
        return int(text) if text.isdecimal() else text or None


class Trials:
    """Dry runs of the phases of a document.

    Args:
        works: The workspace.
        runner: Does the dry runs.

    Attributes:
        running: The phase that is tried at the moment; empty when none is.
    """

    def __init__(self, works: Works, runner: DryRunner | None = None) -> None:
        self.works, self.runner = works, runner or DryRunner()
        self.running = ""
        self._outcomes: dict[str, Outcome] = {}
        self._choices: dict[str, Choice] = {}
        self._listeners: list[Callable[[], None]] = []

    def choice(self, phase: str) -> Choice:
        """Return what the next dry run of a phase is done with."""
        return self._choices.get(phase, Choice())

    def choose(self, phase: str, **changes: Any) -> None:
        """Change what the next dry run of a phase is done with."""
        self._choices[phase] = replace(self.choice(phase), **changes)

    def outcome(self, phase: str) -> Outcome | None:
        """Return what the last dry run of a phase found; None before the first."""
        return self._outcomes.get(phase)

    def flow(self, phase: str) -> Flow:
        """Return the flow of a phase as the document is now, with the fields that the data set is known to have."""
        data, outcome = self.works.document.data, self.outcome(phase)
        known = outcome.dataset_fields if outcome is not None else None
        flow = flow_of(data, phase)
        if outcome is None or known is None or not outcome.n_current([stop.station for stop in flow.stops]):
            return flow
        return flow_of(data, phase, known)

    def drawing(self, phase: str, chosen: tuple[str, str] | None = None) -> Drawing:
        """Return what draws the flow of a phase."""
        return Drawing(self.flow(phase), self.outcome(phase), chosen)

    def is_stale(self, phase: str) -> bool:
        """Tell whether the phase has changed since its dry run."""
        outcome = self.outcome(phase)
        return outcome is not None and not outcome.is_current([stop.station for stop in self.flow(phase).stops])

    def next_case(self, phase: str) -> str:
        """Return the number of the case behind the last one that was tried; after the last comes the first."""
        outcome = self.outcome(phase)
        facts = outcome.facts if outcome is not None else {}
        n = facts.get("n_cases") or 0
        if n:
            return str((facts.get("index", -1) + 1) % n)
        chosen = self.choice(phase).number_or_name
        return str(chosen + 1) if isinstance(chosen, int) else ""

    async def run(self, phase: str) -> None:
        """Try a phase with what was chosen; a dry run that is running is ended."""
        choice, self.running = self.choice(phase), phase
        self._tell()
        request = Request(
            self.works.document.data, phase, self.works.data_dir, choice.number_or_name, choice.epoch, choice.seed
        )
        try:
            outcome = await self.runner.run(request, self._tell)
        except BaseException:
            self.running = ""
            raise
        if outcome is not None:
            self._outcomes[phase], self.running = outcome, ""
            self._tell()

    def stop(self) -> None:
        """End the dry run that is running; what was found before stays."""
        self.runner.cancel()
        self.running = ""
        self._tell()

    def forget(self) -> None:
        """Forget everything, because another document was opened."""
        self.runner.close()
        self.running = ""
        self._outcomes.clear()
        self._choices.clear()
        self._tell()

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call a function whenever something has changed; return what ends that."""
        self._listeners.append(listener)

        def remove() -> None:
            with suppress(ValueError):
                self._listeners.remove(listener)

        return remove

    def _tell(self) -> None:
        for listener in list(self._listeners):
            listener()


def trials_of(workspace: Any) -> Trials:
    """Return the dry runs of a workspace; all its pages share them."""
    trials = workspace.preferences.get(_KEY)
    if not isinstance(trials, Trials):
        trials = workspace.preferences[_KEY] = Trials(workspace)
        workspace.on_document(lambda _document: trials.forget())
    return trials
