"""The gallery shows every transform, and what it shows is what its code does."""

import functools
import importlib
import inspect
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import eisen.transforms
from eisen._core.errors import EisenError
from eisen.config import Entry, build

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "_ext"))
groups = importlib.import_module("gallery.groups")
entry_module = importlib.import_module("gallery.entry")
pages = importlib.import_module("gallery.pages")

pytestmark = pytest.mark.filterwarnings("ignore:.*has no voxel")

ENTRIES = groups.all_entries()

CONCRETE = sorted(
    name
    for name, cls in ((name, getattr(eisen.transforms, name)) for name in eisen.transforms.__all__)
    if inspect.isclass(cls) and not inspect.isabstract(cls)
)

shown = functools.cache(lambda name: ENTRIES[name].shown())

DESTROYING = {"LabelMapToOneHot", "OneHotToLabelMap", "RandomChannelDropout", "ThresholdValues"}
"""Steps whose result is meant to hold little of the image."""


def test_every_transform_has_an_entry_and_every_entry_a_transform():
    listed = [entry.name for group in groups.GROUPS.values() for entry in group.ENTRIES]
    assert sorted(listed) == CONCRETE


@pytest.mark.parametrize("name", CONCRETE)
def test_the_code_of_an_entry_runs_and_is_the_step_that_made_the_picture(name):
    entry, scope = ENTRIES[name], {}
    code = entry_module.python_code(entry).replace("data = step(data)\n", "")
    exec(code, scope)
    assert repr(scope["step"]) == repr(entry_module.made(entry.part))
    assert shown(name).panels or shown(name).text


def transforms_of(chain):
    return [repr(step) for step in chain.transforms]


@pytest.mark.parametrize("name", CONCRETE)
def test_the_entry_for_a_configuration_builds_the_same_step(name):
    entry = ENTRIES[name]
    text = entry_module.json_code(entry)
    step = entry_module.made(entry.part)
    if entry.section:
        items = json.loads("{" + text + "}")[entry.section]
        steps = [build(Entry(item["type"], item["params"], f"[{i}]"), entry.section) for i, item in enumerate(items)]
        assert transforms_of(step) == [repr(one) for one in steps]
    else:
        item = json.loads(text)
        built = build(Entry(item["type"], item["params"], "Transforms[0]"), "Transforms")
        assert type(built) is type(step)
        assert json.dumps(vars_of(built)) == json.dumps(vars_of(step))


def vars_of(step):
    inside = {"transforms": transforms_of(step)} if hasattr(step, "transforms") else {}
    return {k: str(v).replace("(", "[").replace(")", "]") for k, v in vars(step).items() if k != "places"} | inside


@pytest.mark.parametrize("name", CONCRETE)
def test_a_picture_shows_what_the_step_changes_and_the_image_is_still_there(name):
    panels = shown(name).panels
    if len(panels) > 1 and not name.startswith("Check"):
        assert any(differs(panels[0], other) for other in panels[1:]), "before and after look alike"
    for one in panels:
        n_shades = len(np.unique((one.pixels * 255).round()))
        assert n_shades > (1 if name in DESTROYING else 8), f"'{one.title}' shows nothing"


def differs(first, other):
    if first.pixels.shape != other.pixels.shape or first.caption != other.caption:
        return True
    return np.abs(first.pixels - other.pixels).mean() > 0.002


def test_random_entries_show_draws_that_differ():
    for name in (name for name in CONCRETE if name.startswith("Random") and name != "RandomApply"):
        _, *draws = shown(name).panels
        assert len(draws) == 3
        assert any(differs(draws[0], other) for other in draws[1:]), name


@pytest.mark.parametrize("name", [name for name in CONCRETE if name.startswith("Check")])
def test_a_check_shows_the_error_that_its_code_raises(name):
    entry = ENTRIES[name]
    with pytest.raises(EisenError) as caught:
        entry_module.made(entry.part)(entry.scene())
    assert " ".join(str(caught.value).split()) in " ".join(shown(name).text.split())


def test_the_pages_are_written_with_small_pictures_and_the_reference_leads_to_them(tmp_path):
    class App:
        srcdir = tmp_path

    pages.write_gallery(App())
    index = (tmp_path / "gallery" / "index.rst").read_text(encoding="utf-8")
    for name in ENTRIES:
        assert f"<gallery-{name}>`" in index
        text = "\n".join(pages.reference_lines(name))
        assert f"<gallery-{name}>`" in text
        if shown(name).panels:
            assert f"/gallery/pictures/{name}.png" in text
            picture = tmp_path / "gallery" / "pictures" / f"{name}.png"
            assert 500 < picture.stat().st_size < 60_000
            with Image.open(picture) as opened:
                assert opened.width <= 1000
    assert pages.reference_lines("train_landmarks") == []
