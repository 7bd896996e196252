"""The figures at the top of the page of a run."""

from __future__ import annotations

from nicegui import ui

from eisen_cli.builder.board import words
from eisen_cli.builder.board.view import RunView

__all__ = ["Tiles", "figures"]

_TITLES = {
    "best": "Best",
    "throughput": "Throughput",
    "rate": "Learning rate",
    "memory": "Memory",
    "time": "Time",
}


class Tiles(ui.element):
    """Best value, throughput, learning rate, memory, time."""

    def __init__(self) -> None:
        super().__init__("div")
        self.classes("b-tiles")
        self._labels: dict[str, tuple[ui.label, ui.label]] = {}
        with self:
            for name, title in _TITLES.items():
                with ui.element("div").classes("e-card b-tile").props(f"data-tile={name}"):
                    ui.label(title).classes("b-label")
                    self._labels[name] = (ui.label("–").classes("b-value"), ui.label("").classes("b-more"))

    def show(self, view: RunView) -> None:
        """Show the figures of a run."""
        for name, texts in figures(view).items():
            for label, text in zip(self._labels[name], texts, strict=True):
                if label.text != text:
                    label.text = text


def figures(view: RunView) -> dict[str, tuple[str, str]]:
    """Return a figure and a line below it for each tile.

    Args:
        view: The run.
    """
    return {
        "best": _best(view),
        "throughput": _throughput(view),
        "rate": _rate(view),
        "memory": _memory(view),
        "time": _time(view),
    }


def _best(view: RunView) -> tuple[str, str]:
    best = view.best
    value, epoch = best.get("value"), best.get("epoch")
    where = f"{best.get('phase', '')} {best.get('name', '')}".strip()
    when = f"epoch {epoch + 1}" if isinstance(epoch, int) else ""
    shown = words.number(float(value)) if isinstance(value, (int, float)) else "–"
    return shown, " · ".join(text for text in (where, when) if text)


def _throughput(view: RunView) -> tuple[str, str]:
    now = view.progress.get("samples_per_second")
    means = [value for points in view.curves.rate.values() for _, value in points[-1:]]
    if view.is_running and isinstance(now, (int, float)):
        return f"{now:.3g} /s", "samples, at present"
    return (f"{means[0]:.3g} /s", "samples, last epoch") if means else ("–", "samples per second")


def _rate(view: RunView) -> tuple[str, str]:
    rates = view.progress.get("learning_rates")
    named = {name: list(values) for name, values in rates.items() if values} if isinstance(rates, dict) else {}
    if not named:
        last = {name: [points[-1][1]] for (_, name), points in view.curves.rates.items() if points}
        named = dict(list(last.items())[:4])
    if not named:
        return "–", ""
    first = next(iter(named.values()))
    others = [f"{name} {words.rate_text(values[0])}" for name, values in list(named.items())[1:]]
    return words.rate_text(first[0]), " · ".join(others) or next(iter(named))


def _memory(view: RunView) -> tuple[str, str]:
    now, device = view.progress.get("memory_bytes"), view.progress.get("device_memory_bytes")
    if not isinstance(now, (int, float)):
        last = [value for points in view.curves.memory.values() for _, value in points[-1:]]
        now = last[0] if last else None
    shown = words.bytes_text(now) if isinstance(now, (int, float)) else "–"
    more = f"{words.bytes_text(device)} on the device" if isinstance(device, (int, float)) else "of the processes"
    return shown, more


def _time(view: RunView) -> tuple[str, str]:
    eta = view.eta_seconds
    epochs = [sum(value for points in view.curves.times.values() for _, value in points)]
    spent = view.progress.get("seconds") or view.record.get("seconds") or epochs[0] or None
    done = words.duration(float(spent)) if isinstance(spent, (int, float)) else "–"
    per_epoch = f"{words.duration(epochs[0] / view.n_done)} per epoch" if view.n_done and epochs[0] else ""
    return (words.duration(eta), f"left, {done} so far") if eta is not None else (done, per_epoch)
