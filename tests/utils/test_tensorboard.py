"""What TensorBoard's own reader finds in the files, and that a summary never stops a run."""

from __future__ import annotations

import errno
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from eisen._core.errors import ArgumentError
from eisen._core.types import Batch
from eisen.ops.metrics import ConfusionMatrix
from eisen.utils import EisenModuleWrapper
from eisen.utils.logging import TensorboardSummaryHook
from eisen.utils.logging.comparison import Comparison, compare
from eisen.utils.logging.overlays import label_map_of, overlay
from eisen.utils.logging.pictures import film, gif, pictures
from eisen.utils.workflows import Testing, Training, Validation

Make = Callable[..., Training]


class Returns(torch.nn.Module):
    """A network whose outputs are given."""

    def __init__(self, values: list[torch.Tensor]) -> None:
        super().__init__()
        self.values = values

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(self.values)


def board_of(
    folder: Path, outputs: dict[str, torch.Tensor], inputs: dict[str, Any] | None = None, **params: Any
) -> Any:
    """Show one batch, and return TensorBoard's reader of the file."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    metrics = params.pop("metrics", None)
    model = EisenModuleWrapper(Returns(list(outputs.values())), ["x"], list(outputs))
    workflow = Testing(model, [Batch({"x": torch.zeros(1), **(inputs or {})})], metrics)
    hook = TensorboardSummaryHook(workflow.id, "Testing", folder, **params)
    workflow.run()
    hook.writer.close()
    sizes = {"images": 0, "tensors": 0, "histograms": 0, "scalars": 0}
    return EventAccumulator(str(folder / "summaries" / "Testing"), size_guidance=sizes).Reload()


def picture(board: Any, tag: str, number: int = 0) -> Image.Image:
    return Image.open(io.BytesIO(board.Images(tag)[number].encoded_image_string))


def test_numbers_have_means_deviations_and_histograms(tmp_path: Path) -> None:
    outputs = {"zero": torch.tensor(3.0), "one": torch.tensor([1.0, 3.0, torch.nan]), "two": torch.eye(4)[:, :3]}
    board = board_of(tmp_path, outputs, {"age": torch.tensor([61, 47])})
    assert board.Scalars("outputs/zero/mean")[0].value == 3.0
    assert board.Scalars("inputs/age/mean")[0].value == 54.0
    assert board.Scalars("inputs/age/std")[0].value == 7.0
    assert board.Histograms("outputs/one")[0].histogram_value.num == 2
    assert board.Histograms("outputs/two/distribution")[0].histogram_value.num == 4
    assert picture(board, "outputs/two").size == (3, 4)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_losses_and_metrics_have_curves(make_training: Make, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    training = make_training()
    hook = TensorboardSummaryHook(training.id, "Training", tmp_path)
    means = []
    for _ in range(3):
        training.run()
        means.append(training.epoch_aggregator.mean_loss)
    hook.writer.close()
    board = EventAccumulator(str(tmp_path / "summaries" / "Training")).Reload()
    assert [event.value for event in board.Scalars("losses/mse/mean")] == pytest.approx(means)
    assert [event.step for event in board.Scalars("metrics/difference/std")] == [0, 1, 2]
    assert "losses/mse" in board.Tags()["histograms"]


@pytest.mark.parametrize("n_channels", [1, 2, 3, 4, 7])
def test_images_of_any_channel_count_are_shown(tmp_path: Path, n_channels: int) -> None:
    board = board_of(tmp_path, {"four": 100 * torch.randn(2, n_channels, 6, 5)})
    image = picture(board, "outputs/four")
    assert image.size == (10, 6)  # two cases side by side
    assert {"outputs/four/mean", "outputs/four/std"} <= set(board.Tags()["scalars"])
    assert "outputs/four/histogram" in board.Tags()["histograms"]


@pytest.mark.parametrize("n_channels", [1, 2, 3, 5])
@pytest.mark.parametrize("all_axes", [False, True])
def test_volumes_are_films_through_their_slices(tmp_path: Path, n_channels: int, all_axes: bool) -> None:
    volume = torch.rand(2, n_channels, 4, 5, 6)
    board = board_of(tmp_path, {"v": volume}, show_all_axes=all_axes)
    assert ("outputs/v_axis_2" in board.Tags()["images"]) == all_axes
    for axis in (1, 2, 3) if all_axes else (1,):
        image = picture(board, f"outputs/v_axis_{axis}")
        sides = [n for i, n in enumerate((4, 5, 6), start=1) if i != axis]
        assert image.format == "GIF"
        assert image.n_frames == (4, 5, 6)[axis - 1]
        assert image.size == (2 * sides[1], sides[0])
        assert image.info["duration"] == 100


def test_a_frame_of_a_film_is_a_slice() -> None:
    volume = np.arange(24.0).reshape(1, 1, 2, 3, 4) / 23
    frames = film(volume, axis=2)
    np.testing.assert_array_equal(frames[1, :, :, 0], (255 * volume[0, 0, :, 1]).round())


def test_large_volumes_make_small_films() -> None:
    frames = film(np.zeros((9, 1, 200, 400, 20), np.float32), axis=1)
    assert frames.shape == (29, 134, 2 * 20, 1)


@pytest.mark.parametrize("n_channels", [1, 2, 3, 4, 7])
def test_pictures_have_one_or_three_channels_and_fit_the_range(n_channels: int) -> None:
    images = np.random.default_rng(0).normal(0, 100, (2, n_channels, 5, 6))
    images[0, 0, 0, 0] = np.nan
    found = pictures(images)
    assert found.shape == (2, 3 if n_channels == 3 else 1, 5, 6)
    assert found.min() >= 0
    assert found.max() <= 1
    assert pictures(np.full((1, 1, 2, 2), 7.0)).max() == 0


def test_a_one_hot_label_shows_a_shade_per_class() -> None:
    one_hot = np.eye(4).reshape(1, 4, 1, 4)
    assert pictures(one_hot).ravel().tolist() == [0, 0.25, 0.5, 0.75]


def test_outlines_are_drawn_in_the_colour_of_their_class() -> None:
    image, label = np.full((1, 1, 8, 8), 0.5), np.zeros((1, 1, 8, 8))
    label[0, 0, 2:6, 2:6] = 1
    shown = overlay(image, label)[0]
    coloured = (shown != 0.5).any(axis=0)
    ring = label[0, 0].astype(bool)
    ring[3:5, 3:5] = False
    np.testing.assert_array_equal(coloured, ring)
    assert len(np.unique(shown[:, ring].T, axis=0)) == 1


def test_volumes_are_overlaid_where_the_label_is_largest(tmp_path: Path) -> None:
    image, label = torch.rand(1, 1, 5, 8, 8), torch.zeros(1, 1, 5, 8, 8)
    label[0, 0, 3, 2:6, 2:6] = 2
    logits = torch.stack([-label[:, 0], label[:, 0]], 1)
    board = board_of(
        tmp_path,
        {"logits": logits},
        {"image": image, "label": label},
        overlays=[["image", "label"], ["image", "logits"]],
    )
    for name in ("label", "logits"):
        pixels = np.asarray(picture(board, f"overlays/image_{name}_axis_1"))
        assert pixels.shape == (8, 8, 3)
        assert (np.ptp(pixels.astype(int), axis=2) > 0).sum() == 12


@pytest.mark.parametrize(
    ("values", "expected"),
    [([[0.0, 1.0, 2.0]], [0, 1, 2]), ([[0.2, 0.5, 0.9]], [0, 1, 1]), ([[-2.0, 0.1, 3.5]], [0, 1, 1]),
     ([[3.0, 0.0], [1.0, 2.0]], [0, 1])],
)  # fmt: skip
def test_any_form_of_label_becomes_a_map(values: Any, expected: Any) -> None:
    assert label_map_of(np.array([values])).tolist() == [expected]


# -- comparison ---------------------------------------------------------------------------------------------------

CLASSES = np.array([0, 1, 2, 2, 1])
LOGITS = np.array([[4.0, 1, 0], [0, 3, 1], [0, 1, 2], [3, 0, 2], [1, 5, 0]])
FORMS = {"logits": LOGITS, "probabilities": np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("grid", [(), (4,), (2, 3), (2, 1, 3)])
def test_logits_and_probabilities_are_compared_per_case_pixel_or_voxel(form: str, grid: tuple[int, ...]) -> None:
    found = np.broadcast_to(FORMS[form].reshape(5, 3, *[1] * len(grid)), (5, 3, *grid))
    truth = np.broadcast_to(CLASSES.reshape(5, *[1] * len(grid)), (5, *grid))
    for wanted in (truth, truth[:, None], np.moveaxis(np.eye(3)[truth], -1, 1)):
        pairs = compare(wanted, found)
        assert isinstance(pairs, Comparison)
        n = int(np.prod(grid))
        assert pairs.predicted.tolist() == np.repeat([0, 1, 2, 0, 1], n).tolist()
        assert pairs.truth.tolist() == np.repeat(CLASSES, n).tolist()
        np.testing.assert_allclose(pairs.scores[2], np.repeat(FORMS["probabilities"][:, 2], n), rtol=1e-5)


@pytest.mark.parametrize(("found", "predicted", "has_scores"), [
    ([0, 1, 4], [0, 1, 4], False), ([0.0, 1.0, 1.0], [0, 1, 1], True), ([0.1, 0.5, 0.9], [0, 1, 1], True),
    ([-3.0, 0.5, 2.0], [0, 1, 1], True)])  # fmt: skip
def test_one_number_per_case_is_a_class_a_probability_or_a_logit(found: Any, predicted: Any, has_scores: bool) -> None:
    pairs = compare(np.array([0, 1, 1]), np.array(found))
    assert isinstance(pairs, Comparison)
    assert pairs.predicted.tolist() == predicted
    assert bool(pairs.scores) == has_scores


@pytest.mark.parametrize(
    ("truth", "found", "reason"),
    [([0, 1], [[0.1], [np.nan]], "not finite"), ([0.5, 1], [0, 1], "does not hold classes"),
     (np.zeros((2, 3)), np.zeros((2, 4, 5)), "do not belong together")],
)  # fmt: skip
def test_what_cannot_be_compared_says_why(truth: Any, found: Any, reason: str) -> None:
    assert reason in compare(np.array(truth), np.array(found))


@given(n=st.integers(1, 500_000))
@settings(max_examples=10, deadline=None)
def test_many_voxels_are_thinned_out_evenly(n: int) -> None:
    pairs = compare(np.zeros((1, n), np.int8), np.zeros((1, 1, n), np.int8))
    assert isinstance(pairs, Comparison)
    assert min(n, 100_000) <= len(pairs.truth) <= 200_000


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_pairs_become_matrices_and_curves(tmp_path: Path, caplog: Any) -> None:
    outputs = {"logits": torch.tensor(LOGITS), "score": torch.rand(5), "classes": torch.tensor([0, 1, 5, 2, 1])}
    inputs = {"label": torch.tensor(CLASSES), "ill": torch.tensor([0, 1, 0, 1, 1])}
    pairs = [["label", "logits"], ["ill", "score"], ["label", "classes"], ["label", "absent"]]
    board = board_of(tmp_path, outputs, inputs, comparison_pairs=pairs)
    tags = board.Tags()
    assert {f"{a}_Vs_{b}/confusion_matrix" for a, b in pairs[:3]} <= set(tags["images"])
    curves = {"ill_Vs_score/pr_curve", *(f"label_Vs_logits/pr_curve/{c}" for c in range(3))}
    assert curves == {tag for tag in tags["tensors"] if "pr_curve" in tag}
    assert caplog.text.count("is not shown in TensorBoard: there is no field 'absent'") == 1


def test_a_confusion_matrix_metric_is_drawn(tmp_path: Path) -> None:
    metric = EisenModuleWrapper(ConfusionMatrix(3), ["logits", "label"], ["confusion"])
    board = board_of(tmp_path, {"logits": torch.tensor(LOGITS)}, {"label": torch.tensor(CLASSES)}, metrics=[metric])
    assert "metrics/confusion/confusion_matrix" in board.Tags()["images"]


# -- a summary never stops a run ----------------------------------------------------------------------------------


def test_a_full_disk_does_not_stop_a_run_for_a_picture(make_training: Make, tmp_path: Path, caplog: Any) -> None:
    training = make_training()
    hook = TensorboardSummaryHook(training.id, "Training", tmp_path)

    class Full:
        def __getattr__(self, name: str) -> Any:
            raise OSError(errno.ENOSPC, "No space left on device")

    hook.writer = Full()
    training.run()
    training.run()
    assert training.epoch == 2
    assert caplog.text.count("disk is full") == 1


def test_values_that_nothing_can_show_are_left_out(tmp_path: Path, caplog: Any) -> None:
    awkward = {
        "empty": torch.zeros(2, 0, 3, 3),
        "three": torch.zeros(2, 3, 3),
        "six": torch.zeros(1, 1, 1, 1, 1, 1),
        "infinite": torch.full((2, 1, 3, 3), torch.inf),
        "complex": torch.zeros(2, dtype=torch.complex64),
    }
    board = board_of(tmp_path, awkward, {"name": ["a"]}, overlays=[["three", "empty"]])
    assert "outputs/infinite" in board.Tags()["images"]
    assert "overlays/three_empty is not shown in TensorBoard" in caplog.text


def test_pictures_can_be_rarer_than_numbers(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    model = EisenModuleWrapper(Returns([torch.rand(1, 1, 4, 4)]), ["x"], ["y"])
    loss = EisenModuleWrapper(Mean(), ["y"], ["mean"])
    validation = Validation(model, [{"x": torch.zeros(1)}], [loss], gpu=False)
    hook = TensorboardSummaryHook(validation.id, "V", tmp_path, images_every=3)
    for _ in range(5):
        validation.run()
    hook.writer.close()
    board = EventAccumulator(str(tmp_path / "summaries" / "V")).Reload()
    assert [event.step for event in board.Images("outputs/y")] == [0, 3]
    assert [event.step for event in board.Scalars("losses/mean/mean")] == [0, 1, 2, 3, 4]


class Mean(torch.nn.Module):
    def forward(self, y: torch.Tensor) -> torch.Tensor:
        return y.mean()


def test_the_tensorboard_library_is_loaded_late(make_training: Make, tmp_path: Path) -> None:
    hook = TensorboardSummaryHook(make_training().id, "Training", tmp_path)
    assert "writer" not in vars(hook)


@pytest.mark.parametrize("params", [{"comparison_pairs": ["label"]}, {"overlays": [["image"]]}, {"images_every": 0}])
def test_arguments_that_cannot_be_are_refused(make_training: Make, tmp_path: Path, params: Any) -> None:
    with pytest.raises(ArgumentError, match=next(iter(params))):
        TensorboardSummaryHook(make_training().id, "Training", tmp_path, **params)
    assert not list(tmp_path.iterdir())


def test_coloured_films_keep_their_colours() -> None:
    colours = np.array([[[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]]], np.uint8)
    image = Image.open(io.BytesIO(gif(np.repeat(colours, 2, axis=0)))).convert("RGB")
    assert [image.getpixel((i, 0)) for i in range(4)] == [tuple(colour) for colour in colours[0, 0].tolist()]
