"""batchgeneratorsv2: images and label maps side by side, and no geometry where a patch was cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from eisen._core.errors import ArgumentError, ShapeError, StepError
from eisen.utils.interop import BatchgeneratorsStep

pytest.importorskip("batchgeneratorsv2")
from batchgeneratorsv2.transforms.intensity.gamma import GammaTransform
from batchgeneratorsv2.transforms.spatial.mirroring import MirrorTransform
from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from batchgeneratorsv2.transforms.utils.deep_supervision_downsampling import (
    DownsampleSegForDSTransform,
)
from batchgeneratorsv2.transforms.utils.random import RandomTransform
from batchgeneratorsv2.transforms.utils.seg_to_regions import ConvertSegmentationToRegionsTransform

BOTH = ["image", "label"]


def rotation(size: tuple[int, ...] = (14, 12, 10)) -> Any:
    return SpatialTransform(size, 0, random_crop=False, p_rotation=1, rotation=(0.3, 0.3), mode_seg="nearest")


def test_the_geometry_says_what_is_known(located: dict[str, Any]) -> None:
    gamma = ComposeTransforms([RandomTransform(GammaTransform((0.7, 1.5), 0.5, 1, 1, 0), 0.5)])
    still = BatchgeneratorsStep(BOTH, [gamma])(located)
    assert still["image_meta"] is located["image_meta"]
    moved = BatchgeneratorsStep(BOTH, [gamma, RandomTransform(rotation(), 1.0)])(located)
    assert not moved["image_meta"].invertible
    assert moved["label"].dtype == np.uint8
    assert set(np.unique(moved["label"])) <= {0, 2}
    cut = BatchgeneratorsStep(BOTH, [rotation((8, 8, 8))])(located)
    assert cut["image"].shape == (3, 8, 8, 8)
    assert set(cut) == {"image", "label", "id"}


def test_several_images_and_labels_come_back_to_their_fields(located: dict[str, Any]) -> None:
    data = {**located, "second": located["image"][:1] * 2, "mask": located["label"] + 1}
    result = BatchgeneratorsStep(["image", "second", "label", "mask"], [MirrorTransform((0, 1, 2))])(data)
    np.testing.assert_array_equal(result["second"], result["image"][:1] * 2)
    np.testing.assert_array_equal(result["mask"], result["label"] + 1)


def test_a_label_map_may_become_regions(located: dict[str, Any]) -> None:
    result = BatchgeneratorsStep(BOTH, [ConvertSegmentationToRegionsTransform([[2], [0, 2], [1]])])(located)
    assert result["label"].sum(axis=(1, 2, 3)).tolist() == [located["label"].sum() / 2, 14 * 12 * 10, 0]


def test_what_does_not_fit_is_explained(located: dict[str, Any]) -> None:
    mirror = MirrorTransform((0,))
    with pytest.raises(ArgumentError, match="are labels"):
        BatchgeneratorsStep(["label"], [mirror])
    with pytest.raises(ShapeError, match="spatial shape"):
        BatchgeneratorsStep(BOTH, [mirror])({**located, "label": located["label"][:, 1:]})
    with pytest.raises(StepError, match="DeepSupervisionLoss"):
        BatchgeneratorsStep(BOTH, [DownsampleSegForDSTransform([[1, 1, 1], [0.5, 0.5, 0.5]])])(located)
