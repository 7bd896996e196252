"""One screen between a start and the canvas: what was understood, and what can still be chosen."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from html import escape
from typing import Any

from nicegui import ui

from eisen._core.errors import EisenError
from eisen.config.places import text_of
from eisen_cli.builder.look.widgets import error_card
from eisen_cli.builder.start.choice_fields import ChoiceField, shown_choices
from eisen_cli.builder.start.draft import Draft, Note
from eisen_cli.builder.start.reading import Start
from eisen_cli.builder.start.templates import TEMPLATES, Template
from eisen_cli.builder.workspace import Workspace

__all__ = ["Wizard"]

_SHORT = re.compile(r"\[[^\[\]{}]{0,90}\]")
"""Lists of values that fit on a line."""

_KINDS = {"understood": "the files say so", "assumed": "assumed: please look", "chosen": "a good default"}
_DOTS = {"understood": "--e-good", "assumed": "--e-warn", "chosen": "--e-c1"}


class Wizard:
    """Shows what was understood, lets choices be changed, and creates the experiment.

    Args:
        workspace: What the server works on.
        start: What it begins with.
        template: Its template.
        on_back: Is called to go back.
        on_create: Is called with what was chosen in the end.
    """

    def __init__(
        self,
        workspace: Workspace,
        start: Start,
        template: Template,
        on_back: Callable[[], None],
        on_create: Callable[[Start], Awaitable[None]],
    ) -> None:
        self._workspace, self._start, self._template = workspace, start, template
        self._is_from_files = start.data_dir is not None
        self._on_create = on_create
        with ui.element("div").classes("e-col").props("data-page=wizard"):
            self._head()
            with ui.element("div").classes("e-wizard"):
                with ui.element("div").classes("e-card e-col"):
                    self._kind()
                    self._form = ui.element("div").classes("e-wizard-form")
                self._side = ui.element("aside").classes("e-card e-wizard-side")
            with ui.element("div").classes("e-wizard-foot"):
                ui.button("Back", on_click=on_back).props("flat data-action=back")
                self._button = ui.button("Create", on_click=self._create).props("unelevated data-action=create")
        self._fill()

    def _head(self) -> None:
        with ui.element("div").classes("e-start-head"):
            ui.label(self._start.title).classes("e-title e-title-xl").props("role=heading aria-level=1")
            words = str(self._start.data_dir) if self._is_from_files else self._template.words
            ui.label(words).classes("e-quiet" + (" e-mono e-s" if self._is_from_files else ""))

    def _kind(self) -> None:
        """Show what else could be made of the data, or where the data of a template come from."""
        if self._is_from_files and self._start.others:
            names = [self._start.template, *self._start.others]
            options = {name: TEMPLATES[name].title for name in names}
            self._select("What to learn", options, self._start.template, self._other_template, "template")
        elif not self._is_from_files and len(self._template.sources) > 1:
            options = {name: name for name in self._template.sources}
            self._select("Data", options, next(iter(options)), self._other_source, "source")

    def _select(self, title: str, options: dict[str, str], value: str, act: Callable[[str], None], choice: str) -> None:
        with ui.element("div").classes("e-choice").props(f"data-choice={choice}"):
            ui.html(f"<label>{title}</label>", sanitize=False)
            made = ui.select(options, value=value, on_change=lambda event: act(str(event.value)))
            made.props(f'outlined dense aria-label="{title}"')

    def _other_template(self, name: str) -> None:
        self._start = self._start.as_template(name)
        self._template = TEMPLATES[self._start.template]
        self._fill()

    def _other_source(self, name: str) -> None:
        self._start = Start(self._start.title, None, self._template.name, self._template.sources[name])
        self._fill()

    def _fill(self) -> None:
        choices = self._start.choices
        assert choices is not None
        self._shown = shown_choices(self._template, choices)
        self._form.clear()
        self._wrong: set[str] = set()
        with self._form:
            for name in self._shown:
                ChoiceField(name, self._template, choices, self._changed)
        self._tell()

    def _changed(self, name: str, value: Any) -> None:
        self._wrong.add(name)
        self._button.disable()
        self._start = self._start.with_choice(name, value)
        self._wrong.discard(name)
        choices = self._start.choices
        assert choices is not None
        if shown_choices(self._template, choices) != self._shown:
            self._fill()
        else:
            self._tell()

    def _tell(self) -> None:
        self._side.clear()
        self._button.set_enabled(not self._wrong)
        with self._side:
            try:
                draft = self._start.draft()
            except EisenError as error:
                error_card(error)
                self._button.disable()
                return
            self._notes(draft)

    def _notes(self, draft: Draft) -> None:
        found = [note for note in draft.notes if note.kind != "chosen"]
        chosen = [note for note in draft.notes if note.kind == "chosen"]
        ui.label("What was understood" if found else "What it is made of").classes("e-title e-title-l")
        with ui.element("div").classes("e-row e-wrap e-xs e-quiet"):
            for kind in dict.fromkeys(note.kind for note in draft.notes):
                ui.label(_KINDS[kind]).classes("e-key").style(f"--e-dot: var({_DOTS[kind]})")
        for note in found:
            _NoteRow(note, draft)
        if found and chosen:
            with ui.expansion(f"Why it is made so ({len(chosen)})").props("dense data-action=why").classes("e-s"):
                for note in chosen:
                    _NoteRow(note, draft)
        elif chosen:
            for note in chosen:
                _NoteRow(note, draft)

    async def _create(self) -> None:
        await self._on_create(self._start)


class _NoteRow:
    """A sentence; a click shows what stands in the configuration there."""

    def __init__(self, note: Note, draft: Draft) -> None:
        tag = "button" if note.place else "div"
        with ui.element(tag).classes(f"e-note e-note-{note.kind}") as row, ui.element("div"):
            ui.label(note.text)
            if note.place:
                ui.html(f"<small>{escape(text_of(note.place))}</small>", sanitize=False)
        if note.place:
            row.props["data-place"] = text_of(note.place)
            self._code = ui.label(_text_at(draft, note)).classes("e-note-code")
            self._code.set_visibility(False)
            row.on("click", lambda: self._code.set_visibility(not self._code.visible))


def _text_at(draft: Draft, note: Note) -> str:
    here: Any = draft.data
    for part in note.place or ():
        here = here[part]
    lines = json.dumps(here, indent=2, ensure_ascii=False)
    return _SHORT.sub(lambda match: " ".join(match[0].split()).replace("[ ", "[").replace(" ]", "]"), lines)
