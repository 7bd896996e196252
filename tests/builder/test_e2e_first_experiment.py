"""A first experiment in a real browser: from an empty canvas to a case in the viewer, in one sitting."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

pytest.importorskip("nicegui")
pytest.importorskip("playwright.sync_api")
sys.path.append(str(Path(__file__).parent))

from browser import CHROMIUM, browser_page, card, document_of, drag, ending_runs, serving
from journey import Journey

from eisen.datasets import make_phantoms
from eisen_cli.main import cli

pytestmark = pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="there is no chromium")

PRETTY = bool(os.environ.get("EISEN_SCREENSHOTS"))
"""Whether pictures for the documentation are made: of larger phantoms and of more epochs."""
EPOCHS, CASES, SIZE = (24, (8, 4, 2), 48) if PRETTY else (2, (4, 2, 1), 20)
T, V = "Training.Transforms", "Validation.Metrics"
STEPS = {
    "ZScoreNormalization": "eisen.transforms.ZScoreNormalization",
    "NiftiToNumpy": "eisen.transforms.NiftiToNumpy",
    "AddChannelDimension": "eisen.transforms.AddChannelDimension",
    "PadToMultiple": "eisen.transforms.PadToMultiple",
}
WRONG = ".BatchSize is 0"
POINTS = """([chart, least]) => +document.querySelector(`[data-chart=${chart}]`)?.dataset.points >= least"""
READY = '.e-canvas[data-state="ready"]'


@pytest.mark.timeout(1800 if PRETTY else 300)
def test_a_first_experiment(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    root = tmp_path / "hippocampus"
    make_phantoms(root / "data", *CASES, size=SIZE)
    errors: list[str] = []
    elsewhere: list[str] = []
    command = ["build", "--data_dir", "data", "--artifact_dir", "runs/first", "--folder", str(root)]
    with (
        ending_runs(root),
        serving(command, tmp_path / "log", cwd=root) as server,
        browser_page(errors=errors) as page,
    ):
        page.set_default_timeout(60_000)
        _watch(page, urlsplit(server.url).netloc, elsewhere)
        journey = Journey(page)
        for step in (start, training, model):
            with journey.part(step.__name__):
                step(journey, server.url if step is start else root)
        record_property("seconds", journey.seconds)
        print(journey.seconds)
    assert errors == []
    assert elsewhere == []


def _watch(page: Any, here: str, elsewhere: list[str]) -> None:
    """Note every request that goes anywhere else, and every dialog of a script."""
    local = ("data:", "blob:", f"http://{here}/", f"ws://{here}/")
    for kind in ("request", "websocket"):
        page.on(kind, lambda each: None if each.url.startswith(local) else elsewhere.append(each.url))
    page.on("dialog", lambda dialog: (elsewhere.append(f"dialog: {dialog.message}"), dialog.accept()))


def start(journey: Journey, url: str) -> None:
    """Open the start page and take the empty canvas."""
    page = journey.page
    page.goto(url)
    page.wait_for_selector("text=No configurations in the folders")
    assert "token" not in page.url
    journey.picture("start")
    page.click("[data-action=empty-canvas]")
    page.wait_for_selector(".eisen-drawer [data-part]")
    journey.picture("empty-canvas")


def training(journey: Journey, _root: Path) -> None:
    """Drag what Training needs into its sections, in the wrong order at first."""
    page = journey.page
    dataset = journey.drop("eisen.datasets.MSDDataset", "Training.Datasets")
    journey.open(dataset)
    journey.type(f"{dataset}.params.json_file", "dataset.json")
    journey.type(f"{dataset}.params.phase", "training")
    journey.more(dataset)
    journey.choose(f"{dataset}.params.split", "train")
    journey.type(f"{dataset}.params.validation_fraction", "0.34")
    journey.picture("dataset")
    journey.close(dataset)

    reader = journey.drop("eisen.io.LoadNiftiFromFilename", "Training.Readers")
    journey.open(reader)
    journey.type(f"{reader}.params.fields", "image, label")
    journey.close(reader)

    for name, path in STEPS.items():
        journey.drop(path, T)
        page.wait_for_function(f"document.querySelectorAll('[data-list=\"{T}\"] > .eisen-card').length")
        assert journey.names(T)[-1] == name
    names = list(STEPS)
    drag(page, card(f"{T}[0]"), card(f"{T}[2]"), at=0.9)  # z-scores behind the new axis
    journey.wait_for_names(T, [names[1], names[2], names[0], names[3]])
    zscore = f"{T}[2]"
    journey.open(zscore)
    journey.type(f"{zscore}.params.fields", "image")
    journey.close(zscore)
    journey.open(f"{T}[3]")
    journey.type(f"{T}[3].params.multiple", "16")
    journey.close(f"{T}[3]")


def model(journey: Journey, _root: Path) -> None:
    """Choose the model, the loss, the optimizer and the hyperparameters."""
    journey.tab("General")
    net = journey.drop("eisen.models.segmentation.VNet", "General.Models")
    journey.open(net)
    for name, text in {"input_channels": "1", "output_channels": "4", "output_names": "logits"}.items():
        journey.type(f"{net}.params.{name}", text)
    journey.choose(f"{net}.params.outputs_activation", "none")
    journey.type(f"{net}.params.n_filters", "8" if PRETTY else "4")
    journey.picture("model")
    journey.close(net)
    for name, value in {"Epochs": EPOCHS, "Seed": 1, "NumWorkers": 0}.items():
        journey.type(f"General.Hyperparameters.{name}", str(value))
    journey.tab("Training")
    loss = journey.drop("eisen.ops.losses.DiceCELoss", "Training.Losses")
    journey.open(loss)
    journey.type(f"{loss}.params.input_names", "logits, label")
    journey.close(loss)
    optimizer = journey.drop("torch.optim.AdamW", "Training.Optimizer")
    journey.open(optimizer)
    journey.type(f"{optimizer}.params.lr", "0.01")
    journey.close(optimizer)
