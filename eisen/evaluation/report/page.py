"""From what is known to a page: templates and style are beside this file."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from eisen._core.atomic import atomic_write
from eisen._core.version import __version__
from eisen.evaluation.comparing.compare import Comparison
from eisen.evaluation.report.svg import number
from eisen.evaluation.results import Results

__all__ = ["definitions_of", "write_page"]

_HERE = Path(__file__).parent


@cache
def _environment() -> Any:
    import jinja2

    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    found.filters |= {"number": number, "chance": _chance}
    return found


def _chance(p: float) -> str:
    return "< 0.001" if p < 0.001 else number(p, 2)


def write_page(template: str, path: Path, **facts: Any) -> Path:
    """Write a page.

    Args:
        template: Name of the template.
        path: The file.
        facts: What the template asks for.

    Raises:
        OSError: If it cannot be written; then nothing is left behind.
    """
    style = (_HERE / "style.css").read_text(encoding="utf-8")
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    text = _environment().get_template(template).render(style=style, made=made, version=__version__, **facts)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path, "w") as file:
        file.write(text)
    return path


def definitions_of(results: Results | Comparison) -> list[dict[str, str]]:
    """Return what each metric is, in the words of its class.

    Args:
        results: What was measured.
    """
    found = []
    for name, metric in results.metrics.items():
        text = inspect.getdoc(type(metric)) or ""
        said = text.partition("\n    Example:")[0].partition("\nExample:")[0].strip()
        found.append({"name": name, "class": type(metric).__name__, "text": said.replace("``", "")})
    return found
