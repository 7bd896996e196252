"""A network that looks through windows says what it says about the whole, whatever its outputs and the image are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from eisen._core.errors import ArgumentError, ShapeError
from eisen.patches import SlidingWindow, window_starts, window_weights


def image(*shape: int, channels: int = 2, cases: int = 1) -> torch.Tensor:
    return torch.randn(cases, channels, *shape, generator=torch.Generator().manual_seed(sum(shape)))


def by_hand(net: Any, volume: torch.Tensor, window: tuple[int, ...], overlap: float, weights: Any) -> torch.Tensor:
    """The definition: the weighted sum over all windows, divided by the sum of the weights, in double precision."""
    counted = torch.from_numpy(window_weights(window, weights)).double()
    starts = [window_starts(n, w, overlap) for n, w in zip(volume.shape[2:], window, strict=True)]
    total: Any = 0
    norm = torch.zeros(volume.shape[2:], dtype=torch.float64)
    for place in np.array(np.meshgrid(*starts, indexing="ij")).reshape(len(window), -1).T:
        region = tuple(slice(int(s), int(s) + w) for s, w in zip(place, window, strict=True))
        values = net(volume[(slice(None), slice(None), *region)]).double()
        if isinstance(total, int):
            total = torch.zeros(*values.shape[:2], *volume.shape[2:], dtype=torch.float64)
        total[(slice(None), slice(None), *region)] += values * counted
        norm[region] += counted
    return total / norm


@pytest.fixture
def conv() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Conv3d(2, 3, 3, padding=1).requires_grad_(requires_grad=False)


@pytest.mark.parametrize("weights", ["gaussian", "constant"])
@pytest.mark.parametrize(
    ("shape", "window", "overlap", "batch_size"),
    [((30, 27, 33), (16, 16, 16), 0.5, 1), ((17, 20, 19), (8, 12, 5), 0.25, 4), ((9, 11, 10), (6, 6, 6), 0.75, 3)],
)
def test_windows_are_averaged_by_their_weights(conv, shape, window, overlap, batch_size, weights):
    volume = image(*shape)
    sliding = SlidingWindow(window, overlap, weights, batch_size)
    expected = by_hand(conv, volume, window, overlap, weights)
    torch.testing.assert_close(sliding(conv, volume).double(), expected, rtol=1e-5, atol=1e-5)


def test_weights_of_the_user_count(conv):
    volume = image(20, 20, 20)
    own = np.random.default_rng(0).uniform(0.1, 1, (8, 8, 8))
    result = SlidingWindow([8, 8, 8], 0.5, own)(conv, volume)
    torch.testing.assert_close(result.double(), by_hand(conv, volume, (8, 8, 8), 0.5, own), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("overlap", [0, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("shape", [(13, 10, 11), (5, 9, 14), (3, 3, 3)])
def test_the_identity_gives_the_image_back(shape, overlap):
    volume = image(*shape, cases=2)
    torch.testing.assert_close(SlidingWindow([6, 5, 7], overlap)(lambda v: v * 1, volume), volume, rtol=1e-5, atol=1e-5)


def test_pictures_are_looked_at_too():
    torch.manual_seed(0)
    net = torch.nn.Conv2d(2, 1, 3, padding=1).requires_grad_(requires_grad=False)
    picture = image(37, 22)
    result = SlidingWindow([16, 16])(net, picture)
    torch.testing.assert_close(result.double(), by_hand(net, picture, (16, 16), 0.5, "gaussian"), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_network_for_pictures_looks_at_the_slices_of_a_volume(axis):
    torch.manual_seed(0)
    net = torch.nn.Conv2d(2, 3, 3, padding=1).requires_grad_(requires_grad=False)
    volume = image(11, 12, 13)
    slices = [SlidingWindow([8, 8])(net, part) for part in volume.unbind(2 + axis)]
    result = SlidingWindow([8, 8], axis=axis, batch_size=5)(net, volume)
    torch.testing.assert_close(result, torch.stack(slices, 2 + axis), rtol=1e-5, atol=1e-5)


def test_an_image_smaller_than_the_window_is_padded_and_cut_back():
    seen = []

    def net(windows: torch.Tensor) -> torch.Tensor:
        seen.append(windows.clone())
        return windows + 1

    volume = image(3, 20, 6)
    result = SlidingWindow([8, 8, 8], fill=-5.0)(net, volume)
    torch.testing.assert_close(result, volume + 1, rtol=1e-5, atol=1e-5)
    assert {tuple(windows.shape[2:]) for windows in seen} == {(8, 8, 8)}
    assert (seen[0][:, :, 0] == -5).all()


def test_outputs_may_be_many_and_coarser_or_finer():
    def net(v: torch.Tensor) -> dict[str, Any]:
        coarse = F.avg_pool3d(v, 2)
        return {"out": v, "deep": (coarse, v[:, :1]), "fine": v.repeat_interleave(2, 4)}

    volume = image(19, 24, 21)  # 19 and 21 are no multiples of two
    result = SlidingWindow([8, 8, 8], 0.4)(net, volume)
    padded = F.pad(volume, (0, 1, 0, 0, 0, 1))
    assert list(result) == ["out", "deep", "fine"]
    assert isinstance(result["deep"], tuple)
    torch.testing.assert_close(result["out"], volume, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(result["deep"][0], F.avg_pool3d(padded, 2), rtol=1e-5, atol=1e-5)
    assert result["deep"][1].shape == (1, 1, 19, 24, 21)
    torch.testing.assert_close(result["fine"], volume.repeat_interleave(2, 4), rtol=1e-5, atol=1e-5)


def test_other_inputs_of_the_shape_of_the_image_are_cut_too():
    volume, mask = image(12, 12, 12), image(12, 12, 12, channels=1)
    result = SlidingWindow([8, 8, 8])(
        lambda v, m, age: v * m + age[:, None, None, None, None], volume, mask, torch.ones(1)
    )
    torch.testing.assert_close(result, volume * mask + 1, rtol=1e-5, atol=1e-5)


def test_windows_inside_the_image_are_views():
    volume = image(16, 16, 16)
    inside = []
    SlidingWindow([8, 8, 8])(lambda v: inside.append(v.untyped_storage().data_ptr()) or v * 1, volume)
    assert set(inside) == {volume.untyped_storage().data_ptr()}


def test_an_image_that_wants_gradients_is_looked_at_without_them():
    volume = image(12, 9, 12).requires_grad_()
    result = SlidingWindow([8, 8, 8])(lambda v: v, volume)
    assert not result.requires_grad
    torch.testing.assert_close(result, volume.detach(), rtol=1e-5, atol=1e-5)


def test_mirror_images_are_averaged(conv):
    volume = image(8, 8, 8)
    views = [conv(volume), conv(volume.flip(2)).flip(2)]
    result = SlidingWindow([8, 8, 8], flips="flips:0")(conv, volume)
    torch.testing.assert_close(result, (views[0] + views[1]) / 2, rtol=1e-5, atol=1e-5)
    turned = SlidingWindow([8, 8, 8], flips=True)(conv, volume.flip(4)).flip(4)
    torch.testing.assert_close(turned, SlidingWindow([8, 8, 8], flips=True)(conv, volume), rtol=1e-4, atol=1e-5)


def test_empty_windows_are_left_out_and_their_voxels_get_the_background():
    volume = torch.zeros(2, 1, 24, 24, 24)
    volume[0, 0, 3, 4, 5] = 1
    volume[1, 0, 20, 20, 20] = 1
    n_seen = []
    result = SlidingWindow([8, 8, 8], skip_empty=0.5, background=[-3, 4])(
        lambda v: n_seen.append(len(v)) or torch.cat([v + 10, v + 20], 1), volume
    )
    assert len(n_seen) < 2 * 125 / 4
    assert result[0, :, 3, 4, 5].tolist() == pytest.approx([11, 21])
    assert result[0, :, 0, 0, 0].tolist() == pytest.approx([10, 20])  # a voxel of a window that was looked at
    assert result[0, :, 20, 20, 20].tolist() == [-3, 4]
    assert result[1, :, 20, 20, 20].tolist() == pytest.approx([11, 21])


def test_where_an_empty_window_overlaps_another_only_the_other_counts():
    volume = torch.zeros(1, 1, 4, 4, 12)
    volume[..., 0] = 1
    result = SlidingWindow([4, 4, 8], skip_empty=lambda v: v.sum() == 0)(lambda v: v * 0 + 7, volume)
    assert result[..., :8].eq(7).all()
    assert result[..., 8:].eq(0).all()
    assert SlidingWindow([4, 4, 8], skip_empty=True)(lambda v: v * 0 + 7, volume * 0).eq(0).all()


def test_slabs_are_the_whole_bit_by_bit(conv):
    volume = image(21, 30, 27)
    sliding = SlidingWindow([8, 10, 9], 0.6)
    whole = sliding(conv, volume)
    slabs = [(slab.start, slab.stop, slab.values.clone()) for slab in sliding.slabs(conv, volume)]
    assert [start for start, _, _ in slabs[1:]] == [stop for _, stop, _ in slabs[:-1]]
    assert torch.equal(torch.cat([values for _, _, values in slabs], 4), whole)
    blocks = [
        torch.cat([s.values.clone() for s in sliding.slabs(conv, volume, second=r)], 4) for r in ((0, 7), (7, 30))
    ]
    assert torch.equal(torch.cat(blocks, 3), whole)


@pytest.mark.parametrize("overlap", [0, 0.3, 0.5, 0.75])
@pytest.mark.parametrize("empty", [None, lambda v: bool(v.flatten()[0] > 0)], ids=["all", "with gaps"])
def test_nothing_of_the_memory_before_is_left(overlap, empty, monkeypatch):
    def filled(shape: Any, kind: Any) -> Any:
        return np.full(shape, np.nan, kind)

    monkeypatch.setattr(torch.Tensor, "new_empty", lambda self, shape: torch.full(shape, torch.nan, dtype=self.dtype))
    monkeypatch.setattr("eisen.patches.sliding.mixing.np.empty", filled)
    volume = image(19, 17, 22)
    sliding = SlidingWindow([8, 6, 7], overlap, skip_empty=empty, background=-9)
    whole = sliding(lambda v: v * 2, volume)
    said = whole[:, :1] != -9
    assert said.all() or empty is not None
    torch.testing.assert_close(whole, torch.where(said, volume * 2, -9.0), rtol=1e-5, atol=1e-5)
    assert torch.equal(torch.cat([slab.values.clone() for slab in sliding.slabs(lambda v: v * 2, volume)], 4), whole)


def test_half_precision_is_added_up_in_full():
    volume = image(16, 16, 16)
    result = SlidingWindow([8, 8, 8])(lambda v: v.bfloat16(), volume)
    assert result.dtype == torch.float32
    assert SlidingWindow([8, 8, 8])(lambda v: v.double(), volume).dtype == torch.float64


def test_without_overlap_nothing_is_divided():
    volume = image(16, 8, 8)
    assert torch.equal(SlidingWindow([8, 8, 8], 0, "constant")(lambda v: v * 1, volume), volume)


def test_out_of_memory_falls_back_to_the_host_and_says_so(caplog):
    volume, calls = image(20, 20, 20), []

    def net(v: torch.Tensor) -> torch.Tensor:
        calls.append(len(v))
        if len(calls) == 5:
            raise torch.OutOfMemoryError("no room")
        return v * 2

    result = SlidingWindow([8, 8, 8], batch_size=4)(net, volume)
    torch.testing.assert_close(result, volume * 2, rtol=1e-5, atol=1e-5)
    assert "out of memory" in caplog.text
    assert set(calls[6:]) == {1}
    calls.clear()
    slabs = torch.cat([slab.values.clone() for slab in SlidingWindow([8, 8, 8]).slabs(net, volume)], 4)
    torch.testing.assert_close(slabs, volume * 2, rtol=1e-5, atol=1e-5)


def test_memory_that_never_suffices_is_an_error():
    def net(v: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("no room")

    with pytest.raises(torch.OutOfMemoryError):
        SlidingWindow([8, 8, 8])(net, image(8, 8, 8))


def test_a_result_beyond_the_budget_is_kept_in_a_file(caplog):
    volume = image(20, 20, 20)
    result = SlidingWindow([8, 8, 8], memory="10KB")(lambda v: v * 2, volume)
    torch.testing.assert_close(result, volume * 2, rtol=1e-5, atol=1e-5)
    assert "64 KB" in caplog.text
    assert "file" in caplog.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"window": [8]},
        {"window": [8, 0, 8]},
        {"window": [8, -1, 8]},
        {"window": [8, 8.5, 8]},
        {"window": "888"},
        {"overlap": 1},
        {"overlap": -0.1},
        {"overlap": [0.5, 0.5]},
        {"overlap": "half"},
        {"weights": "triangle"},
        {"weights": np.zeros((8, 8, 8))},
        {"weights": np.ones((8, 8))},
        {"batch_size": 0},
        {"skip_empty": "air"},
        {"flips": "sideways"},
        {"axis": 0},
        {"window": [8, 8], "axis": 3},
        {"memory": "4 apples"},
        {"memory": "0GB"},
        {"memory": -1},
        {"device": "toaster"},
    ],
)
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises((ArgumentError, ShapeError)) as caught:
        SlidingWindow(**{"window": [8, 8, 8], **wrong})
    assert caught.value.card.expected


@pytest.mark.parametrize(
    ("net", "told"),
    [
        (lambda v: v.mean((2, 3, 4)), "windows"),
        (lambda v: v[..., 1:-1], "voxels"),
        (lambda v: v.argmax(1, keepdim=True), "int64"),
        (lambda _: "a text", "str"),
        (lambda v: v[0], "shape"),
        (lambda v: v[:, :, ::3, ::3, ::3], "voxels"),
    ],
    ids=["no voxels", "unpadded", "whole numbers", "no tensor", "no cases", "third"],
)
def test_outputs_that_fit_no_window_are_refused(net, told):
    with pytest.raises(ShapeError) as caught:
        SlidingWindow([8, 8, 8])(net, image(16, 16, 16))
    assert told in str(caught.value)


def test_images_of_other_axes_are_refused(conv):
    with pytest.raises(ShapeError, match="3 axes, the image 2"):
        SlidingWindow([8, 8, 8])(conv, image(16, 16))
    with pytest.raises(ShapeError) as caught:
        SlidingWindow([8, 8])(conv, image(16, 16, 16))
    assert "axis=0" in caught.value.card.to_do
    with pytest.raises(ShapeError, match="no voxels"):
        SlidingWindow([8, 8, 8])(conv, torch.zeros(1, 2, 0, 8, 8))
    with pytest.raises(ArgumentError, match="ndarray"):
        SlidingWindow([8, 8, 8])(conv, np.zeros((1, 2, 8, 8, 8)))
    with pytest.raises(ArgumentError, match="background has 2"):
        SlidingWindow([8, 8, 8], skip_empty=0, background=[1, 2])(conv, image(8, 8, 8))


@pytest.mark.slow
def test_it_says_what_monai_says(conv):
    inferers = pytest.importorskip("monai.inferers")
    volume = image(29, 35, 40)
    theirs = inferers.sliding_window_inference(volume, (16, 12, 20), 2, conv, overlap=0.5, mode="gaussian")
    ours = SlidingWindow([16, 12, 20], 0.5, batch_size=2)(conv, volume)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_windows_go_to_the_device_and_results_come_back(conv):
    volume = image(40, 40, 40)
    expected = SlidingWindow([16, 16, 16])(conv, volume)
    on_device = SlidingWindow([16, 16, 16], device="cuda", batch_size=4)(conv, volume)
    assert on_device.device == volume.device
    torch.testing.assert_close(on_device, expected, rtol=1e-3, atol=1e-3)
    added_there = SlidingWindow([16, 16, 16], accumulate_on="cuda")(conv, volume)
    torch.testing.assert_close(added_there.cpu(), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("batch_size", [1, 5])
def test_whoever_watches_is_told_about_every_group_of_windows(batch_size):
    window, told = SlidingWindow([8, 8, 8], overlap=0.25, batch_size=batch_size), []
    window.watch = lambda done, total: told.append((done, total))
    image = torch.zeros(1, 1, 14, 20, 13)
    window(torch.nn.Identity(), image)
    total = window.tiling(image.shape[2:]).n_windows
    assert told[-1] == (total, total)
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert len(told) == total or batch_size > 1
    del told[:]
    assert len(list(window.slabs(torch.nn.Identity(), image))) > 0
    assert told[-1] == (total, total)
