"""Reports: everything is told, nothing is loaded from elsewhere, and pictures show the body as radiologists see it."""

import base64
import io
import math
import re
from html.parser import HTMLParser

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from eisen._core.errors import EmptyDatasetError
from eisen.evaluation import Extras, Record, Results, compare_results, write_comparison, write_report
from eisen.evaluation.evaluators.segmentation import SegmentationEvaluator
from eisen.evaluation.metrics import Dice, Precision
from eisen.evaluation.report.overlays import PREDICTION, REFERENCE, planes_of, three_planes
from eisen.evaluation.report.plots import agreement_of, distribution
from eisen.evaluation.report.summary import groups_of, silent_cases, summary
from eisen.evaluation.report.svg import Frame, nice_ticks, number

nan = float("nan")
VOID = {"meta", "img", "br", "line", "circle", "rect", "link", "input", "hr"}


class Page(HTMLParser):
    """Checks that what is opened is closed, and collects what is shown."""

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.text, self.images = [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.links += [value for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)

    @property
    def words(self):
        return re.sub(r"\s+", " ", " ".join(self.text))


def results(values, label="lung", presence="both"):
    records = [Record(f"case {k}", label, "DICE", v, presence=presence) for k, v in enumerate(values)]
    return Results(records, metrics={"DICE": Dice()})


def page_of(found, tmp_path, **extras):
    return Page(write_report(found, tmp_path / "report.html", Extras(**extras)).read_text(encoding="utf-8"))


def test_the_page_says_what_was_measured(tmp_path):
    page = page_of(results([0.9, 0.8, 0.7]), tmp_path, title="Lungs", origin={"model": "abc123"})
    assert "Lungs" in page.words
    assert "0.800 [" in page.words
    assert "3 of 3" in page.words
    assert "abc123" in page.words
    assert "Ecology 26" in page.words  # the definition
    assert "Every label was found" in page.words


def test_nothing_is_loaded_from_elsewhere(tmp_path):
    page = page_of(results([0.9, 0.8]), tmp_path)
    assert all(link.startswith(("#", "data:image/png")) for link in page.links)
    assert set(page.links) >= {"#summary", "#definitions"}


def test_names_cannot_become_code(tmp_path):
    bad = "<script>alert(1)</script>"
    found = Results(
        [Record(bad, bad, "DICE", 0.5), Record("b", bad, "DICE", nan, bad, "missed")], metrics={"DICE": Dice()}
    )
    text = write_report(found, tmp_path / "r.html", Extras(title=bad, origin={bad: bad})).read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_missed_cases_stand_beside_the_mean(tmp_path):
    found = results([0.9, 0.8, 0.7])
    found.records.append(Record("case 9", "lung", "DICE", 0.0, presence="missed"))
    found.records.append(Record("case 10", "lung", "DICE", nan, "the field of view is empty"))
    found.failures["case 11"] = "the shapes differ"
    page = page_of(found, tmp_path)
    assert "4 of 5 1 1 0" in page.words  # cases, undefined, missed, invented
    for said in (
        "case 9",
        "missed",
        "the field of view is empty",
        "case 11",
        "the shapes differ",
        "1 could not be measured",
    ):
        assert said in page.words


def test_a_charged_mean_is_never_better():
    found = Results(
        [Record("a", "lung", "PRCISON", 0.9), Record("b", "lung", "PRCISON", nan, "the prediction is empty", "missed")],
        metrics={"PRCISON": Precision()},
    )
    row = summary(found)[0]
    assert (row.aggregate.mean, row.charged) == (0.9, 0.45)


def test_nothing_to_report(tmp_path):
    with pytest.raises(EmptyDatasetError, match="nothing to report"):
        write_report(Results(), tmp_path / "r.html")
    assert list(tmp_path.iterdir()) == []


def test_subgroups_have_their_own_means(tmp_path):
    attributes = {f"case {k}": {"sex": "fm"[k % 2], "note": "same"} for k in range(4)}
    page = page_of(results([0.5, 0.9, 0.7, 0.9]), tmp_path, attributes=attributes)
    assert "f 2 0 0.600" in page.words
    assert "m 2 0 0.900" in page.words
    assert "note" not in page.words  # one value only


def test_ages_are_cut_at_quartiles():
    groups = groups_of({f"{k}": {"age": 20 + k} for k in range(20)}, [f"{k}" for k in range(20)])
    assert [len(members) for members in groups["age"].values()] == [5, 5, 5, 5]
    assert next(iter(groups["age"])) == "20 to 24.75"


def test_names_of_many_values_are_no_groups():
    assert groups_of({f"{k}": {"name": f"n{k}"} for k in range(20)}, [f"{k}" for k in range(20)]) == {}


def test_reasons_of_several_metrics_are_one_row():
    records = [Record("a", "lung", m, nan, "the prediction is empty", "missed") for m in ("HD", "ASSD")]
    records.append(Record("a", "lung", "DICE", 0.0, presence="missed"))
    assert silent_cases(Results(records)) == [
        {"case": "a", "label": "lung", "what": "missed", "metrics": "HD, ASSD", "reason": "the prediction is empty"}
    ]


def test_a_dot_for_every_case_with_a_value():
    plot = distribution({"left": {"a": 0.5, "b": nan}, "right": {"a": 0.25, "b": 1.0}}, "DICE", (0, 1))
    assert plot.count("<circle") == 3
    assert "a: 0.5" in plot


def test_limits_of_agreement_by_hand():
    found = agreement_of([10, 12, 14, 20], [9, 12, 15, 16])
    difference = np.array([1, 0, -1, 4])
    assert found.bias == 1.0
    assert found.high - found.bias == pytest.approx(1.96 * difference.std(ddof=1))
    assert math.isnan(agreement_of([1], [2]).low)


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_few_and_inside(low, size):
    ticks = nice_ticks(low, low + size)
    assert len(ticks) <= 7
    assert all(low - 1e-6 * size <= t <= low + size * (1 + 1e-6) + 1e-6 for t in ticks)


@pytest.mark.parametrize("value", [0, 1e-9, 0.5, 99.5, 1e9, -3, math.inf, -math.inf, nan])
def test_numbers_are_short(value):
    assert 1 <= len(number(value)) <= 10


def test_dots_lie_where_their_values_are():
    frame = Frame((0, 10), (0, 1))
    assert frame.at_y(10) < frame.at_y(5) < frame.at_y(0)
    assert frame.at_y(99) == frame.at_y(10)


# Pictures


def painted(picture):
    return np.array(Image.open(io.BytesIO(base64.b64decode(picture.address.partition(",")[2]))))


def where(pixels, colour):
    rows, columns = np.nonzero((pixels == colour).all(axis=-1))
    return rows.mean() / pixels.shape[0], columns.mean() / pixels.shape[1]


@pytest.mark.parametrize("codes", ["RAS", "LPS", "SPR", "AIL"])
def test_the_right_hand_is_on_the_left_side_and_the_head_up(codes):
    ornt = nibabel.orientations.axcodes2ornt(codes)
    mask = np.zeros((20, 24, 28), bool)
    mask[14:18, 17:22, 19:26] = True  # right, front, up
    to = nibabel.orientations.ornt_transform(nibabel.orientations.axcodes2ornt("RAS"), ornt)
    turned = nibabel.orientations.apply_orientation(mask, to)
    affine = nibabel.orientations.inv_ornt_aff(to, mask.shape)
    pictures = three_planes(turned, turned, (1, 1, 1), affine=affine)
    assert [p.name.split(",")[0] for p in pictures] == ["sagittal", "coronal", "axial"]
    sagittal, coronal, axial = (where(painted(p), PREDICTION) for p in pictures)
    assert sagittal[0] < 0.5  # up
    assert sagittal[1] < 0.5  # the face to the left
    assert coronal[0] < 0.5
    assert coronal[1] < 0.5
    assert axial[0] < 0.5  # the face up
    assert axial[1] < 0.5
    number = int(pictures[0].name.rpartition(" ")[2])
    assert turned.take(number, codes.index("R") if "R" in codes else codes.index("L")).any()


def test_pixels_are_square_whatever_the_spacing():
    mask = np.zeros((10, 20, 40), bool)
    mask[5, 10, 20] = True
    picture = three_planes(mask, mask, (4.0, 2.0, 1.0))[0]
    assert picture.aspect == pytest.approx(1.0)
    assert painted(picture).shape[0] == painted(picture).shape[1]


def test_both_outlines_and_the_image_are_seen():
    a, b = np.zeros((2, 30, 30), bool)
    a[5:15, 5:15] = b[12:25, 12:25] = True
    pixels = painted(three_planes(a, b, (1, 1), image=np.arange(900.0).reshape(30, 30))[0])
    assert where(pixels, PREDICTION) < where(pixels, REFERENCE)
    assert len(np.unique(pixels[..., 0])) > 50


def test_the_slice_with_most_differences_is_shown():
    a, b = np.zeros((2, 5, 6, 7), bool)
    a[3] = True
    a[1, 2, 3] = b[1, 2, 3] = True
    assert planes_of(a, b)[0] == 3
    assert planes_of(b, b) == [1, 2, 3]


def test_worst_and_median_cases_are_shown_with_pictures(tmp_path):
    evaluator = SegmentationEvaluator(["DICE"], {1: "cube"})
    reference = np.zeros((12, 12, 12), np.uint8)
    reference[3:9, 3:9, 3:9] = 1
    for k in range(6):
        for name, values in (("p", np.roll(reference, k, 0)), ("r", reference)):
            nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / f"{name}{k}.nii.gz")
        evaluator.evaluate(str(tmp_path / f"p{k}.nii.gz"), str(tmp_path / f"r{k}.nii.gz"), f"case {k}")
    page = page_of(evaluator.results, tmp_path, labels={(1,): "cube"})
    assert sum(link.startswith("data:image/png") for link in page.links) == 12
    assert "cube, worst : case 5, DICE" in page.words
    assert "cube, median : case 2" in page.words


def test_arrays_have_no_pictures_but_a_note(tmp_path):
    page = page_of(results([0.9, 0.8]), tmp_path, labels={(1,): "lung"})
    assert "no file to show" in page.words


# Comparisons


def two(shift=0.1, n=12):
    base = np.random.default_rng(0).uniform(0.5, 0.8, n)
    noise = np.random.default_rng(1).normal(0, 0.01, n)
    return {"old": results(base), "new": results(base + shift + noise)}


def test_a_clear_difference_is_called_so(tmp_path):
    path = write_comparison(compare_results(two()), tmp_path / "c.html")
    page = Page(path.read_text(encoding="utf-8"))
    assert "new is better" in page.words
    assert "< 0.001" in page.words
    assert all(link.startswith("#") for link in page.links)


def test_chance_is_not_called_a_difference(tmp_path):
    page = Page(write_comparison(compare_results(two(0.0)), tmp_path / "c.html").read_text(encoding="utf-8"))
    assert "no clear difference" in page.words


def test_cases_that_only_one_has_are_named(tmp_path):
    named = two()
    named["new"].records.append(Record("only new", "lung", "DICE", 0.1))
    found = compare_results(named)
    assert found.left_out["new"] == ["only new"]
    assert "only new" in write_comparison(found, tmp_path / "c.html").read_text(encoding="utf-8")
