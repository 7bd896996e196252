"""The bookkeeping of windows: which there are, and what of them is wanted."""

from __future__ import annotations

import pytest
import torch

from eisen.patches import SlidingWindow
from eisen.patches.sliding.blending import Blend
from eisen.patches.sliding.tiling import Lane
from eisen.patches.sliding.tracks import Track, no_weights_overlap


@pytest.mark.parametrize("grain", [1, 2, 4])
@pytest.mark.parametrize("size", [7, 8, 9, 17, 33])
def test_windows_start_on_voxels_of_a_coarser_output_and_reach_every_voxel(size, grain):
    lane = Lane.over(size, 8, 0.5, grain)
    assert all(start % grain == 0 for start in lane.starts)
    assert lane.before % grain == 0
    reached = {v - lane.before for start in lane.starts for v in range(start, start + lane.window)}
    assert reached >= set(range(size))


def test_only_windows_that_see_a_range_are_needed():
    lane = Lane.over(100, 10, 0.5)
    numbers = lane.within(20, 30)
    assert [lane.starts[n] for n in numbers] == [15, 20, 25]
    assert lane.within(0, 100) == range(len(lane.starts))


def test_the_number_of_windows_is_known_before():
    assert SlidingWindow([64, 64, 64]).tiling((192, 192, 192)).n_windows == 125
    assert SlidingWindow([8, 8]).tiling((16, 12)).n_windows == 3 * 2
    assert SlidingWindow([8, 8], axis=1).tiling((16, 5, 12)).n_windows == 3 * 5 * 2


def test_weights_that_sum_to_one_need_no_division():
    apart, touching = Track((0, 4), 4, 0, 8), Track((0, 2), 4, 0, 6)
    assert no_weights_overlap([apart] * 3, torch.ones(4, 4, 4))
    assert not no_weights_overlap([apart, apart, touching], torch.ones(4, 4, 4))
    assert not no_weights_overlap([apart] * 3, torch.full((4, 4, 4), 0.5))


def test_a_blend_needs_room_for_the_width_of_a_window_only():
    tracks = (Track((0, 2), 4, 0, 6), Track((0,), 4, 0, 4), Track((0, 1, 2, 3, 4, 5), 4, 0, 9))
    values = torch.randn(1, 2, 6, 4, 9)
    room = torch.full((1, 2, 6, 4, 4), torch.nan)
    blend = Blend(tracks, torch.rand(4, 4, 4) + 0.1, room)
    parts = []
    for third, c in enumerate(tracks[2].starts):
        for first, a in enumerate(tracks[0].starts):
            blend.column.start_row(first)
            blend.column.add(0, values[:, :, a : a + 4, :, c : c + 4])
            blend.end_row(first, third)
        parts.append(blend.values(blend.end_column(third)).clone())
        blend.forget()
    torch.testing.assert_close(torch.cat(parts, 4), values, rtol=1e-5, atol=1e-5)
