"""From dotted paths to objects."""

from __future__ import annotations

import pytest
import torch

from eisen._core.errors import ConfigError
from eisen._core.legacy import GONE, RENAMED
from eisen.config import locate


def expected_of(dotted: str) -> str:
    with pytest.raises(ConfigError) as caught:
        locate(dotted)
    return caught.value.problems[0].expected


def test_a_dotted_path_leads_to_its_object() -> None:
    assert locate("torch.optim.Adam") is torch.optim.Adam


def test_old_names_lead_to_the_present_object() -> None:
    assert locate("torch.optim.SDG") is torch.optim.SGD


@pytest.mark.parametrize(
    ("dotted", "expected"),
    [
        ("eisen.transforms.imaging.CropCenteredSubvolumes", "eisen.transforms.imaging.CropCenteredSubVolumes"),
        ("eisen.transforms.imagin.CropCenteredSubVolumes", "CropCenteredSubVolumes"),
        ("eisen.transfroms.AddChannelDimension", "eisen.transforms.AddChannelDimension"),
        ("eisen.datasets.msd.MSDDataSet", "eisen.datasets.msd.MSDDataset"),
        ("AddChannelDimension", "AddChannelDimension"),
        ("torch.optim.Adm", "torch.optim.Adam"),
    ],
)
def test_the_nearest_valid_name_is_given(dotted: str, expected: str) -> None:
    assert expected in expected_of(dotted)


@pytest.mark.parametrize("dotted", ["", ".", "a", "a.", ".a", "a b.c", "a.b()", "1.2", "a..b"])
def test_texts_that_are_no_dotted_path(dotted: str) -> None:
    assert "dotted path" in expected_of(dotted)


def test_what_is_gone_says_why() -> None:
    path = "eisen.transforms.imaging.pad_to_minimal_size"
    assert expected_of(path) == GONE[path]


def test_no_old_name_is_both_renamed_and_gone() -> None:
    assert not set(RENAMED) & set(GONE)
