"""The process of a dry run: a request comes in, a folder with the result goes out.

The request is one line of JSON on the standard input::

    {"configuration": {...}, "phase": "Training", "data_dir": "data", "folder": "out",
     "case": 3, "epoch": 0, "seed": null, "threads": 2}

What is under way goes out as lines of JSON on the standard output; the folder gets ``result.json`` and pictures. When
the input is closed, nobody waits for the result any more, and the process ends.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from eisen._core.errors import Card, ConfigError, EisenError
from eisen_cli.builder.flow.recording import Recorder

__all__ = ["main", "run"]


def main() -> None:
    """Read a request, do the dry run, and write what was found."""
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_input, daemon=True).start()
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)  # classes of the user, as for the command line
    lines, sys.stdout = sys.stdout, sys.stderr  # what steps print is none of ours

    def say(line: Mapping[str, Any]) -> None:
        lines.write(json.dumps(line) + "\n")
        lines.flush()

    run(request, say)


def run(request: Mapping[str, Any], say: Callable[[Mapping[str, Any]], None]) -> dict[str, Any]:
    """Do a dry run and return the result, which stands in the folder of the request as well.

    Args:
        request: See the text of the module.
        say: Is called with what is under way.
    """
    facts = {name: request.get(name) for name in ("phase", "case", "epoch", "seed")}
    recorder = Recorder(Path(request["folder"]), say, {"format": 1, **facts, "asked": request.get("case")})
    started = time.perf_counter()
    try:
        outcome = _checked(request, recorder)
    except Exception as error:
        outcome = {"status": "failed", "error": _document(error, recorder.result.get("underway"))}
    recorder.finish(**outcome, seconds=time.perf_counter() - started)
    return recorder.result


def _checked(request: Mapping[str, Any], recorder: Recorder) -> dict[str, Any]:
    from eisen.config import read_config
    from eisen.experiments import check

    seed = request.get("seed")
    recorder.begins("dataset", "the configuration", "")
    experiment = read_config(request["configuration"], [] if seed is None else [f"General.Seed={int(seed)}"])
    _limit_threads(request.get("threads"))
    report = check(
        experiment,
        request["data_dir"],
        request["phase"],
        request.get("case"),
        int(request.get("epoch") or 0),
        recorder,
    )
    numbers = {"losses": report.losses, "metrics": report.metrics, "n_batches": report.n_batches}
    return {
        "status": "complete",
        "underway": None,
        **numbers,
        "n_parameters": report.n_parameters,
        "gradient_norm": report.gradient_norm,
    }


def _limit_threads(threads: Any) -> None:
    if threads:
        import torch

        torch.set_num_threads(int(threads))


def _document(error: Exception, underway: Any) -> dict[str, Any]:
    """Return an error as plain data: its card, and the place it belongs to."""
    under = underway or {}
    place = under.get("place", "")
    if isinstance(error, EisenError):
        card = error.card
        problems = [{"where": p.where, "what": p.what, "expected": p.expected} for p in getattr(error, "problems", [])]
        if isinstance(error, ConfigError) and len(problems) == 1:
            card = Card(problems[0]["what"], problems[0]["expected"] or card.expected, config=problems[0]["where"])
        place = (problems[0]["where"] if problems else "") or card.config or place
    else:
        card, problems = _foreign(error, under), []
    return {"type": type(error).__name__, "place": place, "card": dict(_entries(card)), "problems": problems}


def _foreign(error: Exception, under: Mapping[str, Any]) -> Card:
    """Return the card of an error that is not ours: of PyTorch, or of a class of the user."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    what = f"{under.get('name') or 'the dry run'} failed: {type(error).__name__}: {error}"
    shapes = "; ".join(getattr(error, "__notes__", []))
    to_do = ""
    if under.get("kind") in ("model", "loss", "metric"):
        to_do = "compare the shapes and types of what it reads with its parameters"
    return Card(what, to_do=to_do, shapes=shapes, file=f"{Path(frame.filename).name}:{frame.lineno}")


def _entries(card: Card) -> list[tuple[str, str]]:
    return [(name, value) for name, value in vars(card).items() if value]


def _end_with_input() -> None:
    """End this process as soon as nobody waits for it."""
    while sys.stdin.readline():
        pass
    os._exit(3)


if __name__ == "__main__":
    main()
