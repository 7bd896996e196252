"""What people see: error cards, configuration problems, tables, on a terminal and elsewhere."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest

from eisen._core.errors import ConfigError, Problem, ShapeError
from eisen.experiments import CheckReport, EpochRow, FieldReport, RunResult, StepReport
from eisen_cli.exit_codes import ExitCode
from eisen_cli.failures import report
from eisen_cli.show.cards import show_error, show_repairs
from eisen_cli.show.progress import RunDisplay, show_result
from eisen_cli.show.report import show_check
from eisen_cli.show.screen import Screen, plain
from eisen_cli.show.tables import ResultTable, duration, show_rows

from .conftest import Invoke, tiny_config


def shape_error() -> ShapeError:
    return ShapeError(
        "image has 3 axes",
        case="#12 (box_12.nii.gz)",
        file="/a/very/long/path/" + "folder/" * 20 + "box_12.nii.gz",
        step="step 3 of 7: Crop",
        to_do="add AddChannelDimension",
        reproduce="eisen check tiny.json --case 12",
    )


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """A screen that draws as for a terminal of 80 columns without colours; read it with `text_of`."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    screen, buffer = Screen(terminal=True), io.StringIO()
    for error in (False, True):
        screen.console(error=error).file = buffer
    return screen


def text_of(screen: Screen) -> str:
    """Return what is on the screen, without the codes that steer the cursor."""
    buffer = screen.console().file
    assert isinstance(buffer, io.StringIO)
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", buffer.getvalue())


def test_a_card_on_a_terminal_wraps_and_keeps_the_command_in_one_piece(terminal: Screen) -> None:
    show_error(terminal, shape_error(), ExitCode.DATA)
    text = text_of(terminal)
    assert "the data cannot be used" in text
    assert "step 3 of 7: Crop" in text
    assert "\n  eisen check tiny.json --case 12" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_card_elsewhere_is_plain_text_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    show_error(Screen(terminal=False), shape_error(), ExitCode.DATA)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: image has 3 axes\n")
    assert "     case  #12 (box_12.nii.gz)" in shown.err


def test_problems_show_the_line_with_a_caret_under_the_word(terminal: Screen, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text('{\n  "Training": {"feilds": ["image"]}\n}')
    problem = Problem("Training.feilds", "unknown section", "did you mean 'fields'?", str(path), 2, 16)
    show_error(terminal, ConfigError([problem]), ExitCode.CONFIG)
    lines = text_of(terminal).splitlines()
    source = next(i for i, line in enumerate(lines) if "│" in line)
    assert lines[source].index('"feilds"') == lines[source + 1].index("^" * 8)
    assert "did you mean 'fields'?" in "\n".join(lines)


@pytest.mark.parametrize("column", [3, 60, 200, 395])
def test_long_lines_are_cut_around_the_caret(terminal: Screen, tmp_path: Path, column: int) -> None:
    path = tmp_path / "c.json"
    words = " ".join(f"w{i:03d}" for i in range(80))
    path.write_text(words)
    show_error(terminal, ConfigError([Problem("x", "bad", "", str(path), 1, column)]), ExitCode.CONFIG)
    lines = text_of(terminal).splitlines()
    source = next(i for i, line in enumerate(lines) if "│" in line)
    caret = lines[source + 1].index("^")
    assert lines[source][caret] == words[column - 1]
    assert max(map(len, lines[source : source + 2])) <= 80


def test_problems_elsewhere_are_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    problems = [Problem("General.Models", "is empty", "one model", "c.json", 3, 5), Problem("Training", "is missing")]
    show_error(Screen(terminal=False), ConfigError(problems), ExitCode.CONFIG)
    assert capsys.readouterr().err.splitlines() == [
        "c.json:3:5 General.Models: is empty – one model",
        "Training: is missing",
        "error: 2 problems in the configuration",
    ]


def test_repairs_are_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    show_repairs(Screen(terminal=False), ["torch.optim.SDG is torch.optim.SGD"])
    assert capsys.readouterr().out == "understood: torch.optim.SDG is torch.optim.SGD\n"


def test_an_unexpected_error_is_a_card_and_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise ZeroDivisionError("division by zero")

    with pytest.raises(ZeroDivisionError) as caught:
        fail()
    assert report(Screen(terminal=False), caught.value) == 1
    shown = capsys.readouterr().err
    assert "ZeroDivisionError: division by zero" in shown
    assert "--debug" in shown
    assert "Traceback" not in shown
    report(Screen(terminal=False, debug=True), caught.value)
    assert "Traceback" in capsys.readouterr().err


def test_errors_are_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    report(Screen(terminal=False, json=True), shape_error())
    document = json.loads(capsys.readouterr().out)
    assert document["exit_code"] == 4
    assert document["error"]["case"] == "#12 (box_12.nii.gz)"
    report(Screen(terminal=False, json=True), KeyboardInterrupt())
    assert json.loads(capsys.readouterr().out)["exit_code"] == 130


def rows(epoch: int) -> list[EpochRow]:
    dice = {"dice": 0.5, "dice[liver]": 0.4, "dice[spleen]": 0.6}
    return [
        EpochRow("Training", epoch, {"loss": 1.25}, dice, 12.0, 8),
        EpochRow("Validation", epoch, {"loss": float("nan")}, dice, 2.0, 2),
    ]


def test_the_table_has_one_head_and_aligned_numbers(terminal: Screen) -> None:
    table = ResultTable(terminal, 80)
    for epoch in range(2):
        table.add(epoch, 12, rows(epoch), best=epoch == 1)
    lines = [line for line in text_of(terminal).splitlines() if line.strip()]
    heads = [line for line in lines if line.startswith("epoch")]
    assert len(heads) == 1
    assert heads[0].split() == ["epoch", "phase", "loss", "dice", "liver", "spleen", "time"]
    numbers = [line for line in lines if "Training" in line or "Validation" in line]
    end = heads[0].index("dice") + len("dice")
    assert all(line[:end].endswith("0.5000") for line in numbers)
    assert [line.rstrip().endswith("best") for line in numbers] == [False, False, False, True]
    assert max(map(len, lines)) <= 80


def test_a_table_that_is_too_wide_drops_classes_and_says_so(terminal: Screen) -> None:
    metrics = {"dice": 0.5, **{f"dice[organ number {i}]": 0.1 for i in range(9)}}
    ResultTable(terminal, 80).add(0, 3, [EpochRow("Training", 0, {"loss": 1.0}, metrics)])
    lines = text_of(terminal).splitlines()
    assert "too wide for this table" in text_of(terminal)
    assert max(len(line) for line in lines if "too wide" not in line) <= 80
    assert any(line.startswith("epoch") and "dice" in line and "loss" in line for line in lines)


def test_plain_rows_explain_themselves(capsys: pytest.CaptureFixture[str]) -> None:
    ResultTable(Screen(terminal=False), 80).add(0, 2, rows(0))
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("epoch 1/2  Training    loss 1.2500  dice 0.5000  dice[liver] 0.4000")
    assert "loss nan" in second


def test_a_bar_moves_and_goes_away(terminal: Screen) -> None:
    with RunDisplay(terminal) as display:
        for phase in ("Training", "Validation"):
            display.on_phase_start(phase, 0, 3)
            for done in (1, 2, 3):
                display.on_batch(done, 3)
        display.on_artifact(Path("best.pt"), "best model")
        display.on_epoch(0, 1, rows(0))
        display.on_message("a message")
    assert "best" in text_of(terminal)
    assert "a message" in text_of(terminal)


def test_the_end_says_where_everything_is(capsys: pytest.CaptureFixture[str]) -> None:
    best = {"epoch": 2, "phase": "Validation", "name": "mean metric", "value": 0.91}
    result = RunResult(best=best, n_epochs=3, artifacts=[(Path.cwd() / "a" / "best.pt", "best model")], seconds=95)
    show_result(Screen(terminal=False), result)
    text = capsys.readouterr().out
    assert "0.9100" in text
    assert "epoch 3" in text
    assert "a/best.pt" in text
    assert "3 epochs in 1:35 min" in text


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_report_shows_changed_fields_under_their_step(
    is_terminal: bool, terminal: Screen, capsys: pytest.CaptureFixture[str]
) -> None:
    image = FieldReport("image", "ndarray", (1, 8, 8, 4), "float32", 0.0, 12.5)
    steps = [
        StepReport(0, "case", "", [FieldReport("image", "str", text="a.nii.gz")]),
        StepReport(1, "Load", "Training.Readers[0]", [image]),
        StepReport(2, "Look", "", [FieldReport("image", "ndarray", (1, 8, 8, 4), "float32", changed=False)]),
    ]
    found = CheckReport("Training", "#0", 1, 1, steps, [image], [image], {"loss": 1.0}, {"dice": 0.5}, 1234, 2.0, 0.1)
    show_check(terminal if is_terminal else Screen(terminal=False), found, "VNet")
    text = text_of(terminal) if is_terminal else capsys.readouterr().out
    for words in ("1 case, 1 batch an epoch", "1×8×8×4", "0 … 12.5", "changed nothing", "1,234 trained parameters"):
        assert words in text


def test_rows_are_tables_on_a_terminal_and_columns_elsewhere(
    terminal: Screen, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = (["case", "liver"], [["a", "0.9"], ["b", "0.8"]])
    show_rows(terminal, *cells, right=[1])
    assert "liver" in text_of(terminal)
    show_rows(Screen(terminal=False), *cells, right=[1])
    assert capsys.readouterr().out == "case  liver\na       0.9\nb       0.8\n"


def test_numbers_that_are_none_are_null_in_json() -> None:
    document = plain({"value": float("inf"), "path": Path("a"), "list": (1, float("nan"))})
    assert document == {"value": None, "path": "a", "list": [1, None]}


def test_durations_are_said_as_people_say_them() -> None:
    assert [duration(s) for s in (0.04, 59.4, 60, 3600)] == ["0.0 s", "59 s", "1:00 min", "1:00 h"]


def test_a_bad_configuration_shows_all_problems_with_their_lines(invoke: Invoke, config: Path, task: Path) -> None:
    broken = tiny_config()
    broken["General"]["Models"][0]["params"]["n_filtres"] = 2
    broken["Training"]["Transforms"][2]["type"] = "eisen.transforms.CropCentredSubVolumes"
    broken["Validation"]["Losses"][0] = {"type": "torch.optim.Adam", "params": {}}
    config.write_text(json.dumps(broken, indent=2))
    done = invoke("train", config, "--data_dir", task)
    assert done.exit_code == 3
    assert "Traceback" not in done.stderr
    problems = [line for line in done.stderr.splitlines() if line.startswith(f"{config}:")]
    assert len(problems) >= 3
    lines = config.read_text(encoding="utf-8").splitlines()
    for word in ("n_filtres", "CropCentredSubVolumes"):
        line = next(problem for problem in problems if word in problem)
        assert word in lines[int(line.removeprefix(f"{config}:").partition(":")[0]) - 1]
    document = json.loads(invoke("train", config, "--data_dir", task, "--json").stdout)
    assert len(document["problems"]) == len(problems)


def test_a_configuration_that_is_not_there_is_named(invoke: Invoke, tmp_path: Path) -> None:
    done = invoke("train", tmp_path / "no.json")
    assert done.exit_code in (2, 3, 4)
    assert "no.json" in done.stderr


def test_a_missing_scan_names_case_file_and_the_command_to_see_it_again(
    invoke: Invoke, config: Path, task: Path, tmp_path: Path
) -> None:
    import shutil

    broken = shutil.copytree(task, tmp_path / "broken")
    for path in (broken / "imagesTr").glob("*"):
        path.unlink()
    done = invoke("train", config, 1, "--data_dir", broken, "--artifact_dir", tmp_path / "out")
    assert done.exit_code == 4
    for words in ("case  #", "box_", "step", "eisen check"):
        assert words in done.stderr
