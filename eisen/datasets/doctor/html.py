"""The report as one HTML file that needs nothing else: no script, no font, no picture from elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from html import escape

from eisen._core.atomic import atomic_write
from eisen._core.version import __version__
from eisen.datasets.doctor.facts import CaseFacts
from eisen.datasets.doctor.findings import Finding
from eisen.datasets.doctor.html_tables import case_table, charts, field_rows, label_rows
from eisen.datasets.doctor.kinds import KINDS, Severity
from eisen.datasets.doctor.pictures import thumbnail
from eisen.datasets.doctor.report import DataReport
from eisen.datasets.doctor.style import CSS

__all__ = ["write_html"]

_MOST_FINDINGS = 100
_MOST_PICTURES = 600


def write_html(report: DataReport, path: str | os.PathLike[str]) -> None:
    """Write a report as one HTML file with thumbnails, for a browser or for paper.

    Thumbnails are there when the report was made with ``previews=True``; patient right is on the left.

    Args:
        report: From `check_data`.
        path: Where to.

    Raises:
        ArtifactError: If it cannot be written.

    Example:
        >>> import pathlib, tempfile
        >>> from eisen.datasets import make_phantoms
        >>> from eisen.datasets.doctor import check_data
        >>> folder = make_phantoms(tempfile.mkdtemp(), n_training=2, n_validation=0, n_test=0, size=16)
        >>> write_html(check_data(folder, previews=True), folder / "report.html")
        >>> "<script" in (folder / "report.html").read_text(encoding="utf-8")
        False
    """
    with atomic_write(path, "w") as file:
        file.writelines(_page(report))


def _page(report: DataReport) -> Iterator[str]:
    pictures = _numbered_pictures(report)
    yield f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(report.source)}</title>\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield f"<style>{CSS}\n"
    values = sorted({row.value for row in report.labels})
    for number, entry in pictures.values():
        assert entry.preview is not None
        yield f".t{number}{{background-image:url({thumbnail(entry.preview, values)})}}\n"
    yield "</style></head>\n<body>\n"
    yield from _summary(report)
    yield from _findings(report, {name: number for name, (number, _) in pictures.items()})
    yield from charts(report)
    yield from label_rows(report)
    yield from field_rows(report)
    yield from case_table(report, {name: number for name, (number, _) in pictures.items()})
    yield f"<footer>eisen {__version__}, {report.seconds:.1f} s. Patient right is on the left.</footer>\n"
    yield "</body></html>\n"


def _numbered_pictures(report: DataReport) -> dict[str, tuple[int, CaseFacts]]:
    """Return the cases that get a picture, those with findings first, each with the number of its picture."""
    named = [found.case for found in report.findings] + [found.other for found in report.findings]
    cases = {entry.case.name: entry for entry in report.cases if entry.preview is not None}
    order = dict.fromkeys([*named, *cases])
    chosen = [name for name in order if name in cases][:_MOST_PICTURES]
    return {name: (number, cases[name]) for number, name in enumerate(chosen)}


def _summary(report: DataReport) -> Iterator[str]:
    phases = ", ".join(f"{count} {phase}" for phase, count in report.phases.items() if phase)
    fit = report.fit_for_training()
    yield f"<header><p class=soft>eisen data check</p><h1>{escape(report.source)}</h1>"
    yield f"<p class=soft>{escape(report.layout)}{f': {escape(phases)}' if phases else ''}"
    yield f"{'' if report.voxels_read else '; headers only, no voxel was read'}</p></header>\n"
    words = "Nothing speaks against training on these data." if fit else "Training should not go on with these data."
    yield f'<div class="verdict{"" if fit else " bad"}"><b>{words}</b></div>\n<div class=tiles>'
    yield f"<div class=tile><b>{report.n_cases}</b>cases</div>"
    for severity in Severity:
        count = report.count(severity)
        css = severity.value if count else "soft"
        yield f'<div class="tile {css}"><b>{count}</b>{severity.value}{"s" if count != 1 else ""}</div>'
    yield "</div>\n"


def _findings(report: DataReport, pictures: dict[str, int]) -> Iterator[str]:
    yield "<h2>Findings</h2>\n"
    if not report.findings:
        yield "<p class=soft>None.</p>\n"
    for severity, code, found in report.grouped():
        opened = " open" if severity is not Severity.NOTE else ""
        yield f'<details{opened}><summary><span class="count soft">{len(found)}</span>'
        yield f"<h3 class={severity.value}>{severity.value}: {escape(KINDS[code].meaning)}</h3> "
        yield f"<code class=soft>{code}</code></summary>\n"
        yield f"<p class=todo>To do: {escape(found[0].to_do)}.</p>\n<ul class=found>"
        yield from (_item(entry, pictures) for entry in found[:_MOST_FINDINGS])
        yield "</ul>"
        if len(found) > _MOST_FINDINGS:
            yield f"<p class=todo>and {len(found) - _MOST_FINDINGS} more; the JSON report has them all</p>"
        yield "</details>\n"


def _item(found: Finding, pictures: dict[str, int]) -> str:
    shown = [name for name in (found.case, found.other) if name in pictures]
    images = "".join(f'<i class="t t{pictures[name]}" role=img aria-label="{escape(name)}"></i>' for name in shown)
    names = " and ".join(escape(name) for name in (found.case, found.other) if name)
    field = f" <small>{escape(found.field)}</small>" if found.field else ""
    head = f"<b>{names}</b>{field}<br>" if names or field else ""
    file = f"<br><small><code>{escape(found.file)}</code></small>" if found.file else ""
    return f"<li>{images}<div class=words>{head}{escape(found.what)}{file}</div></li>"
