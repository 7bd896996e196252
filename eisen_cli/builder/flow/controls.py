"""The controls of the dry run: start and stop, which case, which random numbers."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import ui

from eisen_cli.builder.flow.trials import Trials
from eisen_cli.builder.look.widgets import icon_button

__all__ = ["Controls"]


class Controls(ui.element):
    """A row with a button and the choice of the case.

    Args:
        trials: The dry runs.
        phase: The phase.
        on_start: Starts a dry run.
        on_stop: Ends it.
    """

    def __init__(self, trials: Trials, phase: str, on_start: Callable[[], None], on_stop: Callable[[], None]) -> None:
        super().__init__("div")
        self.classes("ef-tools")
        self.trials, self.phase = trials, phase
        self._start, self._stop = on_start, on_stop
        with self:
            self._button = ui.button("Dry run", icon="play_arrow", on_click=self._pressed)
            self._button.props('unelevated dense no-caps padding="6px 14px" data-action=dry-run')
            self._case = ui.input("Case (name or number)", on_change=self._typed)
            self._case.props("dense outlined clearable data-field=case").on("keydown.enter", self._start)
            icon_button("skip_next", "Another case", self._another, "another-case")
            with icon_button("casino", "Random numbers", lambda: None, "random"):
                self._epoch, self._seed = self._random_menu()
        self._is_showing = False

    def _random_menu(self) -> tuple[ui.number, ui.number]:
        with ui.menu(), ui.element("div").classes("e-col").style("padding:14px; width:260px"):
            ui.label("Random numbers of the dry run").classes("e-title")
            epoch = ui.number("Epoch", value=0, min=0, precision=0, on_change=self._typed)
            seed = ui.number("Seed (empty: configured)", min=0, precision=0, on_change=self._typed)
            for number in (epoch, seed):
                number.props("dense outlined")
        return epoch, seed

    def show(self, phase: str) -> None:
        """Show what is chosen for a phase, and whether it is running."""
        self.phase, self._is_showing = phase, True
        choice, outcome = self.trials.choice(phase), self.trials.outcome(phase)
        self._case.value, self._epoch.value, self._seed.value = choice.case, choice.epoch, choice.seed
        self._case.set_autocomplete(list(outcome.facts.get("cases", ())) if outcome is not None else [])
        is_running = self.trials.running == phase
        self._button.set_text("Stop" if is_running else "Dry run")
        self._button.props(f"icon={'stop' if is_running else 'play_arrow'}")
        self._is_showing = False

    def _typed(self) -> None:
        if not self._is_showing:
            seed = None if self._seed.value is None else int(self._seed.value)
            epoch = int(self._epoch.value or 0)
            self.trials.choose(self.phase, case=str(self._case.value or ""), epoch=epoch, seed=seed)

    def _another(self) -> None:
        self.trials.choose(self.phase, case=self.trials.next_case(self.phase))
        self.show(self.phase)
        self._start()

    def _pressed(self) -> None:
        if self.trials.running == self.phase:
            self._stop()
        else:
            self._start()
