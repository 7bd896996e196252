"""One cause, one finding: what follows from something else that was found is not told again."""

from __future__ import annotations

from eisen.datasets.doctor.findings import Finding

__all__ = ["without_consequences"]

_SPACE = {"spacing-outlier", "size-outlier", "label-volume-outlier", "orientation-minority", "geometry-mismatch"}
_FOLLOWS: dict[str, set[str]] = {
    "affine-unusable": _SPACE | {"grid-mirrored", "shape-mismatch", "affine-sheared", "spacing-absurd"},
    "spacing-absurd": _SPACE - {"geometry-mismatch"},
    "spacing-outlier": {"size-outlier", "label-volume-outlier"},
    "affine-sheared": {"sform-qform-conflict"},  # a qform cannot hold a shear
    "file-truncated": {"dicom-gap"},  # the damaged slice is the one that is missing
    "file-unreadable": {"dicom-gap"},
    "near-duplicate": {"label-copied"},
    "duplicate-image": {"label-copied"},
    "image-is-label": {"intensity-outlier", "rescale-missing"},
}
"""A kind of finding, and the kinds that are nothing new once it is known about a case."""


def without_consequences(findings: list[Finding]) -> list[Finding]:
    """Return the findings without those that follow from another finding about the same case.

    Args:
        findings: Everything that was found.

    Example:
        >>> from eisen.datasets.doctor.findings import finding
        >>> found = [finding("spacing-outlier", "8 mm", case="a"), finding("size-outlier", "400 mm", case="a")]
        >>> [entry.code for entry in without_consequences(found)]
        ['spacing-outlier']
    """
    hidden = {
        (consequence, case)
        for found in findings
        for consequence in _FOLLOWS.get(found.code, ())
        for case in (found.case, found.other)
        if case
    }
    return [found for found in findings if (found.code, found.case) not in hidden]
