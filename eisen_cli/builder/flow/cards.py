"""The texts of the map: what a station does, and the cards of errors, as HTML with every text escaped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from eisen.config.places import Place, text_of
from eisen_cli.builder.flow.outcome import Failure, Value
from eisen_cli.builder.flow.wires import Break, Stop, is_beside

__all__ = ["break_html", "duration", "error_html", "exact_place", "number_chip", "what_it_does"]

_VERBS = {
    "reads": "reads",
    "locates": "takes the geometry of",
    "changes": "changes",
    "makes": "makes",
    "names": "makes",
    "removes": "removes",
    "keeps": "keeps",
}


def error_html(failure: Failure) -> str:
    """Return the card of what ended a dry run."""
    card = failure.card
    rows = [("expected", card.get("expected")), ("case", card.get("case")), ("shapes", card.get("shapes"))]
    rows += [("step", card.get("step")), ("file", card.get("file")), ("to do", card.get("to_do"))]
    rows += [(problem["where"], problem["what"]) for problem in failure.problems[1:]]
    return _card(card.get("what", ""), [(title, text) for title, text in rows if text], failure.place)


def break_html(found: Break) -> str:
    """Return the card of a field that cannot be there."""
    return _card(found.what, [("expected", found.expected)] if found.expected else [], found.place)


def _card(what: str, rows: Sequence[tuple[str, str]], place: Place | None) -> str:
    lines = "".join(f"<dt>{escape(title)}</dt><dd>{escape(text)}</dd>" for title, text in rows)
    button = ""
    if place:
        button = f'<button class="ef-goto" data-goto="{escape(text_of(place))}">Go to field</button>'
    return (
        f'<div class="e-error-card ef-card" role="alert"><div class="e-what">{escape(what)}</div>'
        f"{f'<dl>{lines}</dl>' if lines else ''}{button}</div>"
    )


def what_it_does(stop: Stop) -> str:
    """Return in words what a station does, as long as there are no values to show."""
    use = stop.station.use
    if stop.station.section == "Datasets":
        made = use.fields("makes", "names", "changes")
        known = f"has {', '.join(made)}" if made else ""
        guess = [name for name in stop.given if stop.is_guess and not is_beside(name) and name not in made]
        assumed = f"taken to have {', '.join(guess)}: a dry run tells" if guess else ""
        return "; ".join(filter(None, [known, assumed]))
    values = f"gives {', '.join(stop.station.values)}" if stop.station.values else ""
    return "; ".join([*_verbs(stop), *filter(None, [values])])


def _verbs(stop: Stop) -> Iterator[str]:
    shown: dict[str, list[str]] = {}
    for named in stop.station.use.named:
        names = shown.setdefault(_VERBS[named.role], [])
        if named.field not in names:
            names.append(named.field)
    for verb, names in shown.items():
        yield f"{verb} {', '.join(names)}"


def number_chip(name: str, value: Value) -> str:
    """Return the value of a loss or metric."""
    text = value.span or value.words
    return f'<div class="ef-chip ef-number"><b>{escape(name)}</b><span>{escape(text)}</span></div>'


def duration(seconds: float) -> str:
    """Return a length of time as people write it."""
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.001 else "< 1 ms"


def exact_place(failure: Failure, stop: Stop) -> Place | None:
    """Return where the name of the field stands that a failure is about, as far as that is known."""
    station, name = stop.station, failure.card.get("field")
    if not station.place or (failure.place is not None and failure.place != station.place):
        return failure.place
    found = [named.inside for named in station.use.named if named.field == name and named.inside]
    return (*station.place, *found[0]) if found else station.place
