"""What a run was made of, as rows of text."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from eisen.experiments.runs import RunRecord
from eisen_cli.show.progress import shortest
from eisen_cli.show.tables import duration, number

__all__ = ["fact_rows"]

Rows = list[tuple[str, str]]

_FILES = {
    "models/best.pt": "best model",
    "checkpoint.pt": "last checkpoint",
    "history.jsonl": "losses and metrics of all epochs",
    "summaries": "TensorBoard curves",
    "predictions": "predictions",
    "provenance.json": "names of files; leave out when you share the run",
}
_SECTIONS = ("Datasets", "Losses", "Metrics", "Optimizer", "Scheduler", "Workflow")


def fact_rows(run: RunRecord) -> Iterator[tuple[str, Rows]]:
    """Yield (title, rows) of everything that is known about a run; what is not known is left out.

    Args:
        run: The run.

    Example:
        >>> dict(fact_rows(RunRecord(Path("."), {"seed": 3})))["configuration"]
        [('seed', '3')]
    """
    facts = run.facts
    parts = [
        ("results", _results(run)),
        ("configuration", _configuration(facts)),
        ("data and split", _data(run)),
        ("code and environment", _environment(facts)),
        ("files", _files(run.folder)),
        ("repeat it", [("", shlex.join(["eisen", "runs", "reproduce", shortest(run.folder)]))]),
    ]
    yield from ((title, rows) for title, rows in parts if rows)


def _results(run: RunRecord) -> Rows:
    best = run.facts.get("best") or {}
    rows: Rows = []
    if run.best is not None:
        when = f"epoch {best['epoch'] + 1}, {best.get('phase', '')}" if isinstance(best.get("epoch"), int) else ""
        rows.append(("best", f"{best.get('name', '')} {number(run.best)} ({when})"))
    for row in run.facts.get("results") or []:
        values = {**row.get("losses", {}), **row.get("metrics", {})}
        texts = (f"{name} {number(value)}" for name, value in values.items() if isinstance(value, (int, float)))
        rows.append((f"epoch {row.get('epoch', 0) + 1} {row.get('phase', '')}", "  ".join(texts)))
    if isinstance(run.facts.get("seconds"), (int, float)):
        rows.append(("time", f"{duration(run.facts['seconds'])}, started {run.facts.get('started', '')}"))
    weights = run.facts.get("weights_digest") or {}
    return [*rows, *((f"{name} weights", digest[:12]) for name, digest in weights.items())]


def _configuration(facts: Mapping[str, Any]) -> Rows:
    config = facts.get("config") or {}
    rows: Rows = []
    if facts.get("config_digest"):
        rows.append(("file", f"{facts.get('config_file') or '(from Python)'}, digest {facts['config_digest'][:12]}"))
    if "seed" in facts:
        rows.append(("seed", str(facts["seed"])))
    general = config.get("General", {})
    settings = (_setting(entry) for entry in general.get("Hyperparameters", []) if isinstance(entry, Mapping))
    rows += [(f"reading {phase}", text) for phase, text in (facts.get("reading") or {}).items()]
    rows.append(("settings", ", ".join(text for text in settings if not text.startswith("Seed "))))
    rows.append(("model", _entries(general.get("Models"))))
    training = config.get("Training", {})
    rows += [(section.lower(), _entries(training.get(section))) for section in _SECTIONS]
    return [row for row in rows if row[1]]


def _data(run: RunRecord) -> Rows:
    rows: Rows = []
    for phase, data in (run.facts.get("data") or {}).items():
        rows.append((phase, f"{data.get('n_cases', '?')} cases, digest {str(data.get('digest', 'unknown'))[:12]}"))
    if run.data_dir is not None:
        rows.append(("folder", f"{shortest(run.data_dir)}{'' if run.data_dir.is_dir() else ' (not there any more)'}"))
    split = run.facts.get("split")
    if isinstance(split, Mapping):
        rows.append(("split", f"{split.get('file')}, fold {split.get('fold')}, digest {str(split.get('digest'))[:12]}"))
    return rows


def _environment(facts: Mapping[str, Any]) -> Rows:
    code, git = facts.get("code") or {}, facts.get("git") or {}
    rows: Rows = []
    if code:
        own = [name for name in code.get("files", {}) if not name.startswith(("eisen/", "eisen_cli/"))]
        also = f", with {', '.join(own[:5])}{' ...' if len(own) > 5 else ''}" if own else ""
        rows.append(("code", f"digest {str(code.get('digest'))[:12]}{also}"))
    if git:
        rows.append(("git", f"{str(git.get('commit'))[:12]}{' with changes' if git.get('dirty') else ''}"))
    versions = facts.get("versions") or {}
    rows.append(("versions", ", ".join(f"{name} {version}" for name, version in versions.items())))
    machine = facts.get("machine") or {}
    rows.append(("machine", ", ".join(_plain(name, value) for name, value in machine.items() if value)))
    return [row for row in rows if row[1]]


def _files(folder: Path) -> Rows:
    return [(shortest(folder / name), what) for name, what in _FILES.items() if (folder / name).exists()]


def _entries(entries: Any) -> str:
    listed = entries if isinstance(entries, list) else []
    return ", ".join(_entry(entry) for entry in listed if isinstance(entry, Mapping))


def _entry(entry: Mapping[str, Any]) -> str:
    params = {key: value for key, value in (entry.get("params") or {}).items() if not key.endswith("put_names")}
    inside = ", ".join(f"{key}={_cut(value)}" for key, value in list(params.items())[:6])
    return f"{str(entry.get('type', '')).rpartition('.')[2]}({inside}{', ...' if len(params) > 6 else ''})"


def _setting(entry: Mapping[str, Any]) -> str:
    params = entry.get("params") or {}
    value = params.get("value", params)
    return f"{str(entry.get('type', '')).removeprefix('.')} {_cut(value)}"


def _plain(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(_plain(f"{name} {key}", item) for key, item in value.items() if item)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if value is True or name in ("system", "architecture"):
        return name if value is True else str(value)
    return f"{name} {value}"


def _cut(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
