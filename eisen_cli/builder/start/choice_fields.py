"""One field per choice of a template."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nicegui import ui

from eisen._core.errors import EisenError
from eisen_cli.builder.start.choices import CHOICES, Choice, Choices
from eisen_cli.builder.start.templates import Template

__all__ = ["ChoiceField", "shown_choices"]


def shown_choices(template: Template, choices: Choices) -> list[str]:
    """Return the choices that mean something, given the others.

    Example:
        >>> from eisen_cli.builder.start.templates import TEMPLATES
        >>> template = TEMPLATES["gan"]
        >>> shown_choices(template, template.default())
        ['mode', 'size', 'low', 'high', 'width', 'epochs', 'batch_size']
    """
    hidden = set()
    if choices.normalization == "z-score" and "normalization" in template.choices:
        hidden |= {"low", "high"}
    if choices.mode == "number":
        hidden |= {"classes", "balance"}
    if choices.mode == "translate" or (template.name == "reconstruction" and choices.mode != "denoise"):
        hidden.add("noise")
    if choices.augmentation == "none":
        hidden.add("mirror")
    return [name for name in template.choices if name not in hidden]


class ChoiceField:
    """One choice.

    Args:
        name: Name of the choice.
        template: The template.
        choices: What is chosen now.
        on_change: Is called with the name and the new value; an error is shown under the field.
    """

    def __init__(self, name: str, template: Template, choices: Choices, on_change: Callable[[str, Any], None]) -> None:
        self._spec, self._on_change = CHOICES[name], on_change
        spec, value = self._spec, getattr(choices, name)
        with ui.element("div").classes("e-choice" + (" e-tall" if spec.kind == "names" else "")) as box:
            box.props(f"data-choice={name}")
            ui.html(f"<label>{spec.title}{f' ({spec.unit})' if spec.unit else ''}</label>", sanitize=False)
            self._field = self._made(spec, value, _options(spec, template, value))
            self._wrong = ui.label().classes("e-bad e-s").props("role=alert")
            self._wrong.set_visibility(False)
            ui.label(spec.doc).classes("e-doc")

    def _made(self, spec: Choice, value: Any, options: Mapping[str, str]) -> Any:
        label = f'aria-label="{spec.title}"'
        if spec.kind == "switch":
            return ui.switch(value=bool(value), on_change=lambda e: self._changed(e.value)).props(f"dense {label}")
        if spec.kind == "choice":
            made = ui.select(dict(options), value=str(value), on_change=lambda e: self._changed(e.value))
            return made.props(f"outlined dense {label}")
        if spec.kind == "names":
            made_area = ui.textarea(value="\n".join(value), on_change=lambda e: self._changed(e.value))
            return made_area.props(f"outlined dense autogrow debounce=400 {label}")
        made_input = ui.input(value=_shown(value), on_change=lambda e: self._changed(e.value))
        return made_input.props(f"outlined dense debounce=400 {label}")

    def _changed(self, value: Any) -> None:
        try:
            self._on_change(self._spec.name, value)
        except EisenError as error:
            self._wrong.set_text(f"expected: {error.card.expected}" if error.card.expected else error.card.what)
            self._wrong.set_visibility(True)
        else:
            self._wrong.set_visibility(False)


def _options(spec: Choice, template: Template, value: Any) -> Mapping[str, str]:
    if spec.name == "mode":
        return template.modes
    allowed = {"fit": template.fits, "normalization": template.scales}.get(spec.name)
    known = {key: words for key, words in spec.options.items() if allowed is None or key in allowed}
    return known if str(value) in known else {**known, str(value): str(value)}


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return " x ".join(f"{number:g}" for number in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
