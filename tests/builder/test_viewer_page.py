"""A case in a real browser: the pixels of the image and of what lies over it, the crosshair, the keys."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import numpy as np
import pytest

from eisen.experiments.reviews import Label, Review, ReviewedCase, disagreements
from eisen.io import write_nifti

pytest.importorskip("nicegui")
pytest.importorskip("playwright.sync_api")
sys.path.append(str(Path(__file__).parent))

from browser import CHROMIUM, browser_page, serving

pytestmark = pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="no chromium")

SIZE = 20
AFFINE = np.array([[-1.0, 0, 0, 30], [0, 1.0, 0, -12], [0, 0, 2.5, 4], [0, 0, 0, 1]])
READY = '.e-canvas[data-state="ready"]'


def write_review(folder):
    """Three cases of a bright cube; the prediction misses the upper part of it, and the last has lost its file."""
    place = folder / "review/validation"
    cases = []
    for name, low, dice in (("worse", 8, 0.5), ("better", 12, 0.9), ("broken", 12, 0.95)):
        image = np.zeros((SIZE,) * 3, np.float32)
        image[..., :] = np.linspace(50, 60, SIZE)[:, None, None]
        image[4:14, 4:14, 4:14] = 90
        truth = np.zeros((SIZE,) * 3, np.uint8)
        truth[4:14, 4:14, 4:14] = 1
        said = truth.copy()
        said[..., low:] = 0
        said[4:14, 4:14, 9:11] = 1  # the middle of the volume, which is shown first
        (place / name).mkdir(parents=True)
        for file, voxels in (("image", image), ("reference", truth), ("prediction", said)):
            write_nifti(place / name / f"{file}.nii.gz", voxels, AFFINE)
        files = [f"{name}/{file}.nii.gz" for file in ("image", "reference", "prediction")]
        regions = disagreements(said, truth, AFFINE)
        cases.append(
            ReviewedCase(name, {"ct": files[0]}, files[1], files[2], {"DICE[cube]": dice}, {}, regions, ["a phantom"])
        )
    metrics = {"DICE": {"better": "higher", "unit": ""}}
    review = Review(place, "Validation", kind="labels", labels=[Label(1, "cube", "#ee7733")], metrics=metrics)
    review.cases, review.n_cases, review.status = cases, 3, "complete"
    review.save()
    (place / "broken/prediction.nii.gz").unlink()
    return review


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page of a board with one run; it knows its folder and its review, and collects what goes wrong."""
    root = tmp_path_factory.mktemp("viewer")
    review = write_review(root / "run")
    errors = []
    with serving(["board", root / "run"], root / "server.log") as server, browser_page(errors=errors) as page:
        parts = urlsplit(server.url)
        token = parse_qs(parts.query)["token"][0]
        page.base = f"{parts.scheme}://{parts.netloc}"
        page.root, page.review, page.errors = root, review, errors

        def go(path, **query):
            page.goto(f"{page.base}{path}?{urlencode({**query, 'token': token})}")

        page.go = go
        yield page


def coloured(page):
    """Return the share of the slice that has a colour, of a canvas that shows one slice of a cube."""
    from PIL import Image

    page.wait_for_timeout(100)
    picture = np.asarray(Image.open(io.BytesIO(page.locator(".e-canvas").screenshot())).convert("RGB")).astype(int)
    height = picture.shape[0]
    return float((picture[..., 0] - picture[..., 2] > 30).sum() / height**2), picture


def press(page, *keys):
    """Press keys that change the scene, and wait until it is on the screen."""
    before = int(page.locator(READY).get_attribute("data-scene"))
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_function(f"+document.querySelector('.e-canvas').dataset.scene >= {before + len(keys)}")


def value(page, name):
    return page.locator(f'.e-readout [data-value="{name}"]').inner_text()


def test_a_case_is_shown_and_judged(page):
    review, tmp_path = page.review, page.root
    outside, frames = [], []
    page.on("request", lambda request: outside.append(request.url) if not request.url.startswith(
        (page.base, "data:", "blob:")) else None)  # fmt: skip
    page.on("websocket", lambda socket: socket.on("framereceived", lambda data: frames.append(len(data))))
    page.go("/case", artifacts=tmp_path / "run", phase="Validation")
    page.wait_for_selector(READY, timeout=60_000)
    assert page.locator("[data-values]").inner_text().split()[-2:] == ["cube", "0.5"]  # the worst case came first

    press(page, "v", "v", "x", "1")  # with 3-D, axial; no crosshair, no reference
    share, picture = coloured(page)
    assert share == pytest.approx(0.25, abs=0.02)  # 10 x 10 of 20 x 20 voxels in the colour of the prediction
    bright, dark = picture[picture[..., 0] > 150], picture.reshape(-1, 3).max(axis=1)
    assert len(bright) > 1000
    assert (dark < 10).sum() > 1000
    press(page, "2")
    assert coloured(page)[0] < 0.002
    press(page, "1")
    assert 0.002 < coloured(page)[0] < 0.05  # a line around the reference

    page.keyboard.press(".")
    page.wait_for_function("document.querySelector('.e-region').getAttribute('aria-current') === 'true'")
    region = review.case("worse").disagreements[0]
    wanted = " ".join(map(str, region.voxel))
    page.wait_for_function(f"document.querySelector('.e-readout [data-value=voxel]')?.innerText === '{wanted}'")
    assert value(page, "mm") == " ".join(f"{x:.1f}" for x in region.mm)
    assert (value(page, "reference"), value(page, "prediction"), value(page, "ct")) == ("cube", "–", "90")

    page.keyboard.press("n")
    page.wait_for_url("**case=better**")
    page.wait_for_function("document.querySelector('[data-values]').innerText.includes('0.9')")

    secret = tmp_path / "secret.nii.gz"
    secret.write_bytes(b"")
    for path, status in ((secret, 403), (tmp_path / "run/review/validation/cases.json", 403),
                         (tmp_path / "run/no.nii.gz", 404)):  # fmt: skip
        answer = page.request.get(f"{page.base}/eisen-viewer/volume?{urlencode({'path': path})}")
        assert answer.status == status
    image = page.request.get(
        f"{page.base}/eisen-viewer/volume?{urlencode({'path': review.folder / 'worse/image.nii.gz'})}"
    )
    assert image.status == 200
    known = {"if-none-match": image.headers["etag"]}
    assert page.request.get(image.url, headers=known).status == 304
    assert page.errors == []
    assert outside == []
    assert frames
    assert max(frames) < 300_000


def test_what_cannot_be_shown_is_said_in_words(page):
    tmp_path = page.root
    page.go("/case", artifacts=tmp_path, phase="Validation")
    assert "outside of the folders" in page.locator(".e-error-card").inner_text()
    page.go("/case", artifacts=tmp_path / "run", phase="Testing")
    assert "there is no review" in page.locator(".e-error-card").inner_text()
    page.go("/case", artifacts=tmp_path / "run", phase="Validation", case="nobody")
    assert "no case 'nobody'" in page.locator(".e-error-card").inner_text()
    page.go("/case", artifacts=tmp_path / "run", phase="Validation", case="broken")
    page.wait_for_selector('.e-canvas[data-state="error"]', timeout=60_000)
    assert "there is no volume prediction.nii.gz" in page.locator(".e-stage-veil").inner_text()
