"""The mean over flips and turns, each undone exactly."""

from __future__ import annotations

import pytest
import torch

from eisen._core.errors import ArgumentError, ShapeError
from eisen.ops.running import RunningMean
from eisen.ops.views import View, checked_views, views_of
from eisen.utils.tta import TestTimeAugmentation, looked_at


class Symmetric(torch.nn.Module):
    """The same for a voxel whatever way the image is turned: the voxel itself, and the mean of the image."""

    def forward(self, image):
        return torch.cat([image, image.mean(dim=tuple(range(2, image.ndim)), keepdim=True).expand_as(image)], dim=1)


class LooksLeft(torch.nn.Module):
    """Not symmetric: the value of the neighbour before, along the last axis."""

    def forward(self, image):
        return image.roll(1, dims=-1)


@pytest.mark.parametrize("views", ["flips", "flips:0", "rotations", "flips+rotations"])
def test_a_model_that_turns_with_the_image_says_the_same(views):
    image = torch.randn(2, 1, 6, 6, dtype=torch.float64)
    torch.testing.assert_close(TestTimeAugmentation(Symmetric(), views)(image), Symmetric()(image))


def test_a_pointwise_model_says_the_same_bit_by_bit():
    image = torch.randn(1, 3, 5, 7, 9)
    assert torch.equal(TestTimeAugmentation(torch.nn.Sigmoid())(image), image.sigmoid())


def test_the_mean_is_that_computed_by_hand():
    image = torch.rand(1, 1, 4, 5)
    found = TestTimeAugmentation(LooksLeft(), "flips:1")(image)
    torch.testing.assert_close(found, (image.roll(1, dims=-1) + image.roll(-1, dims=-1)) / 2)
    everyway = TestTimeAugmentation(LooksLeft(), "rotations")(image)
    neighbours = sum(image.roll(shift, dims=axis) for shift in (1, -1) for axis in (-1, -2)) / 4
    torch.testing.assert_close(everyway, neighbours)


def test_probabilities_are_averaged_not_logits():
    class Sure(torch.nn.Module):
        """Very sure of class 0 unless the image is mirrored, then slightly for class 1."""

        def forward(self, image):
            value = torch.where(image[:, :, 0] > image[:, :, -1], torch.tensor(8.0), torch.tensor(-1.0))
            return torch.cat([value, -value], dim=1)

    image = torch.tensor([[[2.0, 1.0]]])
    found = TestTimeAugmentation(Sure(), "flips", activation="softmax")(image)
    by_hand = (torch.tensor([[8.0, -8.0]]).softmax(1) + torch.tensor([[-1.0, 1.0]]).softmax(1)) / 2
    torch.testing.assert_close(found, by_hand)
    assert found[0, 0] < 0.6


def test_class_scores_have_no_axis_to_undo_and_channels_stay():
    class Corner(torch.nn.Module):
        def forward(self, image):
            return image[:, :, 0, 0]

    image = torch.arange(12.0).reshape(1, 3, 2, 2)
    torch.testing.assert_close(TestTimeAugmentation(Corner())(image), image.mean((2, 3)))


@pytest.mark.parametrize(("dims", "text"), [(2, "flips+rotations"), (3, "flips"), (2, "flips:1+rotations")])
def test_no_view_is_looked_at_twice(dims, text):
    image = torch.rand(1, 1, *([4] * dims))
    seen = [view.apply(image) for view in views_of(text, dims)]
    assert len(seen) == 8
    assert torch.equal(seen[0], image)
    assert not any(torch.equal(a, b) for i, a in enumerate(seen) for b in seen[:i])


@pytest.mark.parametrize("view", [View((0,), 1), View((0, 1), 3), View((1,), 2), View()])
def test_every_view_is_undone_exactly(view):
    image = torch.rand(2, 3, 5, 7)
    assert torch.equal(view.undo(view.apply(image)), image)


def test_inputs_that_are_no_images_are_left_alone():
    image, age = torch.rand(1, 1, 2, 3), torch.rand(1, 4)
    for _, (seen, beside) in looked_at("flips", (image, age)):
        assert seen.shape == image.shape
        assert beside is age


@pytest.mark.parametrize("text", ["flip", "flips:x", "rotations:1", "", "flips+", "flips:"])
def test_unknown_views_are_named(text):
    with pytest.raises(ArgumentError, match="no test-time augmentation") as caught:
        checked_views(text)
    assert "rotations" in caught.value.card.expected


def test_views_that_images_do_not_have_are_named():
    with pytest.raises(ShapeError, match="no axis 2"):
        TestTimeAugmentation(Symmetric(), "flips:0,2")(torch.zeros(1, 1, 4, 4))
    with pytest.raises(ShapeError, match="right angles"):
        TestTimeAugmentation(Symmetric(), "rotations")(torch.zeros(1, 1, 4, 4, 4))
    with pytest.raises(ArgumentError, match="no image"):
        TestTimeAugmentation(Symmetric())(torch.zeros(1, 4))


def test_a_model_with_several_results_is_refused():
    class Two(torch.nn.Module):
        def forward(self, image):
            return image, image

    with pytest.raises(ArgumentError, match="Two returned a tuple"):
        TestTimeAugmentation(Two())(torch.zeros(1, 1, 4, 4))


def test_running_mean_and_deviation():
    values = torch.randn(7, 3, 4, dtype=torch.float64)
    running = RunningMean(spread=True)
    for value in values:
        running.add(value)
    torch.testing.assert_close(running.mean, values.mean(0))
    torch.testing.assert_close(running.deviation, values.std(0, correction=0))


def test_the_mean_of_equals_is_that_value_and_nothing_is_kept():
    value = torch.rand(50)
    running = RunningMean(spread=True)
    for _ in range(7):
        running.add(value)
    assert torch.equal(running.mean, value)
    assert not running.deviation.any()
    value += 1
    assert not torch.equal(running.mean, value), "what was added is copied"
    with pytest.raises(ShapeError, match="have no mean"):
        running.add(torch.rand(51))
    with pytest.raises(ArgumentError, match="nothing"):
        _ = RunningMean().mean
