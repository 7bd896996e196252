"""THE table of what the doctor can find: code, how bad it is, what it means, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["KINDS", "Kind", "Severity"]


class Severity(StrEnum):
    """How bad a finding is.

    Example:
        >>> Severity.ERROR.rank < Severity.NOTE.rank
        True
    """

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


@dataclass(frozen=True)
class Kind:
    """One kind of finding.

    Args:
        code: Its name, which stays the same from version to version.
        severity: How bad it is; an error means that training should not go on.
        meaning: What is wrong, in one phrase.
        to_do: What helps.
    """

    code: str
    severity: Severity
    meaning: str
    to_do: str


_TABLE: dict[Severity, tuple[tuple[str, str, str], ...]] = {
    Severity.ERROR: (
        ("file-missing", "a file that is listed does not exist", "copy the file, or take the case off the list"),
        ("file-empty", "the file has 0 bytes", "copy or download the file again"),
        ("file-unreadable", "the file cannot be decoded", "open it in a viewer; convert or copy it again"),
        ("file-truncated", "the file ends too early", "copy or download the file again"),
        ("file-checksum", "the checksum of the file is wrong", "copy or download the file again"),
        ("label-missing", "a training case has no label", "label the case, or take it out of the training"),
        ("shape-mismatch", "image and label differ in size", "find the right file, or resample one onto the other"),
        (
            "geometry-mismatch",
            "image and label lie in different places",
            "if both belong together, copy the affine of the image to the label; else find the right file",
        ),
        (
            "grid-mirrored",
            "image and label store their axes in different order or direction",
            "read both with canonical=True, or save the label again on the grid of the image",
        ),
        ("affine-unusable", "the header gives no voxel size or no three axes", "repair the header; convert again"),
        (
            "channel-mismatch",
            "a case has another number of channels or time points than most",
            "convert the case like the others; such cases cannot be in one batch",
        ),
        ("voxels-not-finite", "voxels are NaN or infinite", "replace them, e.g. by 0, and save the file again"),
        ("image-constant", "all voxels of the image have the same value", "convert the image again, or leave it out"),
        ("label-not-whole", "the label holds fractions", "resample the label again with nearest neighbour"),
        ("label-unexpected", "the label holds values that are not declared", "correct the label or the declaration"),
        ("label-empty", "the label has no labelled voxel", "label the case, or allow empty labels (.EmptyLabel)"),
        ("file-in-two-phases", "the same file is in two phases", "take it out of one of them"),
        ("duplicate-across-phases", "the same voxels are in two phases", "take the copy out of one of them"),
        ("patient-in-two-phases", "the same patient is in two phases", "split by patient: group= of the dataset"),
        ("dicom-gap", "slices of the series are missing", "send the series again from the archive"),
        ("dicom-duplicate-slice", "two slices of the series are in one place", "split the series, or send it again"),
        ("dicom-mixed-series", "the series mixes several volumes", "one folder per volume, or read with split=NAME"),
    ),
    Severity.WARNING: (
        ("image-missing", "a label has no image", "add the image, or remove the label"),
        ("case-listed-twice", "the case is listed twice", "take one of the two off the list"),
        ("sform-qform-conflict", "sform and qform disagree", "decide which is right and write it to both"),
        ("affine-sheared", "the axes are not at right angles", "resample onto a right-angled grid (gantry tilt)"),
        ("spacing-absurd", "the voxel size cannot be that of a patient", "correct the header"),
        ("unit-not-mm", "the header counts in another unit than mm", "convert the affine to mm"),
        ("spacing-outlier", "the voxel size is far from that of the others", "check the header; resample"),
        ("size-outlier", "the field of view is far from that of the others", "check that it shows the same region"),
        ("orientation-minority", "the axes run differently from most cases", "read with canonical=True"),
        ("image-is-label", "the image looks like a label map", "check that image and label were not swapped"),
        ("intensity-outlier", "the intensities are far from those of the others", "check units; normalise per case"),
        ("rescale-missing", "the intensities are not in HU like the others", "apply rescale slope and intercept"),
        ("label-value-missing", "a label value most cases have is missing", "check whether it was forgotten"),
        ("label-volume-outlier", "a labelled volume is far from the others", "look at the label of this case"),
        ("label-outside-image", "the label lies where the image shows nothing", "check that both belong together"),
        ("label-copied", "two different images have the same label", "find the right label of one of them"),
        ("duplicate-image", "two cases have the same voxels", "take one of them out"),
        ("near-duplicate", "two cases show nearly the same", "check whether one is a processed copy of the other"),
        ("shared-slices", "two cases share slices", "keep both in the same phase, or take one out"),
    ),
    Severity.NOTE: (
        ("file-unlisted", "a file is in the folder and in no case", "list it if it was forgotten"),
        ("position-unknown", "neither sform nor qform is set", "position and orientation are a guess; check them"),
        ("dtype-minority", "voxels are stored in another type than most", "nothing, if the values are right"),
        ("intensity-scale-varies", "the intensity scale varies widely", "normalise each case (z-score, percentiles)"),
        ("label-specks", "the label has tiny isolated parts", "remove small components if they are slips of the pen"),
        ("label-never-used", "a declared label value is in no case", "shorten the declaration if this is right"),
    ),
}

KINDS: dict[str, Kind] = {
    code: Kind(code, severity, meaning, to_do) for severity, rows in _TABLE.items() for code, meaning, to_do in rows
}
"""Every kind of finding by its code, the worst first."""
