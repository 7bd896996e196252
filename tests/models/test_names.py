"""Networks and their parts are found under every name that scripts and configurations use."""

from __future__ import annotations

import importlib
import warnings

import pytest

import eisen
from eisen._core.legacy import INNER


@pytest.mark.parametrize("path", sorted(INNER))
def test_parts_of_networks_are_found_in_the_packages_but_not_listed(path):
    package, _, name = path.rpartition(".")
    owner, _, attribute = INNER[path].rpartition(".")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert getattr(importlib.import_module(package), name) is getattr(importlib.import_module(owner), attribute)
    assert name not in importlib.import_module(package).__all__


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("vnet", "VNet"),
        ("unet", "UNet"),
        ("unet3D", "UNet3D"),
        ("obelisk", "ObeliskMIDL"),
        ("highres3Dnet", "HighRes2DNet HighRes3DNet HighResNet"),
    ],
)
def test_networks_are_found_where_configurations_name_them(module, names):
    home = importlib.import_module(f"eisen.models.segmentation.{module}")
    for name in names.split():
        assert getattr(eisen.models, name) is getattr(eisen.models.segmentation, name) is getattr(home, name)


def test_a_name_that_is_gone_says_why():
    with (
        pytest.warns(DeprecationWarning, match=r"is gone.*torch\.nn\.GroupNorm"),
        pytest.raises(AttributeError, match=r"torch\.nn\.GroupNorm"),
    ):
        _ = eisen.models.group_norm
