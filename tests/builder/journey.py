"""What somebody does in the builder, step by step, for the test of a whole experiment and for its pictures."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parent))

from browser import card, drag, lane, part
from playwright.sync_api import Error as BrowserError

__all__ = ["Journey"]

_SEARCH = '.eisen-drawer input[aria-label="Search for modules"]'
_LARGEST = 140_000


class Journey:
    """Somebody in front of the builder.

    Pictures are written when the environment variable ``EISEN_SCREENSHOTS`` names a folder.

    Args:
        page: The page in the browser.
    """

    def __init__(self, page: Any) -> None:
        self.page = page
        self.seconds: dict[str, float] = {}
        self._pictures = os.environ.get("EISEN_SCREENSHOTS", "")

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Measure a part of the way."""
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 2)

    def picture(self, name: str) -> None:
        """Write a picture of the page; one that would be large gets 256 colours."""
        if not self._pictures:
            return
        from PIL import Image

        self.page.mouse.move(640, 798)  # so that no tip of a button is in the picture
        self.page.wait_for_timeout(600)  # and no animation
        shot = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        file = Path(self._pictures) / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        shot.save(file, optimize=True)
        if file.stat().st_size > _LARGEST:
            few = shot.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
            few.save(file, optimize=True)

    def to_top(self) -> None:
        """Scroll the canvas to its top."""
        self.page.evaluate("document.querySelector('[data-canvas]').scrollTop = 0")

    # putting modules on the canvas

    def tab(self, name: str) -> None:
        """Show a phase."""
        self.page.click(f'[data-tab="{name}"]')
        self.page.wait_for_selector(f'[data-tab="{name}"][aria-selected=true]')

    def look_for(self, path: str, section: str) -> None:
        """Have the drawer show a module for a section."""
        self.page.locator(f'[data-section="{section}"] [data-action=pick]').click()
        self.page.wait_for_selector(f'.eisen-lane.eisen-current[data-section="{section}"]')
        self.page.fill(_SEARCH, path.rpartition(".")[2])
        self.page.wait_for_function(  # the list was filtered; a drag out of one that is drawn anew would be lost
            """(path) => {
                const parts = [...document.querySelectorAll(".eisen-drawer [data-part]")];
                return parts.length <= 8 && parts.some((each) => each.dataset.part === path);
            }""",
            arg=path,
        )

    def drop(self, path: str, section: str, *, at: float = 0.9) -> str:
        """Drag a module from the drawer into a section; return its place."""
        n = self.page.locator(f"{lane(section)} > .eisen-card").count()
        self.look_for(path, section)
        drag(self.page, part(path), lane(section), at=at, aims=2)
        self.page.wait_for_selector(card(f"{section}[{n}]"))
        return f"{section}[{n}]"

    def open(self, place: str) -> None:
        """Open the card of a module."""
        self.page.locator(card(place)).locator("[data-handle]").first.click()
        self.page.wait_for_selector(f"{card(place)}.eisen-open [data-field]")

    def close(self, place: str) -> None:
        """Close the card of a module; a click is lost when the page moves under it, as after the last message."""
        for _ in range(3):
            self.page.locator(card(place)).locator("[data-handle]").first.click()
            with suppress(BrowserError):
                self.page.wait_for_selector(f"{card(place)}:not(.eisen-open)", timeout=10_000)
                return
        raise AssertionError(f"the card of {place} does not close")

    def type(self, place: str, text: str) -> None:
        """Type a value into the field of a place, and wait until the server has it."""
        field = self.page.locator(f'[data-place="{place}"]:not(.eisen-card)')
        field.click()
        field.fill("")
        field.press_sequentially(text)
        field.press("Tab")

    def message(self, place: str, words: str) -> str:
        """Wait for a message under the field of a place, and return it."""
        found = self.page.locator(f'[data-field="{place}"] .e-field-errors')
        found.get_by_text(words).wait_for()
        return str(found.inner_text())

    def choose(self, place: str, word: str) -> None:
        """Choose a value from the list of a field."""
        self.page.locator(f'[data-field="{place}"] .q-select').click()
        self.page.get_by_role("option", name=word, exact=True).click()

    def more(self, place: str) -> None:
        """Unfold the rare fields of a module."""
        self.page.locator(card(place)).locator("[data-action=more]").first.click()

    def names(self, section: str) -> list[str]:
        """Return the names of the modules of a section, as they stand on the page."""
        return list(self.page.locator(f"{lane(section)} > .eisen-card .eisen-name").all_inner_texts())

    def wait_for_names(self, section: str, names: list[str]) -> None:
        """Wait until a section holds these modules."""
        self.page.wait_for_function(
            """([list, names]) => JSON.stringify([...document.querySelectorAll(`${list} > .eisen-card .eisen-name`)]
                .map((name) => name.innerText)) === JSON.stringify(names)""",
            arg=[lane(section), names],
        )

    def save_as(self, path: Path) -> None:
        """Save what is on the canvas to a file."""
        self.page.keyboard.press("Control+s")
        self.page.fill("[data-action=file-name]", str(path))
        self.page.click("[data-action=save-now]")
        self.page.locator("[data-file]", has_text=path.name).wait_for()
