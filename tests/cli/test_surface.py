"""The command line as a whole: names, help, exit codes, and what importing it costs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from eisen_cli import exit_codes
from eisen_cli.main import COMMANDS, cli

from .conftest import Invoke


def in_fresh_python(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def test_help_loads_nothing_heavy() -> None:
    program = """
import sys
from eisen_cli.main import cli
try:
    cli(["--help"])
except SystemExit:
    pass
heavy = {"torch", "matplotlib", "scipy", "numpy", "pydantic", "rich", "nibabel", "tensorboard"}
print("HEAVY", *(heavy & set(sys.modules)))
"""
    assert in_fresh_python(program).endswith("HEAVY")


def test_help_names_every_command_and_exit_code(invoke: Invoke) -> None:
    text = invoke("--help").stdout
    assert all(f"  {name} " in text for name in COMMANDS)
    assert all(f"{code.value}  {code.meaning}" in text for code in exit_codes.ExitCode)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_and_speaks_json(name: str, invoke: Invoke) -> None:
    done = invoke(name, "--help")
    assert done.exit_code == 0
    assert "--json" in done.stdout
    assert "--debug" in done.stdout


def test_version(invoke: Invoke) -> None:
    from eisen import __version__

    assert invoke("-V").stdout == invoke("--version").stdout == f"eisen {__version__}\n"


def test_python_m_is_the_same_program() -> None:
    done = subprocess.run([sys.executable, "-m", "eisen_cli", "-V"], capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("eisen ")


def test_a_wrong_command_line_exits_with_2(invoke: Invoke) -> None:
    assert invoke("trian").exit_code == 2
    assert invoke("train").exit_code == 2
    assert invoke("train", "a.json", "many").exit_code == 2


def test_the_names_of_the_original_work() -> None:
    import eisen_cli
    from eisen_cli.train import eisen_training
    from eisen_cli.train.train import SUPPORTED_PHASES
    from eisen_cli.train.train import eisen_training as same
    from eisen_cli.utils import import_string, json_file_to_dict

    assert isinstance(cli, click.Group)
    assert isinstance(eisen_cli.train, click.Command)
    assert isinstance(eisen_cli.validate, click.Command)
    assert isinstance(eisen_cli.test, click.Command)
    assert eisen_training is same
    assert SUPPORTED_PHASES == ["Training", "Validation"]
    assert callable(json_file_to_dict)
    assert import_string("json.dumps") is json.dumps


def test_import_string_says_what_is_wrong() -> None:
    from eisen_cli.utils import import_string

    with pytest.raises(ImportError, match="not a dotted path"):
        import_string("json")
    with pytest.raises(ImportError, match="no attribute 'dump_it'"):
        import_string("json.dump_it")
    with pytest.raises(ModuleNotFoundError):
        import_string("jsson.dumps")


def test_json_file_to_dict_reads_a_file(tmp_path: Path) -> None:
    from eisen_cli.utils import json_file_to_dict

    (tmp_path / "a.json").write_text('{"General": {}}')
    assert json_file_to_dict(tmp_path / "a.json") == {"General": {}}
    with pytest.raises(FileNotFoundError):
        json_file_to_dict(tmp_path / "b.json")


@pytest.mark.parametrize(("shell", "sign"), [("bash", "complete -o"), ("zsh", "#compdef eisen"), ("fish", "complete ")])
def test_completion_scripts_are_printed(shell: str, sign: str, invoke: Invoke) -> None:
    done = invoke("completion", shell)
    assert done.exit_code == 0
    assert sign in done.stdout
    assert "_EISEN_COMPLETE" in done.stdout


def test_completion_offers_commands_and_options() -> None:
    from click.shell_completion import BashComplete

    complete = BashComplete(cli, {}, "eisen", "_EISEN_COMPLETE")
    assert [item.value for item in complete.get_completions([], "va")] == ["validate"]
    assert "--data_dir" in [item.value for item in complete.get_completions(["train"], "--da")]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--resume"], True),
        (["--resume", "true"], True),
        (["--resume=false"], False),
        (["--resume", "no"], False),
        ([], False),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_resume_works_with_and_without_a_value(words: list[str], expected: bool, first: bool) -> None:
    import eisen_cli

    line = [*words, "some.json", "3"] if first else ["some.json", "3", *words]
    context = eisen_cli.train.make_context("train", line)
    assert context.params["resume"] is expected
    assert context.params["configuration"] == Path("some.json")
    assert context.params["epochs"] == 3


def test_both_spellings_of_the_folders_work() -> None:
    import eisen_cli

    for spelling in ("--data_dir", "--data-dir"):
        context = eisen_cli.train.make_context("train", ["c.json", spelling, "here"])
        assert context.params["data_dir"] == Path("here")
    for spelling in ("--artifact_dir", "--artifact-dir"):
        context = eisen_cli.train.make_context("train", ["c.json", spelling, "there"])
        assert context.params["artifact_dir"] == Path("there")
