"""What is in a package, for people who have to decide whether to trust it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from eisen_cli.show.screen import Screen
from eisen_cli.show.tables import show_rows
from eisen_cli.show.transfer import size

if TYPE_CHECKING:
    from eisen_deploy.packaging.findings import Inspection, State

__all__ = ["printable", "show_card", "show_inspection"]

_KINDS = {
    "safe": ("good", "Safe package: weights, settings and text. No pickle in it, and no code of its own."),
    "pickles": ("bad", "Package with pickles: loading one can run anything. Serve it only if you trust who made it."),
    "code": ("warn", "Archive with code of its own: TorchServe runs it. Serve it only if you trust who made it."),
    "other": ("warn", "Archive of another program: nothing is known of what it does."),
}
_ANSWERS = {"labels": "a label map", "image": "an image", "classes": "a class", "values": "numbers"}
_MARKS = {"right": "good", "wrong": "bad", "absent": "warn", "unchecked": "warn"}
_MOST_NAMES = 12
_FINGERPRINT = 16

Row = tuple[str, str, str]


def show_inspection(screen: Screen, found: Inspection) -> None:
    """Write what is in an archive.

    Args:
        screen: Where to write.
        found: What was found.
    """
    style, sentence = _KINDS[found.kind if found.kind != "code" or found.code else "other"]
    screen.line(f"{found.name} {printable(found.version)}".rstrip(), style="accent")
    screen.line(sentence, style=style)
    screen.line()
    _show_facts(screen, list(_facts(found)))
    _show_labels(screen, found)
    _show_imports(screen, found)
    for note in found.notes:
        screen.line(f"note: {printable(note)}", style="warn")
    screen.line()
    rows = [(m.name, size(m.size), size(m.packed), m.sha256[:_FINGERPRINT]) for m in found.members]
    show_rows(screen, ("member", "size", "packed", "SHA-256"), rows, right=(1, 2))


def show_card(screen: Screen, text: str) -> None:
    """Write a model card: drawn on a terminal, as it is elsewhere.

    Args:
        screen: Where to write.
        text: The card, in Markdown.
    """
    if not screen.is_terminal():
        for line in printable(text).splitlines():
            screen.line(line)
        return
    from rich.markdown import Markdown

    screen.draw(Markdown(printable(text), hyperlinks=False))


def printable(text: object) -> str:
    r"""Return a text from a stranger without characters that would take command of the terminal.

    Example:
        >>> printable("liver\x1b[2J\nv1")
        'liver?[2J\nv1'
    """
    kept = "\n\t"
    return "".join(c if c in kept or unicodedata.category(c) not in ("Cc", "Cf", "Cs") else "?" for c in str(text))


def _facts(found: Inspection) -> Iterator[Row]:
    packed = sum(member.packed for member in found.members)
    yield "file", f"{found.file}  {size(packed)}, {len(found.members)} members", ""
    package = found.package
    for title, side in (("takes", "inputs"), ("gives", "outputs")):
        yield title, _fields(found.metadata.get(side)) or "not declared", ""
    if package is not None:
        yield "answers", f"{_ANSWERS[package.kind]}, by {_count(package.weights, 'model')}", ""
        yield "golden", f"{_count(package.golden, 'case')}, replayed when it is served", ""
        made = ", ".join(f"{printable(name)} {printable(version)}" for name, version in package.made_with.items())
        yield "made with", made or "not said", ""
    elif "python" in found.metadata:
        yield "made with", f"Python {printable(found.metadata['python'])}", ""
    if found.code:
        yield "code", f"{', '.join(found.code)}: not that of this version of eisen", "warn"
    if found.requirements:
        yield "requires", f"{found.requirements}: installed only where the server is told to", ""
    yield _digests(found.digests)
    yield _signature(found.signature)
    lines = found.card.count("\n")
    yield "card", f"{lines} lines, --card shows them" if found.card else "there is none", "" if found.card else "warn"


def _digests(state: State) -> Row:
    texts = {"right": "right: nothing was damaged since it was packed", "absent": "none: made by another program"}
    return "digests", texts.get(state.state, printable(state.text)), _MARKS[state.state]


def _signature(state: State) -> Row:
    key = printable(state.text[:_FINGERPRINT])
    texts = {
        "right": f"right: signed with key {key}",
        "wrong": printable(state.text),
        "absent": "none: nobody vouches for it",
        "unchecked": f"there is one, of key {key}; --verify KEY.pub tells whether it is right",
    }
    return "signature", texts[state.state], _MARKS[state.state]


def _fields(declared: Any) -> str:
    if not isinstance(declared, Sequence) or not all(isinstance(entry, Mapping) for entry in declared):
        return ""
    return ", ".join(_field(entry) for entry in declared)


def _field(entry: Mapping[str, Any]) -> str:
    shape = entry.get("shape")
    axes = "×".join("·" if n == -1 else str(n) for n in shape) if isinstance(shape, list) else ""
    kind = f"{entry.get('type', '')} {axes}".strip()
    return shorten(printable(f"{entry.get('name', '?')} ({kind})"), 60, placeholder="…")


def _count(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def _show_facts(screen: Screen, rows: list[Row]) -> None:
    width = max(len(title) for title, _, _ in rows)
    if not screen.is_terminal():
        for title, text, _ in rows:
            screen.line(f"  {title:<{width}}  {text}")
        return
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="quiet", justify="right", no_wrap=True)
    grid.add_column(overflow="fold")
    for title, text, style in rows:
        grid.add_row(title, Text(text, style=style))
    screen.draw(grid)


def _show_labels(screen: Screen, found: Inspection) -> None:
    labels = found.package.labels if found.package is not None else []
    if not labels:
        return
    if not screen.is_terminal():
        for label in labels:
            screen.line(f"  label {label.value}  {label.colour}  {printable(label.name)}")
        return
    from rich.text import Text

    line = Text("   labels  ", style="quiet")
    for label in labels:
        line.append("□ " if label.colour == "#000000" else "■ ", style=label.colour if label.value else "quiet").append(
            f"{label.value} ", style="quiet"
        )
        line.append(f"{shorten(printable(label.name), 40, placeholder='…')}   ", style="default")
    screen.draw(line)


def _show_imports(screen: Screen, found: Inspection) -> None:
    from eisen_deploy.packaging.pickles import is_risky

    for name, facts in found.pickles.items():
        screen.line()
        risky = [each for each in facts.names if is_risky(each)]
        names = [*risky, *(each for each in facts.names if each not in risky)]
        screen.line(f"loading {name} imports {_count(names, 'name')}", style="bad")
        for each in names[:_MOST_NAMES]:
            text = "a name that is computed while loading" if each == "?" else shorten(printable(each), 90)
            screen.line(
                f"  {text}{'  can run anything' if each in risky else ''}", style="bad" if each in risky else ""
            )
        if len(names) > _MOST_NAMES:
            screen.line(f"  and {len(names) - _MOST_NAMES} more", style="quiet")
        if not facts.is_complete:
            screen.line("  it could not be read through: expect anything", style="bad")
