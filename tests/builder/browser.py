"""Helpers for tests in a real browser: the builder as a process, a page, and dragging by mouse and by finger."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = [
    "CHROMIUM",
    "Server",
    "browser_page",
    "card",
    "document_of",
    "drag",
    "ending_runs",
    "lane",
    "part",
    "serving",
    "touch_drag",
]

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
if os.environ.get("CI") and not Path(CHROMIUM).exists():
    raise RuntimeError("CI is set, and there is no chromium: the tests in a browser would be skipped")
# WebGL is drawn by the processor; the page itself must not be drawn through it, which is four times slower.
_ARGUMENTS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-gpu-compositing"]


@dataclass(frozen=True)
class Server:
    """A running server.

    Args:
        url: Its whole address, with the token.
        process: The process.
    """

    url: str
    process: subprocess.Popen[str]


@contextmanager
def serving(
    command: Sequence[str | Path],
    log: Path,
    *,
    within: float = 90.0,
    cwd: Path | None = None,
    more: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Run an `eisen` command that serves pages, and end it afterwards.

    Args:
        command: What follows `eisen`, e.g. ``["build", "config.json"]``; ``--no-browser`` is added.
        log: File for what it prints.
        within: Seconds until it has to be there.
        cwd: Folder that it is started in.
        more: Further variables of its environment.
    """
    words = [sys.executable, "-m", "eisen_cli", *map(str, command), "--no-browser"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", **(more or {})}
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(words, stdout=output, stderr=subprocess.STDOUT, text=True, env=environment, cwd=cwd)
        try:
            yield Server(_address(process, log, within), process)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=10)


@contextmanager
def ending_runs(folder: Path) -> Iterator[None]:
    """End, when leaving, every command that was started from a page and works in a folder below this one."""
    try:
        yield
    finally:
        for file in folder.rglob("process.json"):
            mark = json.loads(file.read_text(encoding="utf-8"))
            if "exit_code" not in mark:
                with suppress(ProcessLookupError):
                    os.killpg(mark["pid"], signal.SIGKILL)  # each is started in a session of its own


def _address(process: subprocess.Popen[str], log: Path, within: float) -> str:
    end = time.monotonic() + within
    while time.monotonic() < end:
        text = log.read_text(encoding="utf-8")
        found = next((word for word in text.split() if word.strip('",').startswith("http://127.0.0.1:")), None)
        if found and text.endswith("\n"):
            return found.strip('",')
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise AssertionError(f"the server did not come up:\n{log.read_text(encoding='utf-8')}")


@contextmanager
def browser_page(
    width: int = 1280, height: int = 800, *, dark: bool = False, touch: bool = False, errors: list[str] | None = None
) -> Iterator[Any]:
    """Open an empty page in chromium.

    Args:
        width: Of the window, in pixels.
        height: The same.
        dark: Whether the system is dark.
        touch: Whether it has a touch screen.
        errors: Takes what the page reports as errors.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            has_touch=touch,
            permissions=["clipboard-read", "clipboard-write"],
        )
        page = context.new_page()
        if errors is not None:
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        try:
            yield page
        finally:
            context.close()
            browser.close()


def part(path: str) -> str:
    """Return the selector of a module in the drawer."""
    return f'.eisen-drawer [data-part="{path}"]'


def lane(section: str) -> str:
    """Return the selector of the list of a section, e.g. ``"Training.Transforms"``."""
    return f'[data-list="{section}"]'


def card(place: str) -> str:
    """Return the selector of a module on the canvas, e.g. ``"Training.Transforms[0]"``."""
    return f'.eisen-card[data-place="{place}"]'


def drag(
    page: Any, source: str, target: str, *, at: float = 0.5, keys: Sequence[str] = (), pause: int = 120, aims: int = 1
) -> None:
    """Drag one thing onto another with the mouse.

    Args:
        page: The page.
        source: Selector of what is dragged; of a card, its head is taken.
        target: Selector of where it is dropped.
        at: Where on the target, 0 its top, 1 its bottom.
        keys: Keys that are held while it is dropped.
        pause: Milliseconds to hover before the drop.
        aims: How often to aim; a list grows when something hovers above it, so that its end is somewhere else then.
    """
    grip = page.locator(source).locator("[data-handle]").or_(page.locator(source)).last
    grip.scroll_into_view_if_needed()
    x, y = _middle(grip.bounding_box())
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 6, y + 6, steps=3)
    for _ in range(aims):
        box = page.locator(target).bounding_box()
        page.mouse.move(box["x"] + min(60, box["width"] / 2), box["y"] + box["height"] * at, steps=12)
        page.wait_for_timeout(pause)
    for key in keys:
        page.keyboard.down(key)
    page.mouse.move(box["x"] + min(60, box["width"] / 2) + 1, box["y"] + box["height"] * at)
    page.mouse.up()
    for key in keys:
        page.keyboard.up(key)


def touch_drag(page: Any, source: str, target: str, *, at: float = 0.5, hold: int = 350) -> None:
    """Drag with a finger: press long, move, let go.

    Args:
        page: A page with a touch screen.
        source: Selector of what is dragged.
        target: Selector of where it is dropped.
        at: Where on the target, 0 its top, 1 its bottom.
        hold: Milliseconds of the long press.
    """
    session = page.context.new_cdp_session(page)
    start = page.locator(source).bounding_box()
    x, y = start["x"] + min(120, start["width"] / 2), start["y"] + min(24, start["height"] / 2)
    _touch(session, "touchStart", x, y)
    page.wait_for_timeout(hold)
    _touch(session, "touchMove", x + 4, y + 4)
    page.wait_for_timeout(60)
    box = page.locator(target).bounding_box()
    end_x, end_y = box["x"] + min(60, box["width"] / 2), box["y"] + box["height"] * at
    for step in range(1, 11):
        _touch(session, "touchMove", x + (end_x - x) * step / 10, y + (end_y - y) * step / 10)
        page.wait_for_timeout(16)
    page.wait_for_timeout(120)
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def _touch(session: Any, kind: str, x: float, y: float) -> None:
    session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})


def _middle(box: dict[str, float]) -> tuple[float, float]:
    return box["x"] + min(120, box["width"] / 2), box["y"] + box["height"] / 2


def document_of(path: Path) -> Any:
    """Return what a saved configuration says."""
    return json.loads(path.read_text(encoding="utf-8"))
