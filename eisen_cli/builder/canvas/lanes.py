"""The tabs and lanes of the canvas: what a configuration has, and what it could have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from eisen.config.describe import describe
from eisen.config.experiment import General, Phase
from eisen.config.places import Place, text_of
from eisen.config.sections import ALIASES, GENERAL, PHASES, RESERVED, SECTIONS, SINGULAR, TOP_LEVEL, attribute_of

__all__ = ["Lane", "Tab", "article", "is_used_once", "lane_of", "lanes_of", "tabs_of"]

Kind = Literal["modules", "settings", "values"]

_IF_PRESENT = ("Split", "Serving")
_BATCH = ("Datasets", "Readers", "Transforms", "BatchTransforms", "Sampler")
_ORDER = (*_BATCH, "Models", "Losses", "Metrics", "Optimizer", "Scheduler", "Workflow", "Hooks")
_GROUPS = {True: "From file to batch", False: "What is done with a batch"}


@dataclass(frozen=True)
class Tab:
    """One part of a configuration as a tab.

    Args:
        name: Its key in the file, e.g. ``"Training"``.
        is_there: Whether the file has it.
        count: Number of modules in it.
        has_lanes: Whether it has sections; if not, it is an object of values.
    """

    name: str
    is_there: bool
    count: int
    has_lanes: bool


@dataclass(frozen=True)
class Lane:
    """One section of a phase.

    Args:
        place: Where its list stands, under the key that the file uses.
        role: What its modules are, e.g. ``"BatchTransforms"``; empty for what is no section.
        kind: ``"modules"``; ``"settings"``: hyperparameters; ``"values"``: anything else, shown as text.
        group: Heading that it stands under.
    """

    place: Place
    role: str
    kind: Kind = "modules"
    group: str = ""

    @property
    def key(self) -> str:
        """Its place as text."""
        return text_of(self.place)

    @property
    def title(self) -> str:
        """Its heading: the name of the section with blanks.

        Example:
            >>> Lane(("Training", "batch_transforms"), "BatchTransforms").title
            'Batch transforms'
        """
        name = str(self.role or self.place[-1])
        return attribute_of(name).replace("_", " ").capitalize()

    @property
    def one(self) -> str:
        """What one of its modules is called, with an article."""
        return article(SINGULAR.get(self.role, "module"))

    @property
    def hint(self) -> str:
        """What an empty lane says."""
        return f"Drop {self.one} here"

    @property
    def note(self) -> str:
        """What belongs here, in a few words."""
        return _words(str(self.place[0])).get(self.role, "").rstrip(".")


def article(noun: str) -> str:
    """Put the article before a noun.

    Example:
        >>> article("optimizer"), article("loss")
        ('an optimizer', 'a loss')
    """
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun}"


def tabs_of(data: Mapping[str, Any]) -> list[Tab]:
    """Return the tabs for a configuration: every phase, how it is measured and packed, and what else the file has.

    Example:
        >>> [tab.name for tab in tabs_of({"Split": {}, "Trainig": {}})]
        ['General', 'Training', 'Validation', 'Testing', 'Prediction', 'Evaluation', 'Packaging', 'Split', 'Trainig']
    """
    always = [name for name in ("General", *PHASES, *RESERVED) if name not in _IF_PRESENT]
    present = [name for name in _IF_PRESENT if name in data]
    strange = [key for key in data if key not in TOP_LEVEL and not key.startswith("$")]
    return [_tab(name, data) for name in (*always, *present, *strange)]


def _tab(name: str, data: Mapping[str, Any]) -> Tab:
    part = data.get(name)
    lists = part.items() if isinstance(part, Mapping) else ()
    count = sum(len(value) for key, value in lists if isinstance(value, list) and key != "Hyperparameters")
    has_lanes = name == "General" or name in PHASES
    return Tab(name, bool(part), count if has_lanes else 0, has_lanes)


def lanes_of(data: Mapping[str, Any], phase: str) -> list[Lane]:
    """Return the lanes of a phase: all sections it can have, and what else stands in it.

    Example:
        >>> [lane.key for lane in lanes_of({}, "General")]
        ['General.Models', 'General.Hyperparameters']
        >>> lanes_of({"Training": {"Options": {"x": 1}}}, "Training")[-1]
        Lane(place=('Training', 'Options'), role='', kind='values', group='What is done with a batch')
    """
    part = data.get(phase)
    part = part if isinstance(part, Mapping) else {}
    sections = GENERAL if phase == "General" else SECTIONS.get(phase, ())
    roles = [role for role in sections if role != "Hyperparameters"]
    lanes = [_lane(part, phase, role) for role in sorted(roles, key=_rank)]
    group = "Settings" if phase == "General" else _GROUPS[False]
    lanes.append(Lane((phase, "Hyperparameters"), "Hyperparameters", "settings", group))
    known = {lane.place[-1] for lane in lanes}
    strange = [key for key in part if key not in known and not key.startswith("$")]
    return [*lanes, *(Lane((phase, key), "", "values", group) for key in strange)]


def _rank(role: str) -> int:
    return _ORDER.index(role) if role in _ORDER else len(_ORDER)


def _lane(part: Mapping[str, Any], phase: str, role: str) -> Lane:
    spelt = [alias for alias, name in ALIASES.items() if name == role and alias in part and role not in part]
    key = spelt[0] if spelt else role
    kind: Kind = "modules" if isinstance(part.get(key, []), list) else "values"
    group = "Model" if phase == "General" else _GROUPS[role in _BATCH]
    return Lane((phase, key), role, kind, group)


def lane_of(data: Mapping[str, Any], phase: str, role: str) -> Lane | None:
    """Return the lane of a phase that holds modules of a role; None when the phase has none."""
    return next((lane for lane in lanes_of(data, phase) if lane.role == role and lane.kind == "modules"), None)


def is_used_once(phase: str, role: str) -> bool:
    """Tell whether a run uses the first module of a section only, as the typed configuration documents it.

    Example:
        >>> is_used_once("Training", "Datasets"), is_used_once("Training", "Optimizer")
        (True, False)
    """
    return "the first is used" in _words(phase).get(role, "")


@cache
def _words(phase: str) -> dict[str, str]:
    """Return the sentence about each section, from the docstring of the typed configuration."""
    parameters = describe(General if phase == "General" else Phase).parameters
    texts = {parameter.name: parameter.doc for parameter in parameters}
    return {role: texts[attribute_of(role)] for role in SINGULAR if attribute_of(role) in texts}
