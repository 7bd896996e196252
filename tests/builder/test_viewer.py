"""The parts of the viewer that need no browser: which volumes may be read, what is shown, and in which order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eisen._core.errors import ArgumentError, MissingFileError
from eisen.experiments.reviews import Disagreement, Label, Review, ReviewedCase
from eisen.io import write_nifti
from eisen_cli.builder.server.folders import Folders

pytest.importorskip("nicegui")

from eisen_cli.builder.viewer.browse import Browser, is_flat
from eisen_cli.builder.viewer.bundle import niivue, with_class
from eisen_cli.builder.viewer.case_rows import found_rows
from eisen_cli.builder.viewer.routes import volume_file, volume_url
from eisen_cli.builder.viewer.scene import scene_of
from eisen_cli.builder.viewer.windows import CT, Intensities, preset_names, window_of

HD = "HDRFDST(percentile=95)"


@pytest.fixture
def run_folder(tmp_path):
    """An artifact folder with a review of three cases of two labels."""
    folder = tmp_path / "run"
    values = {"a": (0.9, 0.7, 1.0), "b": (0.4, None, 8.0), "c": (0.6, 0.5, 3.0)}
    cases = []
    for name, (lung, heart, distance) in values.items():
        place = folder / "review/validation" / name
        place.mkdir(parents=True)
        for file in ("image", "reference", "prediction"):
            write_nifti(place / f"{file}.nii.gz", np.zeros((4, 4, 3), np.uint8), np.eye(4))
        cases.append(
            ReviewedCase(
                name,
                {"ct": f"{name}/image.nii.gz"},
                f"{name}/reference.nii.gz",
                f"{name}/prediction.nii.gz",
                {"DICE[lung]": lung, "DICE[heart]": heart, f"{HD}[lung]": distance},
                {"entropy": 0.1},
                [Disagreement(3, 3.0, (1, 1, 1), (1.0, 1.0, 1.0), 0, 1)],
            )
        )
    metrics = {"DICE": {"better": "higher", "unit": ""}, HD: {"better": "lower", "unit": "mm"}}
    labels = [Label(1, "lung", "#ee7733"), Label(2, "heart", "#33bbee")]
    place = folder / "review/validation"
    Review(place, "Validation", kind="labels", labels=labels, metrics=metrics, cases=cases, n_cases=3).save()
    return folder


def test_only_volumes_inside_of_the_allowed_folders_are_served(run_folder, tmp_path):
    folders = Folders([run_folder])
    inside = run_folder / "review/validation/a/image.nii.gz"
    assert volume_file(folders, str(inside)) == inside.resolve()
    (tmp_path / "secret.nii.gz").write_bytes(b"")
    (run_folder / "link.nii.gz").symlink_to(tmp_path / "secret.nii.gz")
    for outside in (tmp_path / "secret.nii.gz", run_folder / "../secret.nii.gz", run_folder / "link.nii.gz"):
        with pytest.raises(ArgumentError, match="outside"):
            volume_file(folders, str(outside))
    with pytest.raises(ArgumentError, match="no volume"):
        volume_file(folders, str(run_folder / "review/validation/cases.json"))
    with pytest.raises(MissingFileError):
        volume_file(folders, str(run_folder / "nothing.nii.gz"))


def test_the_script_of_niivue_is_served_with_its_class():
    bundle = niivue()
    assert len(bundle.text) > 1_000_000
    assert bundle.text.rstrip().decode("utf-8")[-60:].count(" as Niivue}") == 1
    assert bundle is niivue()


@pytest.mark.parametrize("text", ["export{W as default};", '"Creating new Niivue instance");v=new t2(o)', ""])
def test_a_script_of_another_form_is_not_guessed_at(text):
    assert with_class(text) == ""


def test_nothing_of_ours_loads_anything_from_outside():
    folder = Path(volume_file.__code__.co_filename).parent
    ours = [path for path in folder.rglob("*") if path.suffix in (".js", ".css", ".py")]
    assert len(ours) > 10
    assert not [
        path.name for path in ours if "http://" in path.read_text("utf-8") or "https://" in path.read_text("utf-8")
    ]


def test_cases_come_in_the_order_of_the_worst(run_folder):
    folders = Folders([run_folder])
    by_lung = Browser.open(folders, str(run_folder), "Validation", "DICE[lung]")
    assert [case.name for case in by_lung.cases] == ["b", "c", "a"]
    assert by_lung.beside("b", 1).name == "c"
    assert by_lung.beside("b", -1).name == "a"
    by_distance = Browser.open(folders, str(run_folder), "Validation", f"{HD}[lung]")
    assert [case.name for case in by_distance.cases] == ["b", "c", "a"]
    mean = Browser.open(folders, str(run_folder), "Validation")
    assert mean.by == "DICE"
    assert [case.name for case in mean.cases] == ["b", "c", "a"]
    assert "by=DICE%5Blung%5D" in by_lung.url("a")


def test_what_cannot_be_opened_says_why(run_folder, tmp_path):
    folders = Folders([run_folder])
    with pytest.raises(ArgumentError, match="outside"):
        Browser.open(folders, str(tmp_path), "Validation")
    with pytest.raises(ArgumentError, match="no phase"):
        Browser.open(folders, str(run_folder), "../..")
    with pytest.raises(MissingFileError, match="no review"):
        Browser.open(folders, str(run_folder), "Testing")
    with pytest.raises(ArgumentError, match="no case 'z'"):
        Browser.open(folders, str(run_folder), "Validation").place("z")


def test_a_scene_is_small_and_keeps_how_the_last_one_was_shown(run_folder):
    browser = Browser.open(Folders([run_folder]), str(run_folder), "Validation")
    case = browser.review.case("a")
    assert not is_flat(browser.review, case)
    scene = scene_of(browser.review, case, flat=False)
    scene.overlays["difference"].on, scene.layout, scene.preset, scene.window = True, "axial", "Lung", (-1350.0, 150.0)
    message = scene.message()
    assert [volume["key"] for volume in message["volumes"]] == ["image", "reference", "prediction"]
    assert message["volumes"][2]["url"] == volume_url(browser.review.folder / "a/prediction.nii.gz")
    assert message["volumes"][1]["labels"][0] == {"value": 1, "name": "lung", "colour": "#ee7733"}
    assert len(str(message)) < 3000
    other = scene_of(browser.review, browser.review.case("b"), flat=False)
    other.adopt(scene)
    assert other.overlays["difference"].on
    assert other.layout == "axial"
    assert other.window == (-1350.0, 150.0)
    assert other.images != scene.images


def test_a_model_that_makes_images_shows_them_beside_the_input(run_folder):
    browser = Browser.open(Folders([run_folder]), str(run_folder), "Validation")
    browser.review.kind = "image"
    scene = scene_of(browser.review, browser.review.case("a"), flat=True)
    assert list(scene.images) == ["ct", "reference", "prediction"]
    assert not scene.overlays
    assert not scene.label_maps
    assert not scene.message()["radiological"]  # a picture has no patient in it


def test_windows_of_ct_are_offered_where_there_is_air(run_folder):
    ct, mr = Intensities(-100, 300, -1024, 1800), Intensities(20, 400, 0, 900)
    assert set(CT) <= set(preset_names(ct))
    assert not set(CT) & set(preset_names(mr))
    assert window_of("Bone", ct) == (-500.0, 1300.0)
    assert window_of("Automatic", ct) == (-100, 300)
    assert window_of("Full range", mr) == (0, 900)


def test_rows_have_bars_links_and_an_order(run_folder):
    (rows,) = found_rows(run_folder)
    assert rows.orders == ["DICE", "DICE[lung]", "DICE[heart]", f"{HD}[lung]"]
    assert rows.order("nonsense") == "DICE"
    table = rows.rows(f"{HD}[lung]")
    assert [row["case"] for row in table] == ["b", "c", "a"]
    assert table[0]["share"] == {"DICE[lung]": 40.0, f"{HD}[lung]": 100.0}
    assert table[0]["DICE[heart]"] is None
    assert table[0]["url"].startswith("/case?")
    assert rows.values("DICE[heart]") == [("a", 0.7), ("c", 0.5)]


def test_without_a_review_the_table_shows_what_was_measured(tmp_path):
    from eisen.evaluation import Record, Results
    from eisen.evaluation.evaluators import SegmentationEvaluator
    from eisen.evaluation.writers import write_results

    assert found_rows(tmp_path) == []
    metrics = {metric.name: metric for metric in SegmentationEvaluator(["DICE"]).metrics}
    results = Results([Record("p1", "lung", "DICE", 0.5), Record("p2", "lung", "DICE", float("nan"))], metrics=metrics)
    write_results(results, tmp_path / "evaluation/testing")
    (rows,) = found_rows(tmp_path)
    assert not rows.can_be_opened
    assert rows.title == "Testing · measured only"
    assert [(row["case"], row["DICE[lung]"], row["url"]) for row in rows.rows()] == [("p2", None, ""), ("p1", 0.5, "")]


def test_files_that_are_no_reviews_are_passed_over(run_folder):
    bad = run_folder / "review/testing"
    bad.mkdir()
    (bad / "cases.json").write_text("{", encoding="utf-8")
    assert [rows.review.phase for rows in found_rows(run_folder)] == ["Validation"]
