"""What was understood about files, and the experiment that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from eisen_cli.builder.start.choices import Choices, changed
from eisen_cli.builder.start.draft import Draft, Note
from eisen_cli.builder.start.templates import template

__all__ = ["Learned", "Start"]


@dataclass(frozen=True)
class Learned:
    """One thing about the files.

    Args:
        kind: ``"understood"``: the files say so; ``"assumed"``: nothing says so, and somebody should look.
        text: The sentence.
        about: What it is about, one of `Draft.places`, e.g. ``"normalization"``; "" for nothing in particular.
    """

    kind: Literal["understood", "assumed"]
    text: str
    about: str = ""


@dataclass(frozen=True)
class Start:
    """The beginning of an experiment.

    Args:
        title: What the data are called.
        data_dir: Folder that file names are relative to.
        template: Name of the template; "" where a configuration was found.
        choices: What it is made from.
        learned: What was understood, and what was assumed.
        others: Templates that fit as well, and what they are made from.
        config: A configuration that was found.
        path: Its file.
    """

    title: str
    data_dir: Path | None = None
    template: str = ""
    choices: Choices | None = None
    learned: tuple[Learned, ...] = ()
    others: Mapping[str, Choices] = field(default_factory=dict)
    config: Mapping[str, Any] | None = None
    path: Path | None = None

    def with_choice(self, name: str, value: Any) -> Start:
        """Return the same with another choice.

        Raises:
            ArgumentError: If it is no value for it.
        """
        assert self.choices is not None
        return replace(self, choices=changed(self.choices, name, value))

    def as_template(self, name: str) -> Start:
        """Return the same for another of the templates that fit."""
        if name == self.template or name not in self.others:
            return self
        assert self.choices is not None
        others = {self.template: self.choices, **self.others}
        return replace(self, template=name, choices=others.pop(name), others=others)

    def draft(self) -> Draft:
        """Return the configuration, with what was understood in front of the notes, each where it stands.

        Raises:
            ArgumentError: If choices do not go together.
        """
        if self.config is not None or self.choices is None:
            return Draft(dict(self.config or {}), [Note(each.kind, each.text) for each in self.learned])
        draft = template(self.template).make(self.choices)
        found = [Note(each.kind, each.text, draft.places.get(each.about)) for each in self.learned]
        draft.notes = found + draft.notes
        return draft
