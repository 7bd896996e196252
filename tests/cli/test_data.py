"""``eisen data check``: what people see, what programs read, and the exit code."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from click.testing import Result

from eisen.datasets.doctor import KINDS
from eisen_cli.main import cli
from eisen_cli.show.screen import Screen

from .conftest import Invoke, tiny_config

DOCS = Path(__file__).parents[2] / "docs" / "data-check.md"


@pytest.fixture
def spoiled(task: Path, tmp_path: Path) -> Path:
    """The tiny task with an empty label, and a case whose name is made of HTML."""
    folder = Path(shutil.copytree(task, tmp_path / "task"))
    image = nibabel.load(folder / "labelsTr/box_1.nii.gz")
    nibabel.Nifti1Image(np.zeros(image.shape, "uint8"), image.affine).to_filename(folder / "labelsTr/box_1.nii.gz")
    evil = "<b onload=x>&amp;.nii.gz"
    for sub in ("imagesTr", "labelsTr"):
        (folder / sub / "box_2.nii.gz").rename(folder / sub / evil)
    listing = folder / "dataset.json"
    listing.write_text(listing.read_text(encoding="utf-8").replace("box_2.nii.gz", evil))
    return folder


def terminal(*words: object) -> Result:
    from click.testing import CliRunner

    return CliRunner(env={"COLUMNS": "100"}).invoke(cli, [str(word) for word in words], obj=Screen(terminal=True))


def test_clean_data_end_well(task: Path, invoke: Invoke) -> None:
    done = invoke("data", "check", task)
    assert done.exit_code == 0
    assert "decathlon task (dataset.json): 4 training, 1 test" in done.stdout
    assert re.search(r"label\s+1  box\s+4  0\.45 ml", done.stdout)
    assert done.stdout.rstrip().endswith("no findings: nothing speaks against training")


def test_an_error_is_told_with_case_and_advice_and_ends_with_4(spoiled: Path, invoke: Invoke) -> None:
    done = invoke("data", "check", spoiled)
    assert done.exit_code == 4
    assert "error: the label has no labelled voxel [label-empty]" in done.stdout
    assert re.search(r"box_1 label: all [\d,]+ voxels are 0", done.stdout)
    assert "to do: label the case" in done.stdout
    assert "1 error: training should not go on" in done.stdout


def test_a_terminal_gets_colours_and_wrapped_lines(spoiled: Path) -> None:
    done = terminal("data", "check", spoiled)
    assert done.exit_code == 4
    plain = re.sub(r"\x1b\[[\d;]*m", "", done.stdout)
    assert plain != done.stdout
    assert "error    the label has no labelled voxel" in plain
    assert max(map(len, plain.partition("error ")[2].splitlines())) <= 100


def test_many_findings_of_a_kind_are_counted(task: Path, tmp_path: Path, invoke: Invoke) -> None:
    folder = Path(shutil.copytree(task, tmp_path / "task"))
    for path in [*(folder / "labelsTr").iterdir(), *(folder / "imagesTr").iterdir()]:
        path.unlink()
    done = invoke("data", "check", folder)
    assert "(8 times)" in done.stdout
    assert "and 3 more" in done.stdout


def test_strict_lets_warnings_count(task: Path, tmp_path: Path, invoke: Invoke) -> None:
    folder = Path(shutil.copytree(task, tmp_path / "task"))
    for sub in ("imagesTr", "labelsTr"):
        shutil.copyfile(folder / sub / "box_0.nii.gz", folder / sub / "box_1.nii.gz")
    assert invoke("data", "check", folder).exit_code == 0
    done = invoke("data", "check", folder, "--strict", "--json", "-")
    assert done.exit_code == 4
    assert json.loads(done.stdout)["status"] == "failed"


@pytest.mark.parametrize("words", [["--json", "-"], ["--json"]])
def test_json_on_stdout_is_one_document(words: list[str], spoiled: Path, invoke: Invoke) -> None:
    done = invoke("data", "check", spoiled, *words)
    document = json.loads(done.stdout)
    assert {"schema", "status", "n_cases", "phases", "counts", "codes", "findings", "labels", "fields", "cases"} <= set(
        document
    )
    assert document["schema"] == "eisen.data-check/1"
    assert document["codes"] == {"label-empty": 1}
    (found,) = document["findings"]
    assert {"code", "severity", "case", "file", "field", "what", "to_do"} <= set(found)
    assert "training should not go on" in done.stderr


def test_json_to_a_file_leaves_the_screen_to_people(task: Path, tmp_path: Path, invoke: Invoke) -> None:
    done = invoke("data", "check", task, "--json", tmp_path / "report.json")
    assert "no findings" in done.stdout
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["status"] == "ok"


class Page(HTMLParser):
    """Collects tags, and whatever would be fetched from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href") or name.startswith("on")]


def test_the_html_report_stands_alone_and_escapes_names(spoiled: Path, tmp_path: Path, invoke: Invoke) -> None:
    done = invoke("data", "check", spoiled, "--html", tmp_path / "report.html")
    assert done.exit_code == 4
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    assert page.links == []
    assert not {"script", "link", "iframe", "img"} & set(page.tags)
    assert set(re.findall(r"url\((.{4})", text)) == {"data"}
    assert "&lt;b onload=x&gt;&amp;amp;" in text
    assert "<b onload" not in text
    assert text.count("data:image/png;base64,") == 5
    assert page.tags.count("svg") == 4


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["nowhere"], 4, "does not exist"),
        (["."], 4, "holds no case"),
        (["{task}", "--html", "no/folder/report.html"], 5, "there is no folder"),
        (["{task}", "--group", "("], 3, "regular expression"),
        (["{task}", "--jobs", "0"], 2, "jobs"),
        ([], 2, "CONFIG_FOLDER_OR_STORE"),
    ],
)
def test_wrong_input_ends_with_a_card_and_its_exit_code(
    words: list[str], code: int, says: str, task: Path, tmp_path: Path, monkeypatch: Any, invoke: Invoke
) -> None:
    monkeypatch.chdir(tmp_path)
    done = invoke("data", "check", *(word.format(task=task) for word in words))
    assert done.exit_code == code
    assert says in done.stderr


def test_an_error_is_json_too(invoke: Invoke) -> None:
    done = invoke("data", "check", "nowhere", "--json", "-")
    assert json.loads(done.stdout)["exit_code"] == 4


def test_a_configuration_is_looked_through(task: Path, config: Path, invoke: Invoke) -> None:
    done = invoke("data", "check", config, "--data-dir", task)
    assert done.exit_code == 0
    assert "2 Training, 2 Validation, 2 Testing, 1 Prediction" in done.stdout


def test_a_leak_in_a_configuration_is_an_error(task: Path, tmp_path: Path, invoke: Invoke) -> None:
    document = tiny_config()
    document["Validation"]["Datasets"][0]["params"]["split"] = "train"
    (tmp_path / "leak.json").write_text(json.dumps(document))
    done = invoke("data", "check", tmp_path / "leak.json", "--data-dir", task, "--headers-only")
    assert done.exit_code == 4
    assert "the file is in Training and in Validation" in done.stdout


@pytest.mark.parametrize("command", [("data", "check"), ("schema",), ("modules",)])
def test_examples_in_help_keep_their_lines(command: tuple[str, ...], invoke: Invoke) -> None:
    text = invoke(*command, "--help").stdout
    assert "\\b" not in text
    assert re.search(rf"^  +eisen {' '.join(command)} .+$", text, re.MULTILINE)


def test_the_page_explains_every_code() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (\w+) \| (.+) \| (.+) \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [(kind.code, kind.severity.value, kind.meaning, kind.to_do) for kind in KINDS.values()]
