"""`eisen inspect` and `eisen keys`: everything is shown, nothing is run, and what is wrong ends with exit code 4."""

from __future__ import annotations

import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from eisen._core.errors import CorruptFileError
from eisen_cli.main import cli
from eisen_cli.show.inspection import printable, show_inspection
from eisen_cli.show.screen import Screen
from eisen_deploy.packaging import EisenServingMAR, create_metadata
from eisen_deploy.packaging.archive import write_archive
from eisen_deploy.packaging.contents import HANDLER_TEXT
from eisen_deploy.packaging.inspecting import inspect_archive
from eisen_deploy.packaging.keys import KeyFiles, make_keys
from eisen_deploy.packaging.layout import GoldenCase, Label, ModelInput, Package, write_package
from eisen_deploy.packaging.pickles import is_risky, pickle_facts
from eisen_deploy.packaging.signing import sign
from tests.deploy.hostile.builder import build
from tests.deploy.hostile.corpus import CORPUS, good

MODEL = {"modelName": "hippocampus", "modelVersion": "1.0", "handler": "handlers.py"}
LABELS = [Label(0, "background", "#000000"), Label(1, "anterior", "#e6550d")]
GOLDEN = GoldenCase({"image": "golden/0/image.npy"}, "golden/0/output.npy", 0.01)
PACKAGE = Package(
    "hippocampus",
    "1.0",
    "labels",
    [ModelInput("image")],
    ["weights/0.safetensors"],
    labels=LABELS,
    golden=[GOLDEN],
    made_with={"eisen": "1.0.0", "torch": "2.15"},
)
METADATA = create_metadata(["image"], ["ndarray"], [[-1, -1, -1]], ["labels"], ["ndarray"], [[-1, -1, -1]])


def array(value: Any) -> bytes:
    sink = io.BytesIO()
    np.save(sink, value)
    return sink.getvalue()


def members(**more: bytes) -> dict[str, bytes | Path]:
    return {
        "package.json": write_package(PACKAGE),
        "metadata.json": json.dumps(METADATA).encode(),
        "handlers.py": HANDLER_TEXT.encode(),
        "weights/0.safetensors": (0x280).to_bytes(8, "little") + b"{}" + bytes(700),
        "golden/0/image.npy": array(np.zeros((2, 3))),
        "golden/0/output.npy": array(np.zeros((2, 3))),
        "MODEL_CARD.md": b"# Hippocampus\n\nFor **research**.\n",
        **more,
    }


def write(path: Path, content: dict[str, bytes | Path], **model: str) -> Path:
    write_archive(path, content, manifest={"runtime": "python", "model": {**MODEL, **model}}, overwrite=True)
    return path


@pytest.fixture
def safe(tmp_path: Path) -> Path:
    return write(tmp_path / "safe.mar", members())


@pytest.fixture
def keys(tmp_path: Path) -> KeyFiles:
    return make_keys(tmp_path / "clinic")


def call(*arguments: object, **how: Any) -> Result:
    return CliRunner().invoke(cli, [str(each) for each in arguments], **how)


class Canary:
    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.place / "pickle-was-run"),)


# ---- what is found ---------------------------------------------------------------------------------------------------


def test_a_safe_package_is_safe(safe: Path) -> None:
    found = inspect_archive(safe)
    assert (found.kind, found.name, found.version, found.code, found.pickles) == ("safe", "hippocampus", "1.0", [], {})
    assert found.package == PACKAGE
    assert found.metadata == METADATA
    assert found.card.startswith("# Hippocampus")
    assert (found.digests.state, found.signature.state, found.is_right, found.notes) == ("right", "absent", True, [])
    assert len(found.members) == len(members()) + 2


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"handlers.py": b"import os"}, "code"),
        ({"helper.py": b""}, "code"),
        ({"lib.so": b""}, "code"),
        ({"__pycache__/handlers.cpython-311.pyc": b""}, "code"),
        ({"package.json": b"{}"}, "code"),
        ({"package.json": write_package(PACKAGE).replace(b"{", b'{"name": "liver",', 1)}, "code"),
        ({"tform.pkl": pickle.dumps(1)}, "pickles"),
        ({"model.pt": b"PK\x03\x04 damaged"}, "pickles"),
        ({"notes.txt": pickle.dumps([1, 2])}, "pickles"),
        ({"golden/1/x.npy": b"\x93NUMPY\1\0v\0{'descr': '|O', 'shape': ()}\n" + pickle.dumps(1)}, "pickles"),
        ({"weights/x.safetensors": pickle.dumps({"a": 1})}, "pickles"),
    ],
)
def test_anything_else_is_not(more: dict[str, bytes], kind: str, tmp_path: Path) -> None:
    assert inspect_archive(write(tmp_path / "x.mar", members(**more))).kind == kind


def test_contradictions_are_noted(tmp_path: Path) -> None:
    content = members()
    del content["golden/0/output.npy"]
    found = inspect_archive(write(tmp_path / "x.mar", content, modelName="liver"))
    assert found.notes == [
        "package.json calls the model hippocampus 1.0, the manifest does not",
        "package.json names golden/0/output.npy, which is not there",
    ]
    found = inspect_archive(write(tmp_path / "x.mar", members(**{"metadata.json": b"[", "package.json": b"{}"})))
    assert [note.partition(":")[0] for note in found.notes] == [
        "package.json is not that of a package",
        "metadata.json is not JSON",
    ]


def test_a_package_of_the_original_kind_names_what_its_pickles_import(tmp_path: Path) -> None:
    import torch

    mar = EisenServingMAR(lambda data: data, lambda data: dict(data), METADATA)
    mar.pack(torch.nn.Sequential(torch.nn.Linear(2, 1)), tmp_path, "old", "2.0")
    found = inspect_archive(tmp_path / "old.mar")
    assert (found.kind, found.name, found.version, found.code, found.digests.state) == (
        "pickles",
        "old",
        "2.0",
        [],
        "right",
    )
    assert set(found.pickles) == {"model.pt", "pre_process_tform.pkl", "post_process_tform.pkl"}
    assert "torch.nn.modules.linear.Linear" in found.pickles["model.pt"].names
    assert "dill._dill._create_function" in found.pickles["pre_process_tform.pkl"].names
    assert all(facts.is_complete for facts in found.pickles.values())


@pytest.mark.parametrize("with_model", [True, False])
def test_archives_of_the_model_archiver_are_read(with_model: bool, tmp_path: Path) -> None:
    import torch

    (tmp_path / "mine.py").write_text("def handle(data, context): return data", encoding="utf-8")
    (tmp_path / "extra").mkdir()
    (tmp_path / "extra" / "labels.json").write_text("{}", encoding="utf-8")
    torch.save(torch.nn.Linear(1, 1), tmp_path / "model.pt")
    arguments = ["--model-name", "tma", "--version", "1.0", "--handler", "mine.py", "--extra-files", "extra"]
    arguments += ["--serialized-file", "model.pt"] if with_model else []
    program = [sys.executable, "-m", "model_archiver.model_packaging", *arguments, "--export-path", "."]
    (tmp_path / "tmp").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    subprocess.run(program, cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=60)
    found = inspect_archive(tmp_path / "tma.mar")
    assert (found.kind, found.name, found.code) == ("pickles" if with_model else "code", "tma", ["mine.py"])
    assert found.digests.state == "absent"
    assert "labels.json" in [member.name for member in found.members]


@pytest.mark.parametrize("name", [name for name in CORPUS if "bomb" not in name])
def test_hostile_archives_end_in_an_error_and_run_nothing(name: str, tmp_path: Path) -> None:
    (tmp_path / "x.mar").write_bytes(CORPUS[name][0](tmp_path))
    with pytest.raises(CorruptFileError):
        inspect_archive(tmp_path / "x.mar")
    assert [path.name for path in tmp_path.iterdir()] == ["x.mar"]


def test_nothing_is_run_or_imported(tmp_path: Path) -> None:
    """In a fresh Python: an archive whose handler, pickle and array of objects would leave a trace; no torch."""
    content = members(
        **{"handlers.py": f"open({str(tmp_path / 'code-was-run')!r}, 'w')".encode()},
        **{"x.pkl": pickle.dumps(Canary(tmp_path))},
        **{"y.npy": array(np.array([Canary(tmp_path)], dtype=object))},
    )
    path = write(tmp_path / "x.mar", content)
    program = (
        "import sys; from eisen_deploy.packaging.inspecting import inspect_archive\n"
        f"found = inspect_archive({str(path)!r})\n"
        "print(found.kind, sorted(found.pickles), [m for m in ('torch', 'dill', 'starlette') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "pickles ['x.pkl', 'y.npy'] []"
    assert [path.name for path in tmp_path.iterdir()] == ["x.mar"]


# ---- pickles ---------------------------------------------------------------------------------------------------------


def facts(content: bytes, name: str = "x.pkl") -> Any:
    return pickle_facts(name, io.BytesIO(content))


@pytest.mark.parametrize("protocol", range(6))
def test_imports_are_found_in_every_protocol(protocol: int, tmp_path: Path) -> None:
    found = facts(pickle.dumps({"a": [Canary(tmp_path), 1]}, protocol))
    assert found.names == (f"{os.mkdir.__module__}.mkdir",)
    assert found.is_complete
    assert is_risky(found.names[0])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b"cos\nsystem\n(S'id'\ntR.", ("os.system",)),
        (b"(S'id'\nios\nsystem\n.", ("os.system",)),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.", ("os.system",)),
        (b"\x80\x04\x8c\x02os\x94\x8c\x06system\x940h\x00h\x01\x93.", ("os.system",)),  # through the memo
        (b"\x80\x04\x8c\x02os\x8c\x01x0\x8c\x06system\x93.", ("os.system",)),  # something in between is dropped
        (b"\x80\x04(\x8c\x01a1\x8c\x02os\x8c\x06system\x93.", ("os.system",)),  # so is a mark
        (b"\x80\x04\x8c\x02os2\x93.", ("os.os",)),  # twice the same
        (b"\x80\x04\x8c\x02os\x8c\x01a\x8c\x01b\x86R\x93.", ("?",)),  # computed while loading
        (b"\x80\x02\x82\x01.", ("?",)),  # from the registry of copyreg
    ],
)
def test_imports_are_found_however_they_are_written(content: bytes, names: tuple[str, ...]) -> None:
    assert facts(content).names == names
    assert is_risky(names[0])


def test_imports_are_found_in_models_of_torch_old_and_new() -> None:
    import torch

    for new in (True, False):
        sink = io.BytesIO()
        torch.save(torch.nn.Conv3d(1, 1, 3), sink, _use_new_zipfile_serialization=new)
        found = facts(sink.getvalue(), "model.bin")
        assert "torch.nn.modules.conv.Conv3d" in found.names
        assert found.is_complete


def test_a_second_pickle_behind_the_first_is_found(tmp_path: Path) -> None:
    assert facts(pickle.dumps(1) + pickle.dumps(Canary(tmp_path))).names == (f"{os.mkdir.__module__}.mkdir",)


def test_pickles_in_archives_in_archives_are_found(tmp_path: Path) -> None:
    inner, outer = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Canary(tmp_path)))
    with zipfile.ZipFile(outer, "w") as archive:
        archive.writestr("sample_inputs/model.pt", inner.getvalue())
    assert facts(outer.getvalue(), "model.pt2").names == (f"{os.mkdir.__module__}.mkdir",)


@pytest.mark.parametrize(
    "content",
    [b"", b"garbage", b"\x80\x04\x8d" + b"\xff" * 8, b"\x80\x04", b"PK\x03\x04", b"0" * 100, b"\x80\x04h\x05.", b"e."],
)
def test_what_promises_to_be_a_pickle_and_cannot_be_read_is_said(content: bytes) -> None:
    assert facts(content).is_complete is False


def test_no_number_in_a_pickle_costs_memory_or_time(monkeypatch: pytest.MonkeyPatch) -> None:
    import tracemalloc

    tracemalloc.start()
    assert not facts(b"\x80\x04\x8e" + (1 << 62).to_bytes(8, "little") + b"x").is_complete
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
    monkeypatch.setattr("eisen_deploy.packaging.pickles._MOST_OPERATIONS", 1000)
    assert not facts(b"\x80\x04" + b"N0" * 600 + b"N.").is_complete
    monkeypatch.setattr("eisen_deploy.packaging.pickles._LARGEST", 1000)
    assert not facts(pickle.dumps(bytes(2000))).is_complete


# ---- the commands ----------------------------------------------------------------------------------------------------


def test_the_screen_shows_what_matters(safe: Path) -> None:
    done = call("inspect", safe)
    assert done.exit_code == 0
    for text in (
        "hippocampus 1.0\nSafe package",
        "image (ndarray ·×·×·)",
        "a label map, by 1 model",
        "1 case, replayed",
        "eisen 1.0.0, torch 2.15",
        "right: nothing was damaged",
        "none: nobody vouches for it",
        "#e6550d  anterior",
        "weights/0.safetensors",
    ):
        assert text in done.stdout


def test_a_terminal_shows_the_same_in_colour(safe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_inspection(Screen(terminal=True), inspect_archive(safe))
    text = capsys.readouterr().out
    assert "■" in text
    assert "weights/0.safetensors" in text
    assert "\x1b[" in text


def test_pickles_are_warned_of_in_plain_words(tmp_path: Path) -> None:
    path = write(tmp_path / "x.mar", members(**{"x.pkl": pickle.dumps(Canary(tmp_path)), "y.pkl": b"damaged"}))
    text = call("inspect", path).stdout
    assert "Package with pickles: loading one can run anything." in text
    assert f"loading x.pkl imports 1 name\n  {os.mkdir.__module__}.mkdir  can run anything" in text
    assert "could not be read through: expect anything" in text


def test_json_is_one_document(safe: Path) -> None:
    document = json.loads(call("inspect", safe, "--json").stdout)
    assert document["status"] == "ok"
    assert document["kind"] == "safe"
    assert document["package"]["labels"][1] == {"value": 1, "name": "anterior", "colour": "#e6550d"}
    assert {member["name"] for member in document["members"]} >= {"package.json", "MAR-INF/digests.json"}


def test_verifying_ends_with_0_or_4(safe: Path, keys: KeyFiles, tmp_path: Path) -> None:
    assert call("inspect", safe, "--verify", keys.public).exit_code == 4
    sign(safe, keys.private)
    unasked = call("inspect", safe)
    assert unasked.exit_code == 0
    assert f"of key {keys.fingerprint[:16]}; --verify KEY.pub tells" in unasked.stdout
    done = call("inspect", safe, "--verify", keys.public)
    assert done.exit_code == 0
    assert f"right: signed with key {keys.fingerprint[:16]}" in done.stdout
    other = make_keys(tmp_path / "other")
    done = call("inspect", safe, "--verify", other.public, "--json")
    assert done.exit_code == 4
    document = json.loads(done.stdout)
    assert (document["status"], document["exit_code"], document["signature"]["state"]) == ("failed", 4, "wrong")
    assert "signed with another key" in done.stderr


def test_changed_members_are_named_and_nothing_is_unpacked(safe: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(safe, "a") as archive:
        archive.writestr("extra.txt", "x")
    done = call("inspect", safe, "--extract", tmp_path / "out")
    assert done.exit_code == 4
    assert "error: safe.mar is not what was packed: 'extra.txt' was added" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("signed", [True, False])
def test_an_archive_is_unpacked(signed: bool, safe: Path, keys: KeyFiles, tmp_path: Path) -> None:
    sign(safe, keys.private)
    done = call("inspect", safe, "--extract", tmp_path / "out", *(["--verify", keys.public] if signed else []))
    assert done.exit_code == 0
    assert (tmp_path / "out" / "MODEL_CARD.md").read_bytes() == members()["MODEL_CARD.md"]
    again = call("inspect", safe, "--extract", tmp_path / "out")
    assert again.exit_code == 5
    assert "is there already" in again.stderr


def test_the_card_alone(safe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("inspect", safe, "--card").stdout == "# Hippocampus\n\nFor **research**.\n"
    content = members()
    del content["MODEL_CARD.md"]
    done = call("inspect", write(tmp_path / "x.mar", content), "--card")
    assert done.exit_code == 3
    assert "has no model card" in done.stderr


def test_texts_of_strangers_do_nothing_to_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\u202e"
    package = PACKAGE.__class__(**{**vars(PACKAGE), "labels": [Label(1, evil, "#e6550d")], "made_with": {evil: evil}})
    metadata = {"inputs": [{"name": evil, "type": evil, "shape": [evil]}], "outputs": "x", "python": evil}
    content = members(**{"package.json": write_package(package), "metadata.json": json.dumps(metadata).encode()})
    content["MODEL_CARD.md"] = f"# {evil}\n[link](javascript:alert(1)) {evil}".encode()
    content["x.pkl"] = b"c" + evil.encode() + b"\n" + evil.encode() + b"\n."
    path = write(tmp_path / "x.mar", content, modelVersion=evil)
    for arguments in ((), ("--card",), ("--json",)):
        done = call("inspect", path, *arguments)
        assert done.exit_code == 0
        assert not {"\x1b", "\x07", "\u202e"} & set(done.stdout + done.stderr)
    show_inspection(Screen(terminal=True), inspect_archive(path))
    text = capsys.readouterr().out
    assert "\x1b]0" not in text
    assert "\x1b[2J" not in text
    assert printable("a\x1b\x07\u202e\n\tb") == "a???\n\tb"


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["missing.mar"], 4, "there is no archive missing.mar"),
        (["."], 4, "is a folder"),
        (["safe.mar", "--verify", "missing.pub"], 4, "there is no key missing.pub"),
        (["safe.mar", "--verify", "clinic.key"], 4, "is a private key, which stays with its owner"),
        ([], 2, "Missing argument"),
    ],
)
def test_wrong_input_is_explained(
    arguments: list[str], code: int, text: str, safe: Path, keys: KeyFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(safe.parent)
    done = call("inspect", *arguments)
    assert done.exit_code == code
    assert text in done.stderr
    assert "Traceback" not in done.output


def test_a_good_archive_of_the_corpus_is_shown(tmp_path: Path) -> None:
    (tmp_path / "x.mar").write_bytes(build(good(tmp_path)))
    assert "loading model.pt imports" in call("inspect", tmp_path / "x.mar").stdout
    assert [path.name for path in tmp_path.iterdir()] == ["x.mar"]


def test_keys_are_made_once(tmp_path: Path) -> None:
    done = call("keys", tmp_path / "clinic", "--json")
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    assert document["public"] == str(tmp_path / "clinic.pub")
    assert len(document["fingerprint"]) == 64
    again = call("keys", tmp_path / "clinic")
    assert again.exit_code == 5
    assert "is there already" in again.stderr


def test_a_passphrase_is_asked_for_twice(safe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EISEN_KEY_PASSPHRASE", raising=False)
    done = call("keys", tmp_path / "k", "--passphrase", input="secret\nsecret\n")
    assert done.exit_code == 0
    assert "secret" not in done.output
    sign(safe, tmp_path / "k.key", "secret")
    assert call("inspect", safe, "--verify", tmp_path / "k.pub").exit_code == 0
    monkeypatch.setenv("EISEN_KEY_PASSPHRASE", "other")
    assert call("keys", tmp_path / "l", "--passphrase").exit_code == 0
    sign(safe, tmp_path / "l.key")
