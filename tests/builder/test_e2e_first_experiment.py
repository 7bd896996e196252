"""A first experiment in a real browser: from an empty canvas to a case in the viewer, in one sitting."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

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
"""Whether pictures for the documentation are made: of the demo's phantoms, of its folder, and of more epochs."""
EPOCHS, CASES, SIZE, MULTIPLE = (15, (12, 4, 2), 48, 8) if PRETTY else (2, (4, 2, 1), 20, 16)
FILE, RUN = ("first.json", "artifacts") if PRETTY else ("experiment.json", "runs/first")
T, V = "Training.Transforms", "Validation.Metrics"
STEPS = {
    "ZScoreNormalization": "eisen.transforms.ZScoreNormalization",
    "NiftiToNumpy": "eisen.transforms.NiftiToNumpy",
    "AddChannelDimension": "eisen.transforms.AddChannelDimension",
    "PadToMultiple": "eisen.transforms.PadToMultiple",
}
WRONG = "MSDDataset needs the parameter 'json_file'"
POINTS = """([chart, least]) => +document.querySelector(`[data-chart=${chart}]`)?.dataset.points >= least"""
EVIL = "<img src=x onerror=alert(1)>"
QUOTED = f'x" innerHTML="{EVIL}'
"""Ends an attribute, and goes on with another one."""
_MODULE = f'''class Odd:
    """{EVIL}<script>alert(2)</script> is what this step says of itself.

    Args:
        word: {EVIL}
    """

    def __init__(self, word: str = {EVIL!r}) -> None:
        self.word = word

    def __call__(self, data: dict) -> dict:
        return data
'''
ORGANS = ["liver", "spleen", "kidneys"]
READY = '.e-canvas[data-state="ready"]'


@pytest.mark.timeout(1800 if PRETTY else 600)
def test_a_first_experiment(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    root = _folder_of_pictures() if PRETTY else tmp_path / "hippocampus"
    try:
        _whole_way(root, tmp_path, record_property)
    finally:
        if PRETTY:
            shutil.rmtree(root.parent)


def _folder_of_pictures() -> Path:
    """Return the folder of a user, for the paths that are in pictures; an ordinary one where none may be made."""
    home = Path("/home/ada")
    try:
        home.mkdir()
    except OSError:
        home = Path(tempfile.mkdtemp(prefix="eisen-"))
    root = home / "eisen_demo"
    root.mkdir()
    demo = resources.files("eisen_cli.demo").joinpath("phantom.json").read_text(encoding="utf-8")
    (root / "phantom.json").write_text(demo, encoding="utf-8")
    return root


def _whole_way(root: Path, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    make_phantoms(root / "data", *CASES, size=SIZE)
    errors: list[str] = []
    elsewhere: list[str] = []
    (root / "odd_steps.py").write_text(_MODULE, encoding="utf-8")
    command = [
        "build",
        *(() if PRETTY else ("--import", "odd_steps")),
        "--data_dir",
        "data",
        "--artifact_dir",
        RUN,
        "--folder",
        str(root),
    ]
    with (
        ending_runs(root),
        serving(command, tmp_path / "log", cwd=root, more={"PYTHONPATH": str(root)}) as server,
        browser_page(errors=errors) as page,
    ):
        page.set_default_timeout(60_000)
        _watch(page, urlsplit(server.url).netloc, elsewhere)
        journey = Journey(page)
        for step in STEPS_OF_THE_WAY:
            if PRETTY and step in (extend, somebody_elses_file):
                continue  # pictures are of one run, and of an ordinary one
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
    page.wait_for_selector(".e-start-file" if PRETTY else "text=No configurations in the folders")
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
    journey.to_top()
    journey.picture("dataset")
    journey.more(dataset)
    journey.choose(f"{dataset}.params.split", "train")
    journey.type(f"{dataset}.params.validation_fraction", "0.34")
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
    journey.type(f"{T}[3].params.multiple", str(MULTIPLE))
    journey.close(f"{T}[3]")
    journey.picture("transforms")


def model(journey: Journey, _root: Path) -> None:
    """Choose the model, the loss, the optimizer and the hyperparameters."""
    journey.tab("General")
    net = journey.drop(f"eisen.models.{'ResidualEncoderUNet' if PRETTY else 'VNet'}", "General.Models")
    journey.open(net)
    for name, text in {"input_channels": "1", "output_channels": "4", "output_names": "logits"}.items():
        journey.type(f"{net}.params.{name}", text)
    journey.choose(f"{net}.params.outputs_activation", "none")
    journey.type(f"{net}.params.n_filters", "8" if PRETTY else "4")
    if PRETTY:
        journey.more(net)
        journey.type(f"{net}.params.n_stages", "4")
    else:
        journey.choose(f"{net}.params.normalization", "batchnorm")
    journey.to_top()
    journey.picture("model")
    journey.close(net)
    for name, value in {"BatchSize": 1, "Epochs": EPOCHS, "Seed": 1, "NumWorkers": 0}.items():
        journey.type(f"General.Hyperparameters.{name}", str(value))
    journey.tab("Training")
    loss = journey.drop("eisen.ops.losses.DiceCELoss", "Training.Losses")
    journey.open(loss)
    journey.type(f"{loss}.params.input_names", "logits, label")
    journey.close(loss)
    optimizer = journey.drop("torch.optim.AdamW", "Training.Optimizer")
    journey.open(optimizer)
    journey.type(f"{optimizer}.params.lr", "0.003")
    journey.close(optimizer)


def wrong_value(journey: Journey, root: Path) -> None:
    """Type what is no number, then leave out what is needed; the page says what `eisen check` says."""
    page, field, file = journey.page, "Training.Datasets[0].params.json_file", root / FILE
    rate = "Training.Optimizer[0].params.lr"
    journey.open("Training.Optimizer[0]")
    journey.type(rate, "fast")
    what, _, expected = journey.message(rate, "of AdamW is").partition("; expected: ")
    journey.save_as(file)
    check = _check(file)
    assert what in check
    assert expected
    assert expected in check
    journey.type(rate, "0.003")
    journey.page.locator(f'[data-field="{rate}"] .e-field-errors').wait_for(state="hidden")
    journey.close("Training.Optimizer[0]")

    journey.open("Training.Datasets[0]")
    journey.type(field, "")
    said = journey.message(field, WRONG)
    journey.picture("wrong-value")
    page.keyboard.press("Control+s")
    page.wait_for_function("document.querySelector('[data-saved]').innerText === 'saved'")
    what, _, expected = said.partition("; expected: ")
    check = _check(file)
    assert what in check
    assert expected
    assert expected in check
    journey.close("Training.Datasets[0]")
    journey.tab("General")
    page.click("[data-action=problems]")
    page.locator("[data-finding]", has_text=WRONG).click()
    page.wait_for_function(f"document.activeElement?.dataset.place === '{field}'")
    journey.type(field, "dataset.json")
    page.locator(f'[data-field="{field}"] .e-field-errors').wait_for(state="hidden")
    journey.close("Training.Datasets[0]")


def _check(file: Path, *more: str) -> str:
    said = CliRunner().invoke(cli, ["check", str(file), *more], terminal_width=300)
    assert said.exit_code != 0
    return " ".join(said.output.split())


def undo(journey: Journey, _root: Path) -> None:
    """Remove a module with a key, undo it, do it again, and undo it for good."""
    page = journey.page
    journey.tab("Training")
    names = journey.names(T)
    page.locator(card(f"{T}[0]")).focus()
    page.keyboard.press("Delete")
    journey.wait_for_names(T, names[1:])
    page.keyboard.press("Control+z")
    journey.wait_for_names(T, names)
    page.click("[data-action=redo]")
    journey.wait_for_names(T, names[1:])
    page.click("[data-action=undo]")
    journey.wait_for_names(T, names)


def validation(journey: Journey, _root: Path) -> None:
    """Fill Validation from Training, and drop a metric into it."""
    page = journey.page
    journey.tab("Validation")
    page.click("[data-action=fill]")
    journey.picture("fill")
    page.click("[data-action=fill-now]")
    page.wait_for_selector(card("Validation.Transforms[3]"))
    metric = journey.drop("eisen.ops.metrics.DicePerClass", V)
    journey.open(metric)
    journey.more(metric)
    for name, text in {"input_names": "logits, label", "n_classes": "4", "names": json.dumps(ORGANS)}.items():
        journey.type(f"{metric}.params.{name}", text)
    journey.close(metric)
    page.locator("[data-action=problems]", has_text="No problems").wait_for()
    journey.picture("validation")


def dry_run(journey: Journey, _root: Path) -> None:
    """Send one case through; the wires show shapes, and a click shows slices."""
    page = journey.page
    journey.tab("Training")
    page.click("[data-action=flow]")
    page.click("[data-action=dry-run]")
    page.locator(".ef-status .e-chip-good, .ef-status .e-chip-bad").wait_for(timeout=120_000)
    assert page.locator(".ef-status .e-chip").inner_text() == "went through"
    chip = page.locator(f'.ef-chip[data-wire="{T}[3]|image"]')
    shape = [int(number) for number in chip.inner_text().splitlines()[1].split("×")]
    assert shape[0] == 1
    assert all(number % MULTIPLE == 0 for number in shape[1:])  # what the padding was told
    journey.picture("dry-run")
    chip.click()
    page.wait_for_function("[...document.querySelectorAll('.ef-detail img')].some((each) => each.naturalWidth > 8)")
    journey.picture("slices")
    page.click("[data-action=close-slices]")
    page.click("[data-action=flow]")


def save(journey: Journey, root: Path) -> None:
    """Save; the file holds what was dropped and typed, and `eisen check` takes it."""
    journey.page.keyboard.press("Control+s")
    journey.page.locator("[data-saved]", has_text="saved").wait_for()
    journey.page.wait_for_function("document.querySelector('[data-saved]').innerText === 'saved'")
    said = CliRunner().invoke(cli, ["check", str(root / FILE), "--data_dir", str(root / "data")])
    assert said.exit_code == 0, said.output
    data = document_of(root / FILE)
    assert [each["type"] for each in data["Training"]["Transforms"]] == [
        STEPS[name] for name in ("NiftiToNumpy", "AddChannelDimension", "ZScoreNormalization", "PadToMultiple")
    ]
    assert data["Training"]["Optimizer"][0]["params"]["lr"] == 0.003
    assert data["Validation"]["Datasets"][0]["params"]["split"] == "validation"
    assert data["Validation"]["Metrics"][0]["params"]["names"] == ORGANS
    journey.picture("canvas")


def train(journey: Journey, root: Path) -> None:
    """Train from the page, and watch the curves move."""
    page = journey.page
    page.locator("[data-action=run]").click()
    page.wait_for_selector("[data-panel=start]")
    assert "eisen train" in page.locator("[data-command]").inner_text()
    journey.picture("run")
    page.click("[data-action=start]")
    page.wait_for_function(POINTS, arg=["losses", 2], timeout=180_000)
    first = int(page.locator("[data-chart=losses]").get_attribute("data-points"))
    if PRETTY:
        page.wait_for_function(POINTS, arg=["losses", 2 * EPOCHS - 4], timeout=600_000)
        journey.picture("curves")
    page.wait_for_selector(".e-chip[data-status=complete]", timeout=900_000)
    page.wait_for_function(POINTS, arg=["losses", 2 * EPOCHS])
    assert first < 2 * EPOCHS or not PRETTY
    assert (root / RUN / "checkpoint.pt").exists()
    journey.picture("complete")


def extend(journey: Journey, root: Path) -> None:
    """Train for one more epoch; its points come behind the others."""
    page = journey.page
    page.fill("[data-field=more]", "1")
    page.click("[data-action=extend]")
    page.wait_for_function(POINTS, arg=["losses", 2 * EPOCHS + 2], timeout=180_000)
    page.wait_for_selector(".e-chip[data-status=complete]", timeout=180_000)
    record = json.loads((root / RUN / "run.json").read_text(encoding="utf-8"))
    assert record["epochs_complete"] == EPOCHS + 1


def review(journey: Journey, root: Path) -> None:
    """Have the validation cases reviewed, and open one in the viewer."""
    page = journey.page
    page.click("[data-tab=cases]")
    page.click("[data-action=review]")
    page.wait_for_selector(".e-case-link", timeout=180_000)
    assert page.locator(".e-case-link").count() == document_of(root / RUN / "review/validation/cases.json")["n_cases"]
    journey.picture("cases")
    page.locator(".e-case-link").first.click()
    page.wait_for_selector(READY, timeout=120_000)
    page.wait_for_timeout(200)
    assert _n_colours(page) > 50
    journey.picture("viewer")
    if PRETTY:
        _more_pictures(journey)


def _n_colours(page: Any) -> int:
    from PIL import Image

    shot = Image.open(io.BytesIO(page.locator(".e-canvas").screenshot())).convert("RGB")
    return len(shot.getcolors(maxcolors=2**24))


def _more_pictures(journey: Journey) -> None:
    """The same pages in the dark, and the builder on a tablet."""
    page = journey.page
    here = f"http://{urlsplit(page.url).netloc}"
    page.emulate_media(color_scheme="dark")
    page.wait_for_selector(READY)
    journey.picture("viewer-dark")
    page.goto(f"{here}/")
    page.wait_for_selector(card(f"{T}[3]"))
    journey.picture("canvas-dark")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 820, "height": 1180})
    page.wait_for_timeout(300)
    journey.picture("tablet")
    page.set_viewport_size({"width": 1280, "height": 800})


def somebody_elses_file(journey: Journey, root: Path) -> None:
    """Open a file that is full of HTML and scripts: all of it is shown as text, and nothing of it runs."""
    page, name = journey.page, EVIL.replace("/", "") + ".json"
    step = {"type": f"a.{EVIL}", "params": {EVIL: EVIL, "fields": [EVIL], "nested": {EVIL: [QUOTED]}, QUOTED: QUOTED}}
    labels = {"type": ".Labels", "params": {"value": {"0": "background", "1": EVIL, "2": QUOTED}}}
    own = {"type": "odd_steps.Odd", "params": {"word": EVIL}}
    data = {
        EVIL: {EVIL: EVIL},
        QUOTED: {QUOTED: QUOTED},
        "General": {"Hyperparameters": [labels]},
        "Training": {"Transforms": [step, own]},
    }
    (root / name).write_text(json.dumps(data), encoding="utf-8")
    here = f"http://{urlsplit(page.url).netloc}"
    page.goto(f"{here}/start")
    page.locator(".e-start-file", has_text=name).click()
    page.wait_for_selector(card(f"{T}[1]"))
    journey.open(f"{T}[0]")
    if not PRETTY:
        journey.open(f"{T}[1]")
        journey.look_for("odd_steps.Odd", T)
    page.click("[data-action=problems]")
    page.click("[data-action=flow]")
    journey.tab("General")
    for name in (EVIL, QUOTED):
        assert name in page.locator(".eisen-tabs").inner_text()
    page.locator("[data-tab]").last.click()
    for address in (f"/run?artifacts={quote(EVIL)}", f"/case?artifacts={RUN}&case={quote(EVIL)}", "/runs"):
        assert page.locator("img[src=x]").count() == 0
        page.goto(here + address)
        page.wait_for_selector("main")
    assert page.locator("img[src=x]").count() == 0


STEPS_OF_THE_WAY = (
    start, training, model, wrong_value, undo, validation, dry_run, save, train, extend, review, somebody_elses_file,
)  # fmt: skip
