"""The gate: images like those of the training pass, others are told about or refused, in words and numbers."""

from __future__ import annotations

import json

import numpy as np
import pytest

from eisen._core.errors import EmptyDatasetError
from eisen._core.types import Geometry
from eisen.config import read_config
from eisen_deploy.packaging.layout import ModelInput
from eisen_deploy.serving.fingerprint import measured
from eisen_deploy.serving.gate import check, fingerprint_of, turns_to_known_axes
from eisen_deploy.serving.messages import Refusal, Request
from eisen_deploy.serving.volumes import PackageBackend
from eisen_deploy.utils import pack, unpack
from tests.deploy.safe_packages import PLAIN, config_of, oblique, phantom, safe_folder, step
from tests.deploy.volume_requests import nifti


def scanner(seed, *, ct=False):
    """Return a scan as a scanner gives it: with spacing, size, brightness and contrast that vary from day to day."""
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.integers(18, 30, 3))
    spacing = (*[rng.uniform(0.7, 0.95)] * 2, rng.choice([1.0, 2.5, 3.0]))
    volume = phantom(shape, seed, "float64")
    volume = volume * 10 - 900 if ct else volume * rng.uniform(0.5, 2.5) + rng.uniform(20, 90)
    return volume, Geometry.of(oblique(spacing), shape)


@pytest.mark.parametrize("ct", [False, True])
@pytest.mark.parametrize("n", [6, 20, 60])
def test_the_other_half_of_a_data_set_passes(n, ct):
    known = fingerprint_of([scanner(seed, ct=ct) for seed in range(n)], "image")
    told = [check(known, *scanner(1000 + seed, ct=ct)) for seed in range(40)]
    assert sum(map(bool, told)) <= (4 if n < 20 else 0)


def test_real_phantoms_of_two_halves_pass(phantom_folder):
    import nibabel

    images = [nibabel.load(path) for path in sorted((phantom_folder / "imagesTr").glob("*.nii.gz"))]
    cases = [(np.asanyarray(image.dataobj), Geometry.of(image.affine, image.shape)) for image in images]
    known = fingerprint_of(cases[::2], "image")
    assert all(check(known, *case) == [] for case in cases[1::2])


def spaced(volume, *spacing):
    return volume, Geometry.of(np.diag([*spacing, 1.0]), volume.shape)


@pytest.fixture(scope="module")
def known():
    return fingerprint_of([spaced(phantom((20, 22, 24), i), 1.0, 1.0, 0.8 + 0.1 * i) for i in range(5)], "image")


@pytest.mark.parametrize(
    ("case", "told"),
    [
        (
            spaced(phantom((20, 22, 24)), 1, 1, 5),
            "spacing 5 mm along the foot-head axis; the training had 0.8 to 1.2 mm",
        ),
        (spaced(phantom((20, 22, 24)), 0.3, 1, 1), "spacing 0.3 mm along the left-right axis; the training had 1 mm"),
        (
            spaced(phantom((20, 99, 24)), 1, 1, 1),
            "field of view 99 mm along the back-front axis; the training had 22 mm",
        ),
        (spaced(phantom((20, 22, 24)), -1, 1, 1), "axes LAS; the training had RAS"),
        (spaced(phantom((20, 22, 24)) / 250.0, 1, 1, 1), "0."),
        (spaced(phantom((20, 22, 24)) - 1000, 1, 1, 1), "median at"),
        (spaced(phantom((20, 22, 24)) * 40, 1, 1, 1), "brightest voxels (99.5 %) at"),
    ],
)
def test_what_differs_is_told_with_numbers(known, case, told):
    assert any(line.startswith(told) for line in check(known, *case)), check(known, *case)


def test_axes_may_be_stored_in_any_order(known):
    volume = phantom((20, 22, 24))
    turned = np.array([[0, 0, 1.0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
    case = volume.transpose(1, 2, 0), Geometry.of(turned, (22, 24, 20))
    assert check(known, *case, orientation=False) == []
    assert check(known, *case) == ["axes ASR; the training had RAS"]


def test_orientation_says_nothing_where_the_chain_turns_images():
    phase = read_config(config_of()).phases["Prediction"]
    assert not turns_to_known_axes(phase, "image")
    turned = read_config(config_of([PLAIN[0], step("Reorient", axes="RAS"), PLAIN[1]])).phases["Prediction"]
    assert turns_to_known_axes(turned, "image")
    assert not turns_to_known_axes(turned, "other")
    reader = {"type": "eisen.io.LoadNiftiFromFilename", "params": {"fields": ["image"], "canonical": True}}
    assert turns_to_known_axes(read_config(config_of(readers=[reader])).phases["Prediction"], "image")


def test_a_fingerprint_is_plain_json_and_the_same_in_any_memory_order():
    volume, grid = scanner(3)
    known = fingerprint_of([(volume, grid)], "image")
    assert json.loads(json.dumps(known)) == known
    assert fingerprint_of([(np.ascontiguousarray(volume), grid)], "image") == known
    assert known["n_cases"] == 1
    assert check(known, volume, grid) == []
    with pytest.raises(EmptyDatasetError, match="no case"):
        fingerprint_of([], "image")


def test_large_images_are_sampled_and_nan_does_not_count():
    volume = np.random.default_rng(0).normal(100, 20, (160, 160, 40)).astype(np.float32)
    exact = np.quantile(volume, [0.005, 0.5, 0.995])
    volume[::7] = np.nan
    found = measured(volume, None).quantiles
    assert np.allclose(list(found.values()), exact, atol=1.0)


def test_pictures_are_compared_by_their_pixels():
    known = fingerprint_of([(np.full((64, 48), i), None) for i in range(5)], "image")
    assert check(known, np.full((64, 48), 2), None) == []
    told = check(known, np.full((640, 48), 2), None)
    assert told == ["640 x 48 pixels; the training had 64 x 48"]


@pytest.fixture
def packaged(tmp_path):
    """Return a function that opens a package with a gate."""

    def opened(gate, nested=True):
        known = fingerprint_of([(phantom(seed=i), Geometry.of(oblique(), (17, 13, 11))) for i in range(4)], "image")
        fingerprint = {"image": known} if nested else known
        return PackageBackend(safe_folder(tmp_path / gate, fingerprint=fingerprint, gate=gate))

    return opened


USUAL, THICK = nifti(phantom(seed=9), oblique()), nifti(phantom(seed=9), oblique((0.9, 1.3, 9.0)))


@pytest.mark.parametrize("nested", [True, False])
def test_a_gate_that_warns_answers_and_says_so(packaged, nested):
    with packaged("warn", nested) as backend:
        assert "X-Eisen-Warnings" not in backend.answer_one(Request(USUAL)).headers
        warnings = json.loads(backend.answer_one(Request(THICK)).headers["X-Eisen-Warnings"])
        assert warnings[0].startswith("spacing 9 mm along the foot-head axis")
        found = json.loads(backend.answer_one(Request(THICK, {"accept": "application/json"})).body)
        assert found["warnings"] == warnings
        message = pack({"image": phantom(seed=9), "image_affine": oblique((0.9, 1.3, 9.0))})
        assert unpack(backend.answer_one(Request(message)).body)["warnings"] == warnings


def test_a_gate_that_refuses_says_why(packaged):
    with packaged("refuse") as backend:
        assert backend.answer_one(Request(USUAL)).status == 200
        with pytest.raises(Refusal, match="spacing 9 mm") as caught:
            backend.answer_one(Request(THICK))
        assert caught.value.status == 422
        assert caught.value.kind == "OutsideTraining"
        assert caught.value.facts["field"] == "image"
        assert not list(backend.model.scratch.iterdir())


def test_whoever_serves_may_open_or_close_it(packaged, monkeypatch):
    monkeypatch.setenv("EISEN_GATE", "off")
    with packaged("refuse") as backend:
        assert "X-Eisen-Warnings" not in backend.answer_one(Request(THICK)).headers
    monkeypatch.setenv("EISEN_GATE", "refuse")
    with packaged("warn") as backend, pytest.raises(Refusal, match="not like"):
        backend.answer_one(Request(THICK))


def test_of_several_images_the_field_is_named(tmp_path):
    known = fingerprint_of([(phantom(seed=i), Geometry.of(oblique(), (17, 13, 11))) for i in range(4)], "image")
    fields = ["t1", "t2"]
    readers = [{"type": "eisen.io.LoadNiftiFromFilename", "params": {"fields": fields}}]
    steps = [
        {"type": "eisen.transforms.NiftiToNumpy", "params": {"fields": fields}},
        {"type": "eisen.transforms.StackImagesChannelwise", "params": {"fields": fields, "dst_field": "image"}},
    ]
    config = config_of(steps, readers)
    config["General"]["Models"][0]["params"]["in_channels"] = 2
    inputs = [ModelInput(field) for field in fields]
    folder = safe_folder(tmp_path, config, inputs=inputs, fingerprint=dict.fromkeys(fields, known))
    with PackageBackend(folder) as backend:
        answer = backend.answer_one(Request(fields={"t1": USUAL, "t2": nifti(phantom() * 50, oblique())}))
        warnings = json.loads(answer.headers["X-Eisen-Warnings"])
        assert warnings
        assert all(line.startswith("t2: ") for line in warnings)
