"""The dialogs of the builder page that ask or show something."""

from __future__ import annotations

from datetime import datetime

from nicegui import ui

from eisen_cli.builder.canvas.desk import Desk
from eisen_cli.builder.canvas.filling import Offer, offers_for
from eisen_cli.builder.canvas.keeping import Keeper

__all__ = ["KEYS", "ask_changed_by_others", "ask_recovery", "fill_dialog", "show_diff", "show_keys"]

KEYS = (
    ("/", "search for a module; Enter adds the first, ↓ goes into the list"),
    ("Enter", "add the module in the list; open or close the card"),
    ("↑ ↓ ← →", "go from card to card, from section to section"),
    ("Alt ↑ ↓", "move the module in its section"),
    ("Alt ← →", "move it to the same section of another phase"),
    ("Ctrl C, X, V, D", "copy, cut, paste, duplicate; also between windows"),
    ("Del", "remove the module"),
    ("Esc", "close the card, from inside of it"),
    ("Ctrl Z, Ctrl Shift Z", "undo, and do again"),
    ("Ctrl S, Ctrl O", "save, open"),
    ("Ctrl while dropping", "copies instead of moving"),
)


def show_keys() -> None:
    """Show the keys of the page."""
    with ui.dialog(value=True) as dialog, ui.card().style("min-width: min(520px, 90vw)"):
        ui.label("Keys").classes("e-title e-title-l")
        with ui.element("table").classes("eisen-keys"):
            for keys, words in KEYS:
                with ui.element("tr"):
                    with ui.element("td"), ui.element("kbd"):
                        ui.label(keys).style("white-space:nowrap")
                    with ui.element("td"):
                        ui.label(words)
        _close(dialog)
    dialog.on("hide", dialog.delete)


def show_diff(desk: Desk) -> None:
    """Show what saving would change in the file."""
    document = desk.workspace.document
    lines = document.diff().splitlines()
    kinds = {"+": "eisen-plus", "-": "eisen-minus", "@": "eisen-hunk"}
    with ui.dialog(value=True) as dialog, ui.card().style("width: min(900px, 94vw); max-width: none"):
        ui.label(f"What saving changes in {document.path.name if document.path else 'the new file'}").classes(
            "e-title e-title-l"
        )
        if not lines:
            ui.label("Nothing: the file says the same.").classes("e-quiet")
        with ui.element("div").classes("eisen-diff").style("width:100%").props("data-diff"):
            for line in lines:
                kind = "eisen-hunk" if line.startswith(("+++", "---")) else kinds.get(line[:1], "")
                ui.label(line or " ").classes(kind)
        _close(dialog)
    dialog.on("hide", dialog.delete)


async def ask_recovery(desk: Desk, keeper: Keeper) -> None:
    """Offer what was not saved the last time."""
    recovery = keeper.recovery
    if recovery is None:
        return
    when = datetime.fromtimestamp(recovery.time).strftime("%d %B, %H:%M")
    answer = await _choose(
        desk,
        "There are changes that were not saved",
        f"They are from {when}. The file itself is as it was saved last.",
        {"recover": "Go on with them", "forget": "Throw them away", "later": "Not now"},
    )
    if answer == "recover":
        keeper.recover()
        desk.say("Recovered what was not saved; Save writes it to the file")
    elif answer == "forget":
        keeper.forget()


async def ask_changed_by_others(desk: Desk, keeper: Keeper) -> None:
    """Ask what to do about a file that somebody else has written."""
    document = desk.workspace.document
    assert document.path is not None
    loss = "" if document.is_saved else " Loading it drops what you changed here and did not save."
    answer = await _choose(
        desk,
        f"{document.path.name} was changed by another program",
        f"The page shows what was in it before.{loss}",
        {"reload": "Load the file", "keep": "Keep this one", "diff": "Show the difference"},
    )
    if answer == "reload":
        keeper.reload()
        desk.say(f"Loaded {document.path.name}")
    elif answer == "diff":
        show_diff(desk)


async def _choose(desk: Desk, title: str, words: str, answers: dict[str, str]) -> str | None:
    with ui.dialog() as dialog, ui.card().style("max-width: 520px"):
        ui.label(title).classes("e-title e-title-l")
        ui.label(words).classes("e-quiet")
        with ui.element("div").classes("e-row e-wrap").style("justify-content:flex-end; width:100%"):
            for number, (name, text) in enumerate(answers.items()):
                button = ui.button(text, on_click=lambda name=name: dialog.submit(name))
                button.props(f"{'unelevated' if number == 0 else 'flat'} data-action={name}")
    desk.asking = dialog
    answer = await dialog
    desk.asking = None
    dialog.delete()
    return None if answer is None else str(answer)


async def fill_dialog(desk: Desk, source: str, target: str) -> None:
    """Ask which sections of a phase to fill from another phase, and fill them as one step."""
    offers = offers_for(desk.workspace.document.data, source, target)
    with ui.dialog() as dialog, ui.card().style("min-width: min(520px, 92vw)"):
        ui.label(f"Fill {target} from {source}").classes("e-title e-title-l")
        boxes = [_offer_row(offer) for offer in offers]
        with ui.element("div").classes("e-row").style("justify-content:flex-end; width:100%"):
            ui.button("Cancel", on_click=lambda: dialog.submit(False)).props("flat")
            ui.button("Fill", on_click=lambda: dialog.submit(True)).props("unelevated data-action=fill-now")
    if await dialog:
        chosen = [offer for offer, box in zip(offers, boxes, strict=True) if box.value]
        desk.do(desk.editor.fill, target, source, chosen)
    dialog.delete()


def _offer_row(offer: Offer) -> ui.checkbox:
    n = len(offer.entries)
    with ui.element("div"):
        box = ui.checkbox(f"{offer.role}: {n} module{'s' * (n != 1)}", value=offer.chosen).props(
            f"data-offer={offer.role}"
        )
        notes = [*offer.notes, *_replacing(offer.replaces)]
        for note in notes:
            ui.label(note).classes("e-quiet e-s").style("padding-left: 40px")
    return box


def _replacing(count: int) -> list[str]:
    if not count:
        return []
    return ["replaces the one that is there"] if count == 1 else [f"replaces the {count} that are there"]


def _close(dialog: ui.dialog) -> None:
    with ui.element("div").classes("e-row").style("justify-content:flex-end; width:100%"):
        ui.button("Close", on_click=dialog.close).props("flat data-action=close")
