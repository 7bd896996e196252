"""Charts and tables of the HTML report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from eisen.datasets.doctor.charts import Row, strip_chart
from eisen.datasets.doctor.check_labels import volumes_ml
from eisen.datasets.doctor.facts import CaseFacts
from eisen.datasets.doctor.pictures import COLOURS
from eisen.datasets.doctor.report import DataReport

__all__ = ["case_table", "charts", "field_rows", "label_rows"]

_AXES = ("first axis", "second axis", "third axis")
_MOST_ROWS = 2000
_MOST_CODES = 4


def charts(report: DataReport) -> Iterator[str]:
    """Yield the distributions of voxel sizes, sizes, intensities and label volumes."""
    drawn = [chart for row in report.fields for chart in _of_field(report, row.field)]
    drawn += [
        _of_labels(report, field, unit) for field, unit in dict.fromkeys((r.field, r.unit) for r in report.labels)
    ]
    if any(drawn):
        yield "<h2>Distributions</h2>\n<div class=charts>\n"
        yield from (f"{chart}\n" for chart in drawn if chart)
        yield "</div>\n"


def _of_field(report: DataReport, field: str) -> Iterator[str]:
    """Yield the charts of an image field; labels share the grid of their image."""
    own = [entry for entry in report.cases if field in entry.headers]
    if any(field in entry.labels for entry in own) and any(entry.case.images() for entry in own):
        return
    grids = [(entry.case.name, entry.headers[field]) for entry in own]
    lengths = [Row(_AXES[k], [(h.spacing[k], n) for n, h in grids if len(h.spacing) > k]) for k in range(3)]
    yield strip_chart(f"Voxel size of {field}", "mm", lengths)
    counts = [Row(_AXES[k], [(float(h.shape[k]), n) for n, h in grids if len(h.shape) > k]) for k in range(3)]
    yield strip_chart(f"Size of {field}", "voxels", counts)
    seen = [(entry.case.name, entry.voxels[field]) for entry in own if field in entry.voxels]
    if seen and not any(field in entry.labels for entry in own):
        marks = {"0.5 %": "low", "median": "median", "99.5 %": "high"}
        rows = [Row(name, [(getattr(v, mark), n) for n, v in seen]) for name, mark in marks.items()]
        yield strip_chart(f"Intensities of {field}", "as in the files", rows)


def _of_labels(report: DataReport, field: str, unit: str) -> str:
    tables = [(entry.case.name, volumes_ml(entry, field)) for entry in report.cases if field in entry.labels]
    rows = []
    for row in report.labels:
        if row.field == field:
            points = [(table[row.value], name) for name, table in tables if row.value in table]
            rows.append(Row(row.name or str(row.value), points, _colour(report, row.value)))
    return strip_chart(f"Volumes in {field}", unit, rows)


def _colour(report: DataReport, value: int) -> str:
    values = sorted({row.value for row in report.labels})
    return COLOURS[values.index(value) % len(COLOURS)]


def label_rows(report: DataReport) -> Iterator[str]:
    """Yield the table of label values."""
    if not report.labels:
        return
    yield "<h2>Labels</h2>\n"
    rows = []
    for row in report.labels:
        swatch = f'<i class=swatch style="background:{_colour(report, row.value)}"></i>{row.value}'
        volume = f"{row.volume} {row.unit}" if row.volume else ""
        rows.append([escape(row.field), swatch, escape(row.name), str(row.n_cases), escape(volume)])
    yield _table(["field", "value", "name", "cases", "median (smallest … largest)"], rows)


def field_rows(report: DataReport) -> Iterator[str]:
    """Yield the table of fields."""
    yield "<h2>Fields</h2>\n"
    rows = []
    for row in report.fields:
        shape = " × ".join(map(str, row.shape))
        spacing = " × ".join(map(str, row.spacing_mm))
        span = f"{row.low} to {row.high}" if row.low and row.high else ""
        cells = [row.field, str(row.n_cases), ", ".join(row.dtypes), shape, spacing, span]
        rows.append([escape(cell) for cell in cells])
    yield _table(["field", "cases", "types", "size, voxels", "voxel size, mm", "0.5th to 99.5th percentile"], rows)


def case_table(report: DataReport, pictures: dict[str, int]) -> Iterator[str]:
    """Yield the table of all cases.

    Args:
        report: The report.
        pictures: Name of a case to the number of its picture.
    """
    yield "<h2>All cases</h2>\n"
    codes: dict[str, list[str]] = {}
    for found in report.findings:
        for name in filter(None, {found.case, found.other}):
            codes.setdefault(name, []).append(f"<span class={found.severity.value}>{found.code}</span>")
    rows = [_case_row(entry, pictures, codes.get(entry.case.name, [])) for entry in report.cases[:_MOST_ROWS]]
    yield _table(["", "case", "phase", "size, voxels", "voxel size, mm", "intensities", "labels", "findings"], rows)
    if len(report.cases) > _MOST_ROWS:
        yield f"<p class=soft>and {len(report.cases) - _MOST_ROWS} more; the JSON report has them all</p>\n"


def _case_row(entry: CaseFacts, pictures: dict[str, int], codes: Sequence[str]) -> list[str]:
    name = entry.case.name
    picture = f'<i class="t t{pictures[name]}" role=img aria-label="{escape(name)}"></i>' if name in pictures else ""
    header = next(iter(entry.headers.values()), None)
    voxels = next((entry.voxels[f] for f in entry.case.images() if f in entry.voxels), None)
    found = {value for label in entry.labels.values() for value in label.counts if value}
    labels = ", ".join(f"{value:g}" for value in sorted(found)[:12]) + (" …" if len(found) > 12 else "")
    unique = list(dict.fromkeys(codes))
    return [
        picture,
        escape(name),
        escape(entry.case.phase),
        " × ".join(map(str, header.shape)) if header else "",
        " × ".join(f"{mm:.3g}" for mm in header.spacing) if header else "",
        f"{voxels.low:.4g} to {voxels.high:.4g}" if voxels else "",
        labels,
        "<br>".join(unique[:_MOST_CODES]) + (" …" if len(unique) > _MOST_CODES else ""),
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; cells are HTML already."""
    columns = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "\n".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<div class=scroll><table><thead><tr>{columns}</tr></thead><tbody>\n{body}\n</tbody></table></div>\n"
