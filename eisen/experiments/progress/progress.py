"""What a run says about itself while it works: it is put together here, and written about once a second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING, Any

from eisen._core.errors import EisenError
from eisen.experiments.artifacts import Artifacts, now
from eisen.experiments.progress.curve import Curve
from eisen.experiments.progress.memory import Memory
from eisen.experiments.progress.outlook import Outlook, PassPlan
from eisen.experiments.progress.present import NOTHING, Present
from eisen.experiments.progress.record import FORMAT, identity, is_alive, put, read_progress

if TYPE_CHECKING:
    from eisen.experiments.parts import PhaseParts
    from eisen.utils.events import BatchEnd

__all__ = ["Progress"]

_EVERY_S = 1.0
_SELDOM_S = 30.0
_SHARE = 200
"""Writing may take this part of the time: on a slow disk it is done less often."""


class Progress:
    """Writes ``progress.json`` of a run, and looks whether it is asked to stop.

    Writing never disturbs the run: what cannot be written is left, and it takes at most half a percent of the time.
    While another process works in the folder, commands other than ``train`` leave its record alone.

    Args:
        artifacts: The artifact folder; nothing is written before it is there.
        command: What runs: ``"train"``, ``"validate"``, ``"test"``, ``"predict"``, ...
        n_processes: How many processes do it together.

    Attributes:
        message: What was last told to whoever watches.
        asked_by: Who has asked the run to stop; None while nobody has.
    """

    def __init__(self, artifacts: Artifacts, command: str, n_processes: int = 1) -> None:
        self.artifacts, self.command, self.message = artifacts, command, ""
        self.asked_by: str | None = None
        self._fixed = {**identity(), "started": now(), "command": command, "n_processes": n_processes}
        self._present: Present | None = None
        self._memory, self._curve, self._curve_phase = Memory(), Curve(), ""
        self._started, self._costs = perf_counter(), (0.0, 0.0)
        self._next = self._next_write = 0.0
        self._goes_on = command != "train"
        before = read_progress(artifacts.root) or {}
        self._is_quiet = self._goes_on and _is_of_another(before)
        self._curve.restore(before.get("curve"))
        self._outlook = Outlook([], 0, _seconds(before.get("pass_seconds")))
        if not self._is_quiet:
            with suppress(OSError):
                artifacts.stop_request.unlink()
        self._write("running")

    def go_on(self, step: int) -> None:
        """Take up the curve of the run that this one continues.

        Args:
            step: How many batches of training are behind it.
        """
        self._curve.restore(self._curve.plain(), before=step)
        self._goes_on = True

    def plan(self, parts: Sequence[PhaseParts], n_epochs: int, validate_every: int = 1) -> None:
        """Tell what will be done.

        Args:
            parts: The phases of an epoch.
            n_epochs: How many epochs.
            validate_every: Phases after the first come in every so-manieth epoch.
        """
        plans = [PassPlan(part.name, len(part.loader), validate_every if i else 1) for i, part in enumerate(parts)]
        if not self._goes_on:
            self._curve = Curve()
        self._outlook = Outlook(plans, n_epochs, self._outlook.before if self._goes_on else None)
        if self.command == "train":
            self._curve_phase = parts[0].name

    def begin_pass(self, part: PhaseParts, epoch: int) -> None:
        """A pass begins, and now it is known how long the last one took with all that followed it.

        Args:
            part: The phase.
            epoch: Number of the epoch, from 0.
        """
        last = self._present
        if last is not None and last.is_whole and not last.n_left:
            self._outlook.passed(last.phase, perf_counter() - last.started)
        self._present = Present(part, epoch)
        self._memory.peak = 0
        self._outlook.pace(part.name).begin()
        expected = self._outlook.pass_seconds(part.name)
        if expected is None or expected > _EVERY_S or perf_counter() >= self._next_write:
            self._write("running")

    def after_batch(self, event: BatchEnd) -> None:
        """A batch is done: count it, and write, and see whether to stop, when it is time."""
        present = self._present
        if present is None:
            return
        done = present.count(event)
        if event.phase == self._curve_phase:
            step = event.epoch * present.n_batches + done - 1
            if step % self._curve.stride == 0:
                self._curve.add(step, event.losses)
        is_due = perf_counter() >= self._next
        if is_due or done >= present.n_batches:
            present.look_at(event)
        if is_due:
            self._tick()

    def _tick(self) -> None:
        """Do what is done about once a second."""
        self._next = perf_counter() + _EVERY_S
        self._look()
        if self._next > self._next_write:
            self._write("running")

    def end_pass(self) -> dict[str, Any]:
        """A pass is over; return what it cost, for the log."""
        present = self._present
        if present is None:
            return {}
        self._memory.read()
        self._measure(present)
        return {**present.seconds(), "n_samples": present.n_samples, "memory_bytes": self._memory.peak or None}

    def finish(self, status: str, error: str = "", cause: BaseException | None = None) -> None:
        """Say how the run ended.

        Args:
            status: ``"complete"``, ``"interrupted"`` or ``"failed"``.
            error: Why it failed, one line.
            cause: The error itself, whose card is written too.
        """
        facts: dict[str, Any] = {"error": error} if error else {}
        if isinstance(cause, EisenError):
            facts["card"] = {name: text for name, text in vars(cause.card).items() if text}
        self._write(status, facts)

    def _look(self) -> None:
        """See whether somebody asks to stop."""
        path = self.artifacts.stop_request
        if self._is_quiet or self.asked_by is not None or not path.exists():
            return
        who = ""
        with suppress(OSError, ValueError):
            who = path.read_text(encoding="utf-8")[:200].partition("\n")[0]
        with suppress(OSError):
            path.unlink()
        self.asked_by = "".join(filter(str.isprintable, who)).strip() or f"the file '{path.name}' in {path.parent}"

    def _measure(self, present: Present) -> None:
        seconds, n_batches = present.stretch()
        if n_batches > 0:
            self._outlook.pace(present.phase).add(seconds, n_batches)

    def _write(self, status: str, facts: Mapping[str, Any] | None = None) -> None:
        """Write the record, and decide when it is time again."""
        if self._is_quiet or not self.artifacts.root.is_dir():
            return
        if self._present is not None:
            self._measure(self._present)
            self._present.losses()  # waits for the device, which computes meanwhile: this is no cost
        started = perf_counter()
        put(self.artifacts.progress, {**self._record(status), **(facts or {})})
        ended = perf_counter()
        self._costs = (self._costs[1], ended - started)
        self._next = ended + _EVERY_S
        self._next_write = ended + min(_SELDOM_S, max(_EVERY_S, _SHARE * min(self._costs)))

    def _record(self, status: str) -> dict[str, Any]:
        present = self._present
        return {
            "format": FORMAT,
            **self._fixed,
            "time": now(),
            "status": status,
            "seconds": round(perf_counter() - self._started, 3),
            "n_epochs": self._outlook.n_epochs or None,
            **(NOTHING if present is None else present.facts()),
            **self._left(status),
            "memory_bytes": self._memory.read(),
            "pass_seconds": self._outlook.known(),
            "curve": self._curve.plain(),
            "message": self.message,
        }

    def _left(self, status: str) -> dict[str, float | None]:
        """Return how long it will take until the end of the pass, and of everything."""
        present = self._present
        if status == "complete":
            return {"eta_seconds": 0.0, "pass_eta_seconds": 0.0}
        if status != "running" or present is None:
            return {"eta_seconds": None, "pass_eta_seconds": None}
        here = self._outlook.left_of_pass(present.phase, present.n_left)
        whole = self._outlook.left(present.phase, present.epoch, present.n_left)
        return {"eta_seconds": _rounded(whole), "pass_eta_seconds": _rounded(here)}


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def _seconds(saved: Any) -> dict[str, float]:
    """Return what a record says about the time of passes, as far as it can be understood."""
    items = saved.items() if isinstance(saved, Mapping) else ()
    return {str(name): float(value) for name, value in items if isinstance(value, (int, float))}


def _is_of_another(record: Mapping[str, Any]) -> bool:
    """Tell whether another process, one that lives, wrote a record and is still at work."""
    own = identity()
    if record.get("status") != "running" or all(record.get(key) == own[key] for key in ("pid", "host")):
        return False
    return is_alive(record) is True
