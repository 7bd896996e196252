"""Archives on their way to the server, and what is missing on the machine, without starting anything."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from eisen._core.errors import ArgumentError, CorruptFileError, MissingExtraError, MissingFileError
from eisen_deploy.packaging.archive import write_archive
from eisen_deploy.packaging.keys import make_keys
from eisen_deploy.packaging.signing import sign
from eisen_deploy.serving.settings import ServerSettings
from eisen_deploy.serving.torchserve import TorchServe, finding
from eisen_deploy.serving.torchserve.launching import Workplace, environment
from eisen_deploy.serving.torchserve.ports import free_ports
from eisen_deploy.serving.torchserve.staging import stage
from tests.deploy.served_packages import safe_archive
from tests.deploy.torchserve.archives import ECHO, archive_of


def test_two_versions_of_a_model_lie_side_by_side(tmp_path: Path) -> None:
    archives = [archive_of(tmp_path, "echo", ECHO, version) for version in ("1.0", "2.0")]
    (tmp_path / "store").mkdir()
    staged = stage(archives, tmp_path / "store")
    assert [(each.name, each.version) for each in staged] == [("echo", "1.0"), ("echo", "2.0")]
    copies = [tmp_path / "store" / each.file for each in staged]
    assert [copy.read_bytes() for copy in copies] == [archive.read_bytes() for archive in archives]


def test_the_same_model_twice_is_refused(tmp_path: Path) -> None:
    archive = archive_of(tmp_path, "echo", ECHO)
    (tmp_path / "store").mkdir()
    with pytest.raises(ArgumentError, match=r"two archives have model echo, version 1\.0"):
        stage([archive, archive], tmp_path / "store")


def test_nothing_to_serve(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="nothing to serve"):
        stage([], tmp_path)


def test_a_file_that_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "x.mar").write_bytes(b"not a zip")
    with pytest.raises(CorruptFileError, match="it is no zip file") as caught:
        stage([tmp_path / "x.mar"], tmp_path)
    assert caught.value.card.file == str(tmp_path / "x.mar")
    with pytest.raises(MissingFileError, match="there is no file"):
        stage([tmp_path / "y.mar"], tmp_path)


def rewritten(archive: Path, name: str, content: bytes) -> Path:
    """Return a copy of an archive with one member more, or changed."""
    with zipfile.ZipFile(archive) as file:
        members = {each: file.read(each) for each in file.namelist() if not each.startswith("MAR-INF/")}
        manifest = json.loads(file.read("MAR-INF/MANIFEST.json"))
    target = archive.with_name("rewritten.mar")
    write_archive(target, {**members, name: content}, manifest=manifest, overwrite=True)
    return target


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("handlers.py", b"import os\n"),
        ("torch.py", b""),
        ("eisen/__init__.py", b""),
        ("json.pyc", b""),
        ("model-config.yaml", b"useVenv: true\n"),
        ("model-config.yaml", b"minWorkers: {a: 1}\n"),
    ],
)
def test_code_in_a_package_that_says_it_has_none_is_not_run(name: str, content: bytes, tmp_path: Path) -> None:
    """TorchServe would import whatever is in an archive: its folder is the first on the path of the worker."""
    archive = safe_archive(tmp_path)
    (tmp_path / "store").mkdir()
    assert stage([archive], tmp_path / "store")[0].name == "tiny"
    with pytest.raises(ArgumentError, match=name) as caught:
        stage([rewritten(archive, name, content)], tmp_path / "store")
    assert "embedded" in caught.value.card.to_do


def test_an_archive_with_pickles_may_have_a_handler_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    assert stage([archive_of(tmp_path, "echo", ECHO)], tmp_path / "store")


def test_only_what_was_signed_is_served(tmp_path: Path) -> None:
    keys, archive = make_keys(tmp_path / "clinic"), safe_archive(tmp_path)
    store = tmp_path / "store"
    store.mkdir()
    with pytest.raises(CorruptFileError, match=r"tiny\.mar is not signed"):
        stage([archive], store, keys.public)
    sign(archive, keys.private)
    assert stage([archive], store, keys.public)
    with pytest.raises(CorruptFileError):
        stage([archive], store, make_keys(tmp_path / "other").public)


def test_java_from_java_home_or_a_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(ArgumentError, match="no program bin/java"):
        finding.find_java()
    java.write_text("#!/bin/sh\n", encoding="utf-8")
    java.chmod(0o755)
    assert finding.find_java() == java
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ArgumentError, match="TorchServe needs Java") as caught:
        finding.find_java()
    assert "embedded" in caught.value.card.to_do


@pytest.mark.parametrize(("module", "package"), [("ts", "torchserve"), ("yaml", "pyyaml")])
def test_a_missing_package_is_named(module: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "find_spec", lambda name: None if name == module else object())
    assert not finding.has_torchserve()
    with pytest.raises(MissingExtraError, match=package) as caught:
        finding.find_torchserve()
    assert caught.value.card.to_do == "pip install 'eisen[deploy]'"


def test_a_taken_port_is_named() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ArgumentError, match=f"port {port}"):
            free_ports("127.0.0.1", port)


def test_a_folder_too_deep_for_sockets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="too long for TorchServe's sockets"):
        TorchServe(ServerSettings(port=0), [archive_of(tmp_path, "echo", ECHO)], tmp_path / ("a" * 90)).start()
    assert not (tmp_path / ("a" * 90)).exists()


def test_variables_that_would_win_over_the_configuration_are_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TS_CONFIG_FILE", "/elsewhere")
    monkeypatch.setenv("TEMP", "/elsewhere")
    values = environment(Workplace(Path("/server")), ServerSettings())
    assert "TS_CONFIG_FILE" not in values
    assert {values[name] for name in ("TMPDIR", "TEMP")} == {str(Path("/server/tmp"))}


@pytest.mark.parametrize(("visible", "expected"), [(None, "1"), ("5,7", "7"), ("GPU-a,GPU-b", "GPU-b")])
def test_a_device_is_counted_among_the_visible_ones(
    visible: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert environment(Workplace(Path("/server")), ServerSettings(device="cuda:1"))["CUDA_VISIBLE_DEVICES"] == expected
