"""Writing down what a dry run does while it does it, so that a process that dies leaves what it had."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from eisen.experiments.dry_watch import Kind, Stage, Watch
from eisen_cli.builder.flow.pictures import histogram_of, save_pictures
from eisen_cli.builder.flow.planes import volume_of
from eisen_cli.builder.flow.wires import is_beside

__all__ = ["RESULT", "Recorder"]

RESULT = "result.json"
_MOST_CASES = 500


class Recorder(Watch):
    """Writes the stages of a dry run into a folder, one after the other.

    Args:
        folder: An empty folder.
        say: Is called with a line for those who wait.
        facts: What the result begins with.
    """

    def __init__(self, folder: Path, say: Callable[[Mapping[str, Any]], None], facts: Mapping[str, Any]) -> None:
        self.folder, self.say = folder, say
        self.result: dict[str, Any] = {**facts, "status": "running", "stages": []}
        self.write()

    def opened(self, dataset: Any, index: int) -> None:
        """Note which cases there are."""
        n = len(dataset)
        named = hasattr(dataset, "case_name")
        names = [dataset.case_name(i) if named else f"#{i}" for i in range(min(n, _MOST_CASES))]
        case = dataset.case_name(index) if named else f"#{index}"
        self.result |= {"cases": names, "n_cases": n, "index": index, "case": case}
        self.write()

    def begins(self, kind: Kind, name: str, place: str) -> None:
        """Note what is under way."""
        self.result["underway"] = {"kind": kind, "name": name, "place": place}
        self.say(self.result["underway"])

    def ended(self, stage: Stage) -> None:
        """Note what came out, with pictures of what was made or changed."""
        number = len(self.result["stages"])
        fields = [self._field(number, position, report, stage) for position, report in enumerate(stage.fields)]
        row = {"kind": stage.kind, "name": stage.name, "place": stage.place, "seconds": stage.seconds}
        self.result["stages"].append({**row, "fields": fields})
        self.result["underway"] = None
        self.result["peak_memory"] = peak_memory()
        self.write()

    def finish(self, **facts: Any) -> None:
        """Note how it ended."""
        self.result |= {**facts, "peak_memory": peak_memory()}
        self.write()

    def write(self) -> None:
        """Write the result, as a whole or not at all."""
        temporary = self.folder / f".{RESULT}"
        temporary.write_text(json.dumps(_plain(self.result), allow_nan=False), encoding="utf-8")
        temporary.replace(self.folder / RESULT)

    def _field(self, number: int, position: int, report: Any, stage: Stage) -> dict[str, Any]:
        row = dataclasses.asdict(report)
        if not report.changed or report.shape is None or is_beside(report.name):
            return row
        is_batch = stage.kind not in ("dataset", "step")
        volume = volume_of(report.name, stage.data, stage.element if is_batch else None)
        if volume is not None and volume.array.size:
            row["pictures"] = save_pictures(report.name, volume, self.folder, f"s{number}_{position}")
            row["histogram"] = histogram_of(volume.array)
        return row


def peak_memory() -> int:
    """Return the most memory this process ever took, in bytes; 0 where nobody counts."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _plain(value: Any) -> Any:
    """Return the same without numbers that JSON does not know: they become text."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
