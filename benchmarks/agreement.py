"""Do metrics agree with those of other libraries? The largest difference per metric and peer, on the same cases.

Cases: pairs of masks with spacing (3, 1, 0.8) and 1, in three and two axes: a ball and a moved, dented one; noise; a
thin sheet; boxes that touch the border; nested discs; and cases in which one mask is empty, or both.

    python benchmarks/agreement.py [--write docs/agreement.md]
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from _image_peers import rows
from _peers import PEERS, PYMIA, Peer, silent

from eisen.evaluation import CasePair, EmptyPolicy, metric_of

Case = tuple[str, np.ndarray, np.ndarray, tuple[float, ...]]

SPELLINGS = [
    *PYMIA, "HDRFDST(convention='voxels')", "HDRFDST(convention='boundary')",
    "HDRFDST(percentile=95, convention='boundary')", "ASSD", "MSD", "MCC", "NMI", "RVD",
]  # fmt: skip

WHY = {
    ("HDRFDST", "MONAI"): "MONAI measures between boundary voxels: `convention='boundary'`",
    ("HDRFDST(percentile=95)", "MONAI"): "boundary voxels, no weights by area: `convention='boundary'`",
    ("HDRFDST", "MedPy"): "boundary voxels: `convention='boundary'`",
    ("HDRFDST(percentile=95)", "MedPy"): "boundary voxels, percentile of both directions together",
    ("HDRFDST", "ITK"): "ITK measures between all voxels: `convention='voxels'`",
    ("ASSD", "MONAI"): "boundary voxels without weights by area; both directions together",
    ("ASSD", "MedPy"): "boundary voxels without weights by area; mean of the means of the directions",
    ("HDRFDST(convention='voxels')", "scikit-image"): "scikit-image knows no spacing: the cases with spacing differ",
    ("MAHLNBS", "pymia"): "equal up to rounding; a covariance that cannot be inverted has no value here, pymia stops",
    ("PREDAREA", "pymia"): "the same slice",
    ("PROBDST", "pymia"): "no voxel in common: undefined here, -1 in pymia",
    ("HDRFDST", "pymia"): "2-D: contours here, one-voxel-thick volumes with flat faces in pymia",
    ("HDRFDST(percentile=95)", "pymia"): "2-D: contours here, volumes with flat faces in pymia",
    ("SURFDICE", "pymia"): "2-D: contours here, volumes with flat faces in pymia",
    ("SURFDICE(tolerance=2)", "pymia"): "2-D: contours here, volumes with flat faces in pymia",
    ("SURFOVLP", "pymia"): "2-D: contours here, volumes with flat faces in pymia",
}


def cases() -> Iterator[Case]:
    """Yield the cases: name, prediction, reference, spacing."""
    rng = np.random.default_rng(0)
    for spacing in ((1.0, 1.0, 1.0), (3.0, 1.0, 0.8)):
        grid = np.indices((24, 28, 26))
        ball = np.linalg.norm(grid - np.array([12, 14, 13])[:, None, None, None], axis=0) < 8
        moved = np.roll(ball, (1, 2, -1), (0, 1, 2)) & ~(np.linalg.norm(grid - 17.0, axis=0) < 4)
        yield "ball", moved, ball, spacing
        noise = rng.random((2, 10, 12, 11)) > 0.7
        yield "noise", noise[0], noise[1], spacing
        sheet, thick = np.zeros((2, 16, 16, 16), bool)
        sheet[8], thick[7:10] = True, True
        yield "sheet", sheet, thick, spacing
        corner, edge = np.zeros((2, 12, 12, 12), bool)
        corner[:6, :7, :5], edge[:5, :9, :6] = True, True
        yield "border", corner, edge, spacing
    plane = np.indices((50, 50)) - 24.5
    yield "nested discs", np.linalg.norm(plane, axis=0) < 20, np.linalg.norm(plane, axis=0) < 10, (1.0, 1.0)
    blobs = rng.random((2, 30, 20)) > 0.6
    yield "2-D noise", blobs[0], blobs[1], (2.0, 0.7)


def empty_cases() -> Iterator[Case]:
    """Yield the degenerate cases."""
    none, some = np.zeros((2, 8, 9, 10), bool)
    some[2:5, 3:6, 4:7] = True
    yield "empty prediction", none, some, (1.0, 1.0, 1.0)
    yield "empty reference", some, none, (1.0, 1.0, 1.0)
    yield "both empty", none, none, (1.0, 1.0, 1.0)


def ours(spelling: str, case: Case) -> float:
    _, prediction, reference, spacing = case
    pair = CasePair(prediction, reference, spacing)
    return metric_of(spelling).measure(pair.label(1), EmptyPolicy()).value


def theirs(peer: Peer, case: Case) -> float:
    _, prediction, reference, spacing = case
    try:
        with silent():
            return float(peer(prediction, reference, spacing))
    except Exception:
        return math.nan


def difference(spelling: str, peer: Peer, of: list[Case]) -> tuple[float, int, str]:
    """Return the largest difference, over how many cases, and the case that has it."""
    found = [(abs(ours(spelling, case) - theirs(peer, case)), case[0]) for case in of]
    known = [(d, name) for d, name in found if math.isfinite(d)]
    largest, name = max(known, default=(math.nan, ""))
    return largest, len(known), name


def table() -> Iterator[tuple[str, ...]]:
    """Yield the rows of the table of plain cases."""
    everything = list(cases())
    solid, flat = [c for c in everything if c[1].ndim == 3], [c for c in everything if c[1].ndim == 2]
    for spelling in SPELLINGS:
        for name, library in PEERS.items():
            try:
                peer = library(spelling)
            except KeyError:
                continue
            (d3, n3, at3), (d2, n2, at2) = (difference(spelling, peer, part) for part in (solid, flat))
            differs = max(d3 if n3 else 0.0, d2 if n2 else 0.0) > 1e-6
            why = WHY.get((spelling, name), "not explained" if differs else "") if differs else ""
            yield spelling, name, _text(d3, n3, at3), _text(d2, n2, at2), why


def _text(value: float, n: int, at: str) -> str:
    if not n:
        return "–"
    return "equal" if value < 1e-9 else f"{value:.1e} ({n})" if value < 1e-5 else f"{value:.3g} ({at})"


def empty_table() -> Iterator[tuple[str, ...]]:
    """Yield what is said about empty masks, by eisen and by the peers."""
    for spelling in ("DICE", "SNSVTY", "PRCISON", "HDRFDST", "SURFDICE", "KAPPA", "ADJRIND", "GCOERR"):
        for name in ("eisen", *PEERS):
            try:
                peer = None if name == "eisen" else PEERS[name](spelling)
            except KeyError:
                continue
            row = [ours(spelling, case) if peer is None else theirs(peer, case) for case in empty_cases()]
            yield spelling, name, *(f"{value:.4g}" for value in row)


def page() -> str:
    """Return the page of the documentation."""
    masks = [f"| {' | '.join(f'`{row[0]}`' if k == 0 else cell for k, cell in enumerate(row))} |" for row in table()]
    empty = [
        f"| {' | '.join(f'`{row[0]}`' if k == 0 else cell for k, cell in enumerate(row))} |" for row in empty_table()
    ]
    return "\n".join(
        [
            "# Agreement with other libraries",
            "",
            "Made by `python benchmarks/agreement.py --write docs/agreement.md`. The same masks go to eisen and to",
            "each library: a ball and a moved, dented one; noise; a thin sheet; boxes that touch the border, with",
            "spacing 1 and (3, 1, 0.8); in 2-D nested discs and noise. Shown is the largest absolute difference, the",
            'case that has it, and why. "equal" is below 1e-9, which is rounding in 64 bits; below 1e-5 are those',
            'of libraries with 32 bits, with the number of cases in brackets. "–": the library has no value.',
            "",
            "| metric | library | 3-D | 2-D | why |",
            "|---|---|---|---|---|",
            *masks,
            "",
            "## Images",
            "",
            "Positive images with noise, and signed ones as CT; the largest relative difference.",
            "",
            "| metric | library | largest | why |",
            "|---|---|---|---|",
            *(f"| {' | '.join(f'`{row[0]}`' if k == 0 else cell for k, cell in enumerate(row))} |" for row in rows()),
            "",
            "## Empty masks",
            "",
            "What is said about an empty prediction of something, a prediction of something that is not there, and two",
            "empty masks. eisen says NaN with a reason where a formula has no value, and two empty masks agree.",
            "",
            "| metric | library | empty prediction | empty reference | both empty |",
            "|---|---|---|---|---|",
            *empty,
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path, help="where the page of the documentation goes")
    options = parser.parse_args()
    text = page()
    print(text)
    if options.write:
        options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
