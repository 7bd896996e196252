"""``eisen call`` as one types it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from eisen_cli.main import cli

from .client_servers import MASK, WARNING, WireServer, wire_server

SECRET = "a-token-that-nobody-shall-see"


@pytest.fixture
def server() -> Iterator[WireServer]:
    with wire_server() as server:
        yield server


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder the commands are typed in, with three images, one of which is bad."""
    monkeypatch.chdir(tmp_path)
    for name, content in (("a.nii.gz", b"\x1f\x8b a"), ("b.nii.gz", b"\x1f\x8b b"), ("bad.nii.gz", b"bad voxels")):
        (tmp_path / name).write_bytes(content)
    return tmp_path


def call(*words: Any) -> Result:
    return CliRunner().invoke(cli, ["call", *map(str, words)], prog_name="eisen")


def test_without_an_image_it_shows_the_model(server: WireServer) -> None:
    done = call(server.url)
    assert done.exit_code == 0, done.output
    for text in ("toy 1.0", "answers with a label map", "image_affine", "any × any × any", "posterior  #3cb44b"):
        assert text in done.stdout
    document = json.loads(call(server.url, "--json").stdout)
    assert (document["status"], document["url"]) == ("ok", server.url)
    assert document["metadata"]["inputs"][0]["name"] == "image"


def test_a_file_in_and_a_file_out(server: WireServer, place: Path) -> None:
    done = call(server.url, "a.nii.gz", "-o", "mask.nii.gz")
    assert done.exit_code == 0, done.output
    assert Path("mask.nii.gz").read_bytes() == MASK
    assert "a.nii.gz → mask.nii.gz  250.0 kB" in done.stdout
    assert f"warning: {WARNING}" in done.stdout
    done = call(server.url, "a.nii.gz", "-o", "mask.nrrd", "--probabilities", "--json")
    (row,) = json.loads(done.stdout)["answers"]
    assert (row["status"], row["output"], row["bytes"]) == ("ok", "mask.nrrd", len(MASK))
    assert (row["warnings"], row["model"]) == ([WARNING], "toy/1.0")
    assert server.seen[-1][0]["Accept"] == "application/x-nrrd; content=probabilities"


def test_without_an_output_it_shows_a_summary(server: WireServer, place: Path) -> None:
    done = call(server.url, "a.nii.gz")
    assert done.exit_code == 0, done.output
    assert "anterior    1.61" in done.stdout
    assert done.stdout.count(WARNING) == 1
    (row,) = json.loads(call(server.url, "a.nii.gz", "--json").stdout)["answers"]
    assert row["answer"]["volumes_ml"]["posterior"] == 1.48
    done = call(server.url, "a.nii.gz", "--format", "nrrd")
    assert done.exit_code != 0
    assert "name one with -o" in done.stderr


def test_an_output_that_is_there_is_not_replaced_unless_allowed(server: WireServer, place: Path) -> None:
    Path("mask.nii.gz").write_bytes(b"old")
    done = call(server.url, "a.nii.gz", "-o", "mask.nii.gz")
    assert done.exit_code == 5
    assert "allow it with --overwrite" in done.stderr
    assert (Path("mask.nii.gz").read_bytes(), server.seen) == (b"old", [])
    assert call(server.url, "a.nii.gz", "-o", "mask.nii.gz", "--overwrite").exit_code == 0
    assert Path("mask.nii.gz").read_bytes() == MASK


def test_several_images_one_after_the_other(server: WireServer, place: Path) -> None:
    done = call(server.url, "a.nii.gz", "bad.nii.gz", "b.nii.gz", "-o", "masks")
    assert done.exit_code == 4
    assert sorted(path.name for path in Path("masks").iterdir()) == ["a.nii.gz", "b.nii.gz"]
    assert "2 of 3 images predicted, 2 with warnings" in done.stdout
    assert "too many axes" in done.stderr
    assert "3 axes; got 5 axes" in done.stderr
    document = json.loads(call(server.url, "bad.nii.gz", "b.nii.gz", "-o", "masks", "--overwrite", "--json").stdout)
    assert document["status"] == "failed"
    assert [row["status"] for row in document["answers"]] == ["failed", "ok"]


def test_a_second_run_sends_nothing_that_is_there_already(server: WireServer, place: Path) -> None:
    call(server.url, "a.nii.gz", "b.nii.gz", "-o", "masks")
    n = len(server.seen)
    assert call(server.url, "a.nii.gz", "b.nii.gz", "-o", "masks").exit_code == 5
    assert len(server.seen) == n


def test_images_are_never_replaced_by_their_masks(server: WireServer, place: Path) -> None:
    done = call(server.url, "a.nii.gz", "b.nii.gz", "-o", ".", "--overwrite")
    assert done.exit_code == 3
    assert "take the place of a.nii.gz" in done.stderr
    assert Path("a.nii.gz").read_bytes() == b"\x1f\x8b a"


def test_several_images_for_one_prediction(server: WireServer, place: Path) -> None:
    done = call(server.url, "t1=a.nii.gz", "t2=b.nii.gz", "--json")
    (row,) = json.loads(done.stdout)["answers"]
    assert [part[0] for part in row["answer"]["parts"]] == ["t1", "t2"]
    Path("x=1.nii.gz").write_bytes(b"1")
    assert call(server.url, "x=1.nii.gz", "-o", "out.nii.gz").exit_code == 0, "a file whose name has a sign in it"


def test_a_folder_by_its_slash(server: WireServer, place: Path) -> None:
    assert call(server.url, "a.nii.gz", "-o", "masks/").exit_code == 0
    assert Path("masks/a.nii.gz").read_bytes() == MASK


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["t1=a.nii.gz", "b.nii.gz"], "name the field of every image"),
        (["t1=a.nii.gz", "t1=b.nii.gz"], "a field has two images"),
        (["a.nii.gz", "b.nii.gz", "-o", "mask.nii.gz"], "several images need a folder"),
        (["a.nii.gz", "bad.nii.gz", "-o", "a.nii.gz"], "several images need a folder"),
        (["a.nii.gz", "-o", "mask"], "mask.nii.gz, or mask/ for a folder"),
        (["a.nii.gz", "--probabilities"], "needs a file to write"),
        (["a.nii.gz", "--token", "x", "--token-file", "y"], "exclude each other"),
        (["a.nii.gz", "sub/a.nii.gz", "-o", "masks"], "2 images are called a"),
    ],
)
def test_wrong_words(place: Path, words: list[str], text: str) -> None:
    done = call("http://127.0.0.1:1/predictions/toy", *words)
    assert done.exit_code == 2
    assert text in done.stderr


def test_the_address_comes_first(place: Path) -> None:
    done = call("a.nii.gz", "http://127.0.0.1:1/predictions/toy")
    assert done.exit_code == 2
    assert "the address of the model comes first" in done.stderr


def test_the_only_model_of_a_server_is_found(server: WireServer, place: Path) -> None:
    assert "toy 1.0" in call(server.root).stdout
    assert "toy 1.0" in call(f"{server.root}/", "--model", "toy").stdout
    server.models = ["toy", "liver"]
    done = call(server.root)
    assert done.exit_code == 3
    assert "serves 2 models: toy, liver" in done.stderr
    assert "Model not found: kidney" in call(server.root, "--model", "kidney").stderr
    assert "is the address of a model already" in call(server.url, "--model", "toy").stderr


def test_the_token_comes_from_a_file_or_the_environment(
    server: WireServer, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.token = SECRET
    done = call(server.url)
    assert done.exit_code == 1
    assert "the server wants a token" in done.stderr
    Path("key").write_text(f"{SECRET}\n", encoding="utf-8")
    Path("key_file.json").write_text(json.dumps({"inference": {"key": SECRET}}), encoding="utf-8")
    for words in (["--token-file", "key"], ["--token-file", "key_file.json"], ["--token", SECRET]):
        done = call(server.url, *words)
        assert done.exit_code == 0, done.output
        assert SECRET not in done.output
    monkeypatch.setenv("EISEN_TOKEN", SECRET)
    assert call(server.url).exit_code == 0
    wrong = call(server.url, "a.nii.gz", "b.nii.gz", "-o", "masks", "--token", "wrong")
    assert "does not accept this token" in wrong.stderr
    assert "1 more were not sent" in wrong.stderr


def test_a_server_that_is_not_there(place: Path) -> None:
    done = call("http://127.0.0.1:9/predictions/toy", "a.nii.gz", "-o", "mask.nii.gz", "--retries", 0)
    assert done.exit_code == 1
    assert "nobody listens at http://127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.output
    document = json.loads(call("http://127.0.0.1:9/predictions/toy", "--retries", 0, "--json").stdout)
    assert document["error"]["type"] == "UnreachableError"


def test_compression_and_time_are_passed_on(server: WireServer, place: Path) -> None:
    Path("a.nii").write_bytes(bytes(100_000))
    assert call(server.url, "a.nii", "-o", "mask.nii", "--compress", "zstd").exit_code == 0
    assert server.seen[-1][0]["Content-Encoding"] == "zstd"
    done = call(server.url, "--timeout", 0)
    assert done.exit_code == 3
    assert "there is always a limit" in done.stderr


def test_on_a_terminal_there_is_a_bar(server: WireServer, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from eisen_cli.show.screen import Screen

    monkeypatch.setattr(Screen, "terminal", True)
    done = CliRunner().invoke(cli, ["call", server.url, "a.nii.gz", "-o", "m.nii.gz"], obj=Screen(terminal=True))
    assert done.exit_code == 0, done.output
    assert "sending a.nii.gz" in done.stdout
