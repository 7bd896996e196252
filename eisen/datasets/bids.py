"""Data in the Brain Imaging Data Structure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Unpack

from eisen._core.errors import ArgumentError, CorruptFileError, EmptyDatasetError, MissingFileError, nearest
from eisen._core.field_roles import Role
from eisen._core.types import Step
from eisen.datasets.base import EisenDataset
from eisen.datasets.bids_layout import Image, participants_of, visits_in
from eisen.datasets.folders import Folder, existing_folder, files_in
from eisen.datasets.options import SplitOptions

__all__ = ["BIDSDataset"]

_MISSING = ("error", "skip", "none")


class BIDSDataset(EisenDataset):
    """Cases in the Brain Imaging Data Structure: one per subject, or per session where there are sessions.

    The folder looks like this::

        data_dir/
          participants.tsv                                    participant_id, age, sex ...
          sub-01/anat/sub-01_T1w.nii.gz                       or sub-01/ses-a/anat/sub-01_ses-a_T1w.nii.gz
          derivatives/manual/sub-01/anat/sub-01_dseg.nii.gz

    A case holds a file per image that is asked for, ``subject``, ``session`` (where there are sessions) and the columns
    of ``participants.tsv`` that are asked for. With ``group="subject"`` a split keeps the sessions of one together.

    Args:
        data_dir: Folder of the data.
        images: Field to image: ``{"image": "anat/T1w", "label": "derivatives/manual/anat/dseg"}``. Entities tell
            images of one kind apart: ``"anat/acq-fast_run-1_T2w"``.
        subjects: Names of the subjects to keep, without ``sub-``. None: all.
        sessions: Names of the sessions to keep, without ``ses-``. None: all.
        participants: Columns of ``participants.tsv`` to add, as text.
        missing: What to do with a case that lacks an image: ``"error"``; ``"skip"``: leave it out; ``"none"``: the
            field is None.
        transform: What to do with a case when it is read; None: nothing.
        **split: Which cases to keep.

    Raises:
        MissingFileError: If the folder, ``participants.tsv`` or an image is not there.
        CorruptFileError: If ``participants.tsv`` lacks a column or a subject.
        EmptyDatasetError: If there is no subject, or none that is asked for.
        ArgumentError: If an argument is wrong, or two files are the same image of a case.

    Source: Gorgolewski et al., The brain imaging data structure, Scientific Data 3, 160044 (2016).

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "sub-01" / "anat").mkdir(parents=True)
        >>> (folder / "sub-01" / "anat" / "sub-01_T1w.nii.gz").touch()
        >>> BIDSDataset(folder, {"image": "anat/T1w"})[0]
        {'image': 'sub-01/anat/sub-01_T1w.nii.gz', 'subject': '01'}
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"images": "makes"}

    def __init__(
        self,
        data_dir: Folder,
        images: Mapping[str, str],
        subjects: Sequence[str] | None = None,
        sessions: Sequence[str] | None = None,
        participants: Sequence[str] = (),
        missing: Literal["error", "skip", "none"] = "error",
        transform: Step | None = None,
        **split: Unpack[SplitOptions],
    ) -> None:
        if missing not in _MISSING:
            raise ArgumentError(f"BIDSDataset: missing is {missing!r}", expected="'error', 'skip' or 'none'")
        if not isinstance(images, Mapping) or not images:
            expected = 'field to image, e.g. {"image": "anat/T1w"}'
            raise ArgumentError(f"BIDSDataset: images is {images!r}", expected=expected)
        self.data_dir = data_dir
        self.images = {field: Image.parse(text) for field, text in images.items()}
        self.missing = missing
        self._folder = existing_folder(Path(data_dir))
        self._known = participants_of(self._folder, participants)
        visits = visits_in(self._folder, subjects, sessions)
        cases = [case for visit in visits if (case := self._case(*visit)) is not None]
        if not cases:
            raise EmptyDatasetError(
                f"no case in {data_dir} has all of {', '.join(images.values())}",
                expected="sub-<name>/[ses-<name>/]<datatype>/sub-<name>_..._<suffix>.nii.gz",
                to_do="check data_dir, images, subjects and sessions",
                file=str(data_dir),
            )
        super().__init__(cases, transform, **split)

    def _case(self, subject: str, session: str) -> dict[str, Any] | None:
        """Return what is known about one visit, or None if it is to be left out."""
        case: dict[str, Any] = {field: self._file(field, subject, session) for field in self.images}
        if self.missing == "skip" and None in case.values():
            return None
        case |= {"subject": subject} | ({"session": session} if session else {})
        if self._known is not None:
            if subject not in self._known:
                path = self._folder / "participants.tsv"
                what = f"participants.tsv has no row for sub-{subject}"
                raise CorruptFileError(what, expected="a row for every subject", file=str(path))
            case |= self._known[subject]
        return case

    def _file(self, field: str, subject: str, session: str) -> str | None:
        """Return the one file that is an image of a visit, relative to the folder of the data."""
        image = self.images[field]
        parts = [image.root, f"sub-{subject}", f"ses-{session}" if session else "", image.datatype]
        place = "/".join(filter(None, parts))
        folder = self._folder / place
        files = files_in(folder, ".nii", ".nii.gz") if folder.is_dir() else []
        found = [name for name in files if image.fits(name)]
        if len(found) > 1:
            raise ArgumentError(
                f"BIDSDataset: {len(found)} files are the {field} of sub-{subject}: {', '.join(found)}",
                expected=f"one file in {place}",
                to_do=f"say which in images, e.g. '{image.datatype}/{found[0].split('_', 1)[1].partition('.')[0]}'",
            )
        if not found and self.missing == "error":
            raise MissingFileError(
                f"sub-{subject}{f', ses-{session},' if session else ''} has no {field} in {place}",
                expected=f"a file ..._{image.suffix}.nii.gz",
                to_do=nearest(f"sub-{subject}_{image.suffix}.nii.gz", files) or "correct images, or say missing='skip'",
                field=field,
                file=str(folder),
            )
        return f"{place}/{found[0]}" if found else None
