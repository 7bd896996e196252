"""What the visual builder costs: until its server answers, until a page stands, and until an edit is on the screen.

A page of NiceGUI with nothing on it, served in the same way, is the limit for what a page of ours can cost. Editing is
measured in chromium on a configuration of 60 modules, from the key or the mouse until the server has it or the page
stands still. Target: the server answers 2 s after its imports.

    python benchmarks/bench_builder.py
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from _harness import Result, measure, show

sys.path.append(str(Path(__file__).parents[1] / "tests/builder"))

from browser import browser_page, card, drag, serving

N_MODULES = 60
T = "Training.Transforms"
LIMIT = "a click on an empty page"
STEPS = ("RandomNoise", "RandomGamma", "ZScoreNormalization", "AddChannelDimension")
ROOMS = "nicegui, fastapi, uvicorn, " + ", ".join(
    f"eisen_cli.builder.{room}" for room in ("launch", "server.app", "canvas", "start", "board", "viewer")
)
PLAIN = """
import socket, uvicorn
from fastapi import FastAPI
from nicegui import ui

@ui.page("/")
def page():
    button = ui.button("0", on_click=lambda: button.set_text(str(int(button.text) + 1)))
    button.props("data-place=nothing")

app = FastAPI()
ui.run_with(app, tailwind=False, show_welcome_message=False)
listening = socket.socket()
listening.bind(("127.0.0.1", 0))

class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        print(f"http://127.0.0.1:{listening.getsockname()[1]}/", flush=True)

Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "experiment.json"
        config.write_text(json.dumps(experiment(N_MODULES)), encoding="utf-8")
        starts = measure(
            {
                "imports of the builder": imports,
                "NiceGUI, an empty page": lambda: started(lambda: plain(Path(folder))),
                "eisen build": lambda: started(lambda: builder(config)),
            },
            rounds=5,
        )
        show("Until the server answers", starts, unit="s", baseline="imports of the builder",
             targets={"eisen build": 2.0}, digits=2)  # fmt: skip
        with plain(Path(folder)) as empty, builder(config) as ours, browser_page() as page:
            loads = measure(
                {
                    "NiceGUI, an empty page": lambda: loaded(page, empty[0], "[data-place=nothing]"),
                    f"the builder, {N_MODULES} modules": lambda: loaded(page, ours[0], last()),
                },
                rounds=7,
            )
            show("Until the page stands", loads, unit="s", baseline="NiceGUI, an empty page", digits=2)
            page.goto(ours[0])  # the last page that was measured may be the empty one
            page.wait_for_selector(".eisen-drawer [data-part]")
            beside = page.context.new_page()
            beside.goto(empty[0])
            results = edits(page, beside)
            show(f"Editing {N_MODULES} modules", results, unit="s", baseline=LIMIT, digits=3)
            for name, (_, process) in {"an empty page": empty, "the builder": ours}.items():
                print(f"memory of the server, {name}: {psutil.Process(process.pid).memory_info().rss / 2**20:.0f} MiB")


def experiment(n: int) -> dict[str, Any]:
    """Return a configuration of n modules, most of them transforms."""
    steps = [
        {"type": f"eisen.transforms.{STEPS[i % len(STEPS)]}", "params": {"fields": ["image"]}} for i in range(n - 2)
    ]
    dataset = {"type": "eisen.datasets.MSDDataset", "params": {"json_file": "dataset.json", "phase": "training"}}
    reader = {"type": "eisen.io.LoadNiftiFromFilename", "params": {"fields": ["image"]}}
    return {"Training": {"Datasets": [dataset], "Readers": [reader], "Transforms": steps}}


def last() -> str:
    """Return the selector of the last card."""
    return card(f"{T}[{N_MODULES - 3}]")


def imports() -> float:
    """Return what importing everything takes, in a fresh interpreter."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {ROOMS}"], check=True)
    return time.perf_counter() - start


@contextmanager
def plain(folder: Path) -> Iterator[tuple[str, Any]]:
    """Serve a page of NiceGUI with nothing on it."""
    with subprocess.Popen([sys.executable, "-c", PLAIN], stdout=subprocess.PIPE, text=True, cwd=folder) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), process
        finally:
            process.kill()


@contextmanager
def builder(config: Path) -> Iterator[tuple[str, Any]]:
    """Serve the builder."""
    with serving(["build", config], config.with_suffix(".log")) as server:
        yield server.url, server.process


def started(serve: Callable[[], Any]) -> float:
    """Return what it takes until a server answers."""
    start = time.perf_counter()
    with serve():
        return time.perf_counter() - start


def loaded(page: Any, url: str, selector: str) -> float:
    """Return what it takes until something is on a page."""
    start = time.perf_counter()
    page.goto(url)
    page.wait_for_selector(selector, state="attached")
    return time.perf_counter() - start


def edits(page: Any, beside: Any) -> dict[str, Result]:
    """Edit, and return what each kind of edit costs; a click on a page with nothing else is the limit."""
    return measure(
        {
            LIMIT: lambda: clicked(beside),
            "open a panel": lambda: opened(page),
            "type a value": lambda: typed(page),
            "drag a card by one": lambda: dragged(page),
            "undo": lambda: undone(page),
        },
        rounds=7,
    )


def clicked(page: Any) -> float:
    """Click on a button whose number grows."""
    button = page.locator("[data-place=nothing]")
    button.wait_for()
    before = button.inner_text()
    start = time.perf_counter()
    button.click()
    page.wait_for_function("(old) => document.querySelector('[data-place=nothing]').innerText !== old", arg=before)
    return time.perf_counter() - start


def opened(page: Any) -> float:
    """Open and close the panel of the first module."""
    start = time.perf_counter()
    turned(page, f"{T}[0]", is_open=True)
    cost = time.perf_counter() - start
    turned(page, f"{T}[0]", is_open=False)
    return cost


def turned(page: Any, place: str, *, is_open: bool) -> None:
    """Open or close the panel of a module, as its key does."""
    wanted = f"{card(place)}.eisen-open [data-field]" if is_open else f"{card(place)}:not(.eisen-open)"
    page.locator(card(place)).focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(wanted)


def typed(page: Any) -> float:
    """Type a field name; the server has it when the line on the card says so."""
    turned(page, f"{T}[1]", is_open=True)
    field = page.locator(f'[data-place="{T}[1].params.fields"]:not(.eisen-card)')
    word = f"image{time.monotonic_ns() % 10000}"
    start = time.perf_counter()
    field.fill(word)
    page.locator(f"{card(f'{T}[1]')} .eisen-summary", has_text=word).wait_for()
    cost = time.perf_counter() - start
    turned(page, f"{T}[1]", is_open=False)
    return cost


def dragged(page: Any) -> float:
    """Drag the second card below the third; the time of moving the mouse itself is left out."""
    path = page.locator(f"{card(f'{T}[2]')} .eisen-name").inner_text()
    drag(page, card(f"{T}[2]"), card(f"{T}[3]"), at=0.9)
    start = time.perf_counter()
    page.wait_for_function(
        "([at, name]) => document.querySelector(at)?.innerText === name", arg=[f"{card(f'{T}[3]')} .eisen-name", path]
    )
    return time.perf_counter() - start


def undone(page: Any) -> float:
    """Duplicate a module and undo that."""
    n = page.locator(f'[data-list="{T}"] > .eisen-card').count()
    page.locator(card(f"{T}[0]")).focus()
    page.keyboard.press("Control+d")
    page.wait_for_selector(card(f"{T}[{n}]"), state="attached")
    start = time.perf_counter()
    page.keyboard.press("Control+z")
    page.wait_for_selector(card(f"{T}[{n}]"), state="detached")
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
