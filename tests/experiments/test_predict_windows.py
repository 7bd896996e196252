"""Validation and prediction through windows, label maps within a budget of memory, and the formats of files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch
from experiment_parts import entry, oblique, phase, scan

from eisen._core.errors import ArgumentError, ConfigError, GeometryError, ShapeError
from eisen._core.types import Geometry
from eisen.config import build, read_config
from eisen.experiments import Run
from eisen.experiments.prediction.committee import Committee
from eisen.experiments.prediction.kinds import Meaning
from eisen.experiments.prediction.links import Link
from eisen.experiments.prediction.pending import Pending
from eisen.experiments.prediction.places import Volume
from eisen.experiments.prediction.slabwise import decided_in_slabs
from eisen.experiments.prediction.steady import steadily
from eisen.patches import SlidingWindow
from eisen.utils import EisenModuleWrapper

SLIDING = {"type": ".SlidingWindow", "params": {"window": [6, 8, 5], "overlap": 0.5}}


@pytest.fixture
def window_config(config, data_dir):
    """Predict bright voxels of the six cases through windows."""
    cases = [{"image": case["image"]} for case in json.loads((data_dir / "all.json").read_text(encoding="utf-8"))]
    (data_dir / "images.json").write_text(json.dumps(cases))
    config["General"]["Models"] = [entry("tiny_parts.TwoClasses", input_names=["image"], output_names=["predictions"])]
    steps = [
        entry("eisen.transforms.NiftiToNumpy", fields=["image"]),
        entry("eisen.transforms.AddChannelDimension", fields=["image"]),
        entry("eisen.transforms.Resample", fields=["image"], spacing_mm=[0.8, 0.9, 1.7]),
    ]
    reader = entry("eisen.io.imaging.LoadNiftiFromFilename", fields=["image"])
    config["Prediction"] = phase("images.json", Transforms=steps, Readers=[reader], Hyperparameters=[SLIDING])
    return config


@pytest.fixture
def predicted(make_run, window_config, tmp_path):
    """Return a function that predicts with a saved model."""

    def predict(**options):
        net = build(read_config(window_config).models[0], "Models")
        (tmp_path / "artifacts/models").mkdir(parents=True, exist_ok=True)
        torch.save(net.state_dict(), tmp_path / "artifacts/models/best.pt")
        return make_run(window_config).predict(**options)

    return predict


def voxels(result):
    return [np.asarray(nibabel.load(path).dataobj) for path in result.predictions]


def test_what_a_network_says_about_single_voxels_is_the_same_through_windows(predicted, window_config, tmp_path):
    through = voxels(predicted(output=tmp_path / "windows"))
    window_config["Prediction"]["Hyperparameters"] = []
    for a, b in zip(through, voxels(predicted(output=tmp_path / "whole")), strict=True):
        assert a.shape == b.shape
        assert (a != b).mean() < 1e-3


@pytest.mark.parametrize("tta", [None, "flips:0"])
@pytest.mark.parametrize("memory", ["1GB", "20KB"])
def test_a_budget_of_memory_changes_no_voxel_and_no_number(predicted, tmp_path, memory, tta):
    plain = predicted(output=tmp_path / "plain", tta=tta)
    slabs = predicted(output=tmp_path / "slabs", tta=tta, memory=memory)
    for a, b in zip(voxels(plain), voxels(slabs), strict=True):
        assert np.array_equal(a, b)
    tables = [
        (tmp_path / name / "predictions.csv").read_text(encoding="utf-8").splitlines() for name in ("plain", "slabs")
    ]
    assert tables[0][0] == tables[1][0]
    for one, other in zip(tables[0][1:], tables[1][1:], strict=True):
        np.testing.assert_allclose(*([float(x) for x in row.split(",")[2:]] for row in (one, other)), atol=2e-6)


def test_the_budget_of_the_configuration_counts_too(predicted, window_config, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "eisen.experiments.prediction.verdict.decided_in_slabs", lambda *a: seen.append(a[3]) or decided_in_slabs(*a)
    )
    window_config["Prediction"]["Hyperparameters"].append(entry(".Memory", value="3 MB"))
    predicted(output=tmp_path / "out")
    assert seen == [3_000_000] * 6


def test_validation_looks_through_windows(make_run, config, monkeypatch):
    seen = set()
    net_forward = torch.nn.Conv3d.forward
    monkeypatch.setattr(
        torch.nn.Conv3d,
        "forward",
        lambda self, v: seen.add((self.training, tuple(v.shape[2:]))) or net_forward(self, v),
    )
    config["Validation"]["Hyperparameters"] = [{"type": ".SlidingWindow", "params": {"window": [4, 6, 8]}}]
    rows = make_run(config).train(epochs=1).rows
    assert {row.phase for row in rows} == {"Training", "Validation"}
    assert seen == {(True, (8, 8, 8)), (False, (4, 6, 8))}


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({}, "window"),
        ({"window": [0, 8, 8]}, "window"),
        ({"window": 8}, "window"),
        ({"window": [8, 8, 8], "overlap": 1}, "overlap"),
        ({"window": [8, 8, 8], "overlapp": 0.5}, "overlap"),
        ({"window": [8, 8, 8], "memory": "4 apples"}, "memory"),
        ({"value": None}, "window"),
        ([8, 8, 8], "SlidingWindow"),
    ],
)
def test_wrong_windows_are_told_before_anything_runs(make_run, config, params, told):
    config["Validation"]["Hyperparameters"] = [{"type": ".SlidingWindow", "params": params}]
    with pytest.raises(ConfigError) as caught:
        make_run(config)
    assert told in str(caught.value)
    assert "Validation.Hyperparameters[0]" in str(caught.value)


def test_windows_can_be_set_from_the_command_line(config, tmp_path):
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config))
    settings = (
        read_config(file, ['Validation.SlidingWindow={"window": [8, 8, 4]}', "Memory=2GB"]).phases["Validation"].hyper
    )
    assert (settings.sliding_window.window, settings.memory) == ([8, 8, 4], "2GB")
    with pytest.raises(ConfigError, match="Memory"):
        read_config(file, ["Memory=much"])


@pytest.mark.parametrize("file_format", ["nii", "mha", "nrrd"])
def test_other_formats_lie_on_the_grid_of_the_input_too(predicted, tmp_path, file_format):
    import SimpleITK

    plain = predicted(output=tmp_path / "nifti")
    other = predicted(output=tmp_path / file_format, file_format=file_format, probabilities=True)
    assert {path.suffix for path in other.predictions} == {f".{file_format}"}
    maps = [path for path in other.predictions if "probabilities" not in path.name]
    for path, voxels_of_nifti in zip(maps, voxels(plain), strict=True):
        image = SimpleITK.ReadImage(str(path))
        assert np.array_equal(SimpleITK.GetArrayFromImage(image).T, voxels_of_nifti)
        first = np.array(image.TransformIndexToPhysicalPoint((1, 2, 3))) * [-1, -1, 1]
        affine = nibabel.load(tmp_path / "data/images" / f"{path.stem}.nii.gz").affine
        np.testing.assert_allclose(first, (affine @ [1, 2, 3, 1])[:3], atol=1e-3)


def test_a_file_that_would_lie_elsewhere_is_not_kept(predicted, tmp_path, monkeypatch):
    def shifted(path, image, geometry=None, **options):
        moved = geometry.affine.copy()
        moved[0, 3] += 5
        return write(path, image, Geometry.of(moved, geometry.shape), **options)

    from eisen.io.itk_write import write_itk as write

    monkeypatch.setattr("eisen.io.write_itk", shifted)
    with pytest.raises(GeometryError, match="mm away"):
        predicted(output=tmp_path / "out", file_format="mha")
    assert not list((tmp_path / "out").glob("*.mha"))


def test_wrong_formats_are_refused_before_anything_runs(predicted, tmp_path):
    with pytest.raises(ArgumentError, match="cannot be written as 'jpg'"):
        predicted(output=tmp_path / "out", file_format="jpg")
    with pytest.raises(ArgumentError, match="DICOM segmentation holds label maps"):
        predicted(output=tmp_path / "out", file_format="dcm", probabilities=True)
    with pytest.raises(ArgumentError, match="no amount of memory"):
        predicted(output=tmp_path / "out", memory="much")
    assert not (tmp_path / "out").exists()
    with pytest.raises(GeometryError, match="belongs to a DICOM series"):
        predicted(output=tmp_path / "out", file_format="dcm")
    with pytest.raises(ArgumentError, match="probability maps of 2 classes"):
        predicted(output=tmp_path / "out", memory="20KB", probabilities=True)


def test_a_series_gets_a_dicom_segmentation(make_run, window_config, data_dir, tmp_path):
    pytest.importorskip("highdicom")
    from eisen.io import read_dicom_seg, write_dicom_series

    image, _ = scan((12, 10, 8), 0)
    affine = np.diag([-1.0, -1.0, 2.5, 1.0])
    write_dicom_series(data_dir / "ct", np.rint(1000 * image).astype("int16"), affine)
    (data_dir / "images.json").write_text(json.dumps([{"image": "ct"}]))
    part = window_config["Prediction"]
    part["Readers"] = [entry("eisen.io.LoadDICOMSeries", fields=["image"])]
    part["Transforms"] = [
        entry("eisen.transforms.NiftiToNumpy", fields=["image"]),
        entry("eisen.transforms.AddChannelDimension", fields=["image"]),
        entry("eisen.transforms.ZScoreNormalization", fields=["image"]),
    ]
    part["Hyperparameters"] = [SLIDING, entry(".Labels", value={"1": "Liver"})]
    window_config["General"]["Models"][0]["params"]["threshold"] = 0.0
    net = build(read_config(window_config).models[0], "Models")
    (tmp_path / "artifacts/models").mkdir(parents=True)
    torch.save(net.state_dict(), tmp_path / "artifacts/models/best.pt")
    (path,) = make_run(window_config).predict(file_format="dcm").predictions
    assert path.suffix == ".dcm"
    segments = read_dicom_seg(path)
    assert segments.names == {1: "Liver"}


# -- many classes ------------------------------------------------------------------------------------------------------


class ManyClasses(torch.nn.Module):
    """Logits of many classes from the place of a voxel in its window and its brightness."""

    def __init__(self, n: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = torch.nn.Conv3d(1, n, 3, padding=1)

    def forward(self, image):
        return 5 * self.net(image)


def committee_of(n: int, window: list[int], members: int = 1) -> Committee:
    wrapped = [EisenModuleWrapper(ManyClasses(n), ["image"], ["logits"]).eval() for _ in range(members)]
    committee = Committee(wrapped, lambda *_: Meaning("labels", Link("softmax")))
    committee.windows = SlidingWindow(window)
    return committee


def grid(shape: tuple[int, ...], turns: bool) -> Geometry:
    native = Geometry.of(oblique(), (36, 30, 41))
    steps = np.diag([0.9, 0.75, 1.02, 1.0])
    steps[:3, 3] = [0.4, -0.3, 0.2]
    return native.moved(native.affine @ (steps[:, [1, 2, 0, 3]] if turns else steps), shape, "made")


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("turns", [False, True])
def test_twenty_classes_within_a_budget_are_the_same_bits(turns, members, caplog):
    image = torch.randn(1, 1, 40, 40, 40, generator=torch.Generator().manual_seed(1))
    geometry = grid((40, 40, 40), turns)
    committee = committee_of(20, [16, 16, 16], members)
    with torch.no_grad():
        likely = committee.at_once((image,))[0][0].numpy()
    expected = Volume(geometry).labels(likely, None)
    assert len(np.unique(expected)) > 10
    pending = Pending(committee, (image,))
    layout = pending.layout()
    found = {}
    for budget in (10**9, 7_000_000, 1000):
        decided = decided_in_slabs(pending, geometry, None, budget, layout)
        assert np.array_equal(decided.labels, expected)
        found[budget] = decided.n_blocks
    assert found[10**9] == 1
    assert found[7_000_000] > 1
    assert "more than the budget of 1 KB" in caplog.text


def test_probabilities_do_not_depend_on_what_is_computed_together():
    values = torch.randn(1, 5, 7, 9, 11) * 4
    whole = steadily(lambda v: v.softmax(1), values)
    torch.testing.assert_close(whole, values.softmax(1))
    for part in (np.s_[..., 3:4], np.s_[:, :, 2:5, 1:2], np.s_[..., :1, :1]):
        assert torch.equal(steadily(lambda v: v.softmax(1), values[part]), whole[part])


def test_a_coarser_output_has_no_place_on_the_grid():
    committee = committee_of(3, [8, 8, 8])
    committee.members[0].module.net.stride = (2, 2, 2)
    pending = Pending(committee, (torch.randn(1, 1, 16, 16, 16),))
    with pytest.raises(ShapeError, match="1/2"):
        decided_in_slabs(pending, grid((16, 16, 16), turns=False), None, 10**9, pending.layout())


_MEASURE = """
import sys, numpy as np, torch
from pathlib import Path
sys.path[:0] = {path!r}
from test_predict_windows import committee_of
from eisen._core.types import Geometry
from eisen.experiments.prediction.pending import Pending
from eisen.experiments.prediction.slabwise import decided_in_slabs
torch.set_num_threads(1)
def status(key):
    line = next(l for l in Path("/proc/self/status").read_text(encoding="utf-8").splitlines() if l.startswith(key))
    return float(line.split()[1]) * 1000
def decide(size, budget):
    pending = Pending(committee_of(100, [32, 32, 32]), (torch.rand(1, 1, *size),))
    return decided_in_slabs(pending, Geometry.of(np.eye(4), size), None, budget, pending.layout())
decide((32, 32, 32), 10**9)
Path("/proc/self/clear_refs").write_text("5")
before = status("VmRSS")
print(decide((112, 112, 112), 250_000_000).n_blocks, status("VmHWM") - before)
"""


@pytest.mark.slow
def test_a_hundred_classes_stay_below_the_budget(tmp_path):
    here = Path(__file__).parent
    script = tmp_path / "measure.py"
    script.write_text(_MEASURE.format(path=[str(here), str(here / "parts")]))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    n_blocks, n_bytes = done.stdout.split()
    assert int(n_blocks) > 1
    assert float(n_bytes) < 250_000_000  # the probabilities are 560 MB


def test_the_example_trains_on_patches_and_predicts_through_windows(phantom_folder, tmp_path):
    example = Path(__file__).parents[2] / "examples/phantom_sliding_window.json"
    small = [
        "NumWorkers=0",
        "Threads=1",
        'Training.Datasets[0].params.where.params={"size": [16, 16, 16], "pad": true}',
        "Training.Datasets[0].params.n_per_case=2",
    ]
    run = Run(read_config(example, small), phantom_folder, tmp_path)
    assert {row.phase for row in run.train(epochs=1).rows} == {"Training", "Validation"}
    (path,) = run.predict().predictions
    (same,) = run.predict(tmp_path / "slabs", memory="5MB").predictions
    assert np.array_equal(*(np.asarray(nibabel.load(p).dataobj) for p in (path, same)))
