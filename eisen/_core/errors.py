"""Every error eisen raises on purpose.

    EisenError
    ├── ArgumentError        (ValueError)         an argument of a constructor or function is wrong
    ├── ConfigError          (ValueError)         a configuration is wrong; lists every problem at once
    ├── MissingExtraError    (ImportError)        an optional package is not installed
    ├── ArtifactError        (OSError)            a result could not be written
    ├── DataError                                 a data point could not be made
    │   ├── MissingFieldError    (KeyError)           a step names a field the data point does not have
    │   ├── MissingFileError     (FileNotFoundError)  a file of a case is not there
    │   ├── CorruptFileError     (ValueError)         a file is there and cannot be decoded
    │   ├── ShapeError           (ValueError)         an array has a shape that does not fit
    │   ├── GeometryError        (ValueError)         two images are not on the same grid, or geometry is missing
    │   ├── VoxelValueError      (ValueError)         NaN voxels, an unknown label value, an empty label
    │   ├── EmptyDatasetError    (ValueError)         there is nothing to iterate over
    │   └── StepError            (RuntimeError)       code that is not ours failed inside a chain of steps
    └── TrainingError        (RuntimeError)       the run itself went wrong
        └── NonFiniteLossError                        the loss became NaN or infinite

Each one is a card: what was wrong, what was expected, what to do, and where it happened. Code on the way
up (`Compose`, the dataset, the workflow, the command line) adds the facts it knows with `note`; a fact that
is already there is never overwritten. Cards survive pickling, so an error raised in a data worker is the
same error in the main process.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

__all__ = [
    "ArgumentError",
    "ArtifactError",
    "Card",
    "ConfigError",
    "CorruptFileError",
    "DataError",
    "EisenError",
    "EmptyDatasetError",
    "GeometryError",
    "MissingExtraError",
    "MissingFieldError",
    "MissingFileError",
    "NonFiniteLossError",
    "Problem",
    "ShapeError",
    "StepError",
    "TrainingError",
    "VoxelValueError",
    "nearest",
]


@dataclass
class Card:
    """What is known about an error. Empty entries are not shown.

    Args:
        what: What was wrong, one sentence.
        expected: What was expected instead.
        to_do: What the user can do about it.
        case: The case, e.g. ``"#12 (hippocampus_042.nii.gz)"``.
        file: The file that was read or written.
        step: Number and name in the chain, e.g. ``"step 3 of 7: CropCenteredSubVolumes"``.
        field: The field of the data point.
        shapes: Shapes of the fields at that moment.
        config: Place in the configuration, e.g. ``"Training.Transforms[2]"``.
        process: Which of several processes it happened in, e.g. ``"1 of 0 to 3"``.
        reproduce: One command line that shows the error again.
    """

    what: str
    expected: str = ""
    to_do: str = ""
    case: str = ""
    file: str = ""
    step: str = ""
    field: str = ""
    shapes: str = ""
    config: str = ""
    process: str = ""
    reproduce: str = ""

    def rows(self) -> list[tuple[str, str]]:
        """Return (title, text) of every entry that is not empty, in reading order."""
        titles = {"what": "error", "to_do": "to do"}
        return [(titles.get(f.name, f.name), value) for f in fields(self) if (value := getattr(self, f.name))]


class EisenError(Exception):
    """The root of the tree: an error with a card.

    Args:
        what: What was wrong, one sentence.
        **facts: Any other entry of `Card`.

    Example:
        >>> error = EisenError("the label is empty", field="label", to_do="remove the case")
        >>> print(error.note(case="#3", field="ignored: already known"))
        the label is empty
             case  #3
            field  label
            to do  remove the case
    """

    def __init__(self, what: str, **facts: str) -> None:
        super().__init__(what)
        self.card = Card(what, **facts)

    def note(self, **facts: str) -> Self:
        """Add facts to the card where it has none yet, and return the error itself."""
        for name, value in facts.items():
            if not getattr(self.card, name):
                setattr(self.card, name, value)
        return self

    def __str__(self) -> str:
        order = ("case", "file", "config", "step", "field", "shapes", "process", "expected", "to do", "reproduce")
        rows = dict(self.card.rows())
        lines = [f"{title:>9}  {rows[title]}" for title in order if title in rows]
        return "\n".join([self.card.what, *lines])

    def __reduce__(self) -> Any:
        return _revive, (type(self), self.__dict__)


def _revive(kind: type[EisenError], state: dict[str, Any]) -> EisenError:
    error = kind.__new__(kind)
    error.__dict__.update(state)
    error.args = (state["card"].what,)
    return error


# AssertionError as well: the original asserted its arguments, and scripts written for it catch that.
class ArgumentError(EisenError, ValueError, AssertionError):
    """An argument of a constructor or function is wrong."""


class MissingExtraError(EisenError, ImportError):
    """An optional package is not installed; the card holds the install line."""


class ArtifactError(EisenError, OSError):
    """A result could not be written: full disk, read-only folder, path that is a file."""


class DataError(EisenError):
    """A data point could not be made."""


class MissingFieldError(DataError, KeyError):
    """A step names a field that the data point does not have."""


class MissingFileError(DataError, FileNotFoundError):
    """A file of a case is not there."""


class CorruptFileError(DataError, ValueError):
    """A file is there and cannot be decoded."""


class ShapeError(DataError, ValueError):
    """An array has a shape that does not fit."""


class GeometryError(DataError, ValueError):
    """Two images are not on the same grid, or geometry is needed and missing."""


class VoxelValueError(DataError, ValueError):
    """Voxels hold what they must not: NaN, an unknown label value, no label at all."""


class EmptyDatasetError(DataError, ValueError):
    """There is nothing to iterate over."""


class StepError(DataError, RuntimeError):
    """Code that is not ours failed inside a chain of steps; the original error is its cause."""


class TrainingError(EisenError, RuntimeError):
    """The run itself went wrong."""


class NonFiniteLossError(TrainingError):
    """The loss became NaN or infinite."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a configuration.

    Args:
        where: Path inside the configuration, e.g. ``"Training.Transforms[2].params.field"``.
        what: What was wrong there.
        expected: What would have been right, with the nearest valid name if there is one.
        file: The configuration file.
        line: Line in the file, from 1; 0 when there is no file.
        column: Column in the file, from 1.
    """

    where: str
    what: str
    expected: str = ""
    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column} " if self.line else ""
        return f"{place}{self.where}: {self.what}" + (f" – {self.expected}" if self.expected else "")


class ConfigError(EisenError, ValueError):
    """A configuration is wrong. Holds every problem, so that one run shows them all.

    Args:
        problems: What is wrong, in the order of the file.
    """

    def __init__(self, problems: list[Problem]) -> None:
        count = f"{len(problems)} problem" + ("s" if len(problems) != 1 else "")
        super().__init__("\n".join([f"{count} in the configuration", *map(str, problems)]))
        self.problems = problems


def nearest(name: str, choices: Any) -> str:
    """Return ``"did you mean 'x'?"`` for the closest of the choices, or an empty string.

    Example:
        >>> nearest("feilds", ["fields", "size"])
        "did you mean 'fields'?"
    """
    from difflib import get_close_matches

    match = get_close_matches(name, list(choices), n=1, cutoff=0.6)
    return f"did you mean '{match[0]}'?" if match else ""
