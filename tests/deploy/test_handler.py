"""The module that TorchServe calls, with its rows, headers and context."""

from __future__ import annotations

import importlib.util
import json
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from eisen._core.errors import ConfigError, CorruptFileError, MissingFileError
from eisen_deploy.serving import EisenServingHandler
from eisen_deploy.serving.handlers import json_file_to_dict
from eisen_deploy.utils import pack, unpack
from tests.deploy.packages import Context, scaled_archive, scaled_metadata, unpacked

IMAGE = np.arange(8, dtype=np.float32).reshape(2, 1, 2, 2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("scaled")
    return unpacked(scaled_archive(root), root / "unpacked")


@pytest.fixture
def module(folder: Path) -> ModuleType:
    """The handler of the archive, as TorchServe imports it."""
    return imported(folder / "handlers.py")


def imported(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("handlers_of_archive", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def good(image: np.ndarray = IMAGE, note: str = "0815") -> bytearray:
    return bytearray(pack({"image": image, "note": note, "surplus": 1}))


def told(module: ModuleType, folder: Path, row: dict[str, Any], headers: dict[str, Any] | None = None) -> Any:
    """Return status, kind and field of the answer to one bad request."""
    context = Context(folder, headers or {})
    [body] = module.handle([row], context)
    value = json.loads(body)
    assert context.headers[0]["content-type"] == "application/json"
    assert value["code"] == context.status[0][0]
    return value["code"], value["type"], value.get("field")


def test_loading_and_asking_for_metadata(module: ModuleType, folder: Path) -> None:
    """TorchServe calls with None to load the model."""
    [text] = module.handle(None, Context(folder))
    assert module._service.initialized
    metadata = json.loads(text)
    assert {name: metadata[name] for name in scaled_metadata()} == scaled_metadata()
    for row in ({"body": bytearray()}, {"body": b""}, {}, {"data": b""}, {"body": None}):
        context = Context(folder, {})
        [body] = module.handle([row], context)
        assert json.loads(body) == metadata
        assert context.status[0][0] == 200
    [body] = module.handle([{"body": b"x"}], Context(folder, {"describe": "True"}))
    assert json.loads(body) == metadata


def test_all_declared_outputs_and_nothing_else(module: ModuleType, folder: Path) -> None:
    context = Context(folder, {})
    [body] = module.handle([{"body": good()}], context)
    values = unpack(body)
    assert set(values) == {"image", "mean", "note"}
    assert np.array_equal(values["image"], IMAGE * 2), "the output wins over the input of the same name"
    assert values["image"].dtype == np.float32
    assert np.array_equal(values["mean"], [1.5, 5.5])
    assert values["note"] == "0815"
    assert context.headers[0] == {"content-type": "application/msgpack"}
    assert context.status[0] == (200, "OK")


def test_each_request_of_a_batch_is_answered_and_fails_alone(module: ModuleType, folder: Path) -> None:
    rows = [
        {"body": good()},
        {"body": b"\xc1"},
        {"body": b""},
        {"body": good(np.full((1, 1, 2, 2), -1.0))},
        {"body": good(np.full((1, 1, 2, 2), -2.0))},
        {"body": good(note="last")},
    ]
    context = Context(folder, *({} for _ in rows))
    bodies = module.handle(rows, context)
    assert [context.status[n][0] for n in range(6)] == [200, 400, 200, 500, 507, 200]
    assert [unpack(bodies[n])["note"] for n in (0, 5)] == ["0815", "last"]
    assert b"secret" not in bodies[3]
    assert b"float64 of shape [1, 1, 2, 2]" in bodies[3] or b"float32 of shape [1, 1, 2, 2]" in bodies[3]


def test_the_cause_of_a_fault_is_in_the_log(module: ModuleType, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    module.handle([{"body": good(np.full((1, 1, 2, 2), -1.0))}], Context(folder, {}))
    assert "secret: /srv/models/scaled.pt" in caplog.text


@pytest.mark.parametrize(
    ("row", "headers", "expected"),
    [
        ({"body": pack({"note": "x"})}, {}, (400, "MissingField", "image")),
        ({"body": pack({"image": IMAGE})}, {}, (400, "MissingField", "note")),
        ({"body": pack({"image": IMAGE[0], "note": "x"})}, {}, (400, "WrongField", "image")),
        ({"body": pack({"image": "text", "note": "x"})}, {}, (400, "WrongField", "image")),
        ({"body": pack({"image": None, "note": "x"})}, {}, (400, "WrongField", "image")),
        ({"body": pack({"image": np.full((1, 1, 1, 1), "a"), "note": "x"})}, {}, (400, "WrongField", "image")),
        ({"body": pack({"image": IMAGE, "note": 3})}, {}, (400, "WrongField", "note")),
        ({"body": good()[:60]}, {}, (400, "BadMessage", "image")),
        ({"body": b"\x00noise\xff"}, {}, (400, "BadMessage", None)),
        ({"body": {}}, {"Content-Type": "application/json"}, (400, "MissingField", "image")),
        ({"body": bytearray(b"{}")}, {"Content-Type": "application/json"}, (400, "MissingField", "image")),
        ({"body": [1, 2]}, {"Content-Type": "application/json"}, (400, "BadRequest", None)),
        ({"body": bytearray(b"{no")}, {"content-type": "application/json"}, (400, "BadMessage", None)),
        ({"body": "plain words"}, {"content-type": "text/plain"}, (415, "UnknownType", None)),
        ({}, {"content-type": "application/x-www-form-urlencoded", "content-length": "9"}, (415, "WebForm", None)),
        ({"\x82\xa5": b"x"}, {"content-type": "application/x-www-form-urlencoded"}, (415, "WebForm", None)),
        (
            {"image": bytearray(b"GIF89a")},
            {"content-type": "multipart/form-data; boundary=x"},
            (400, "WrongField", "image"),
        ),
        ({"body": good()}, {"content-encoding": "gzip"}, (400, "BadEncoding", None)),
        ({"body": good()}, {"content-encoding": "br"}, (415, "UnknownEncoding", None)),
    ],
)
def test_what_cannot_be_answered_is_refused(
    row: dict[str, Any], headers: dict[str, Any], expected: tuple[Any, ...], module: ModuleType, folder: Path
) -> None:
    assert told(module, folder, row, headers) == expected


def test_forms_and_json(module: ModuleType, folder: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "image.npy", IMAGE)
    parts = {"image": bytearray((tmp_path / "image.npy").read_bytes()), "note": bytearray(b"0815")}
    headers = {"image": {"content-type": "application/octet-stream"}, "Content-Type": "multipart/form-data; boundary=x"}
    [body] = module.handle([parts], Context(folder, headers))
    assert np.array_equal(unpack(body)["image"], IMAGE * 2)
    row = {"body": {"image": IMAGE.tolist(), "note": "0815"}}
    [body] = module.handle([row], Context(folder, {"Content-Type": "application/json"}))
    assert json.loads(body) == {"image": (IMAGE * 2).tolist(), "mean": [1.5, 5.5], "note": "0815"}


def test_the_methods_of_the_original(folder: Path) -> None:
    handler = EisenServingHandler()
    assert not handler.initialized
    handler.initialize(Context(folder))
    assert handler.initialized
    assert (handler.input_name_list, handler.output_name_list) == (["image"], ["image", "mean"])
    assert handler.device is not None
    assert handler.device.type == "cpu"
    assert not handler.model.module.training
    assert json.loads(handler.get_metadata()[0]) == handler.metadata
    inputs = handler.pre_process({"image": IMAGE, "note": "a"})
    outputs = handler.inference(inputs)
    assert np.array_equal(outputs["image"], IMAGE * 2)
    assert set(handler.post_process({**inputs, **outputs})) == {"image", "note", "mean"}
    [body] = handler.handle({"image": IMAGE, "note": "a"})
    assert unpack(body)["note"] == "a"


def test_a_derived_handler_changes_a_step(folder: Path) -> None:
    class Brighter(EisenServingHandler):
        def pre_process(self, data: dict[str, Any]) -> dict[str, Any]:
            return super().pre_process({**data, "image": data["image"] + 1})

    context = Context(folder, {})
    [body] = Brighter().answer_rows([{"body": good()}], context)
    assert np.array_equal(unpack(body)["image"], (IMAGE + 1) * 2)


def test_a_model_that_works_in_place_leaves_the_inputs(folder: Path) -> None:
    import torch

    class InPlace(torch.nn.Module):
        def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return image.mul_(3), image.sum()

    handler = EisenServingHandler()
    handler.initialize(Context(folder))
    handler.model.module = InPlace()
    image = IMAGE.copy()
    assert np.array_equal(handler.inference({"image": image})["image"], IMAGE * 3)
    assert np.array_equal(image, IMAGE)


def test_many_threads_load_the_package_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handler, loads = EisenServingHandler(), []
    initialize = EisenServingHandler.initialize
    monkeypatch.setattr(EisenServingHandler, "initialize", lambda self, ctx: (loads.append(1), initialize(self, ctx)))
    threads = [threading.Thread(target=handler.answer_rows, args=(None, Context(folder))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loads == [1]


def test_a_package_that_does_not_allow_pickles_is_not_loaded(tmp_path: Path) -> None:
    folder = unpacked(scaled_archive(tmp_path), tmp_path / "unpacked")
    (folder / "MAR-INF" / "digests.json").unlink()
    metadata = json.loads((folder / "metadata.json").read_text())
    for name in ("model.pt", "pre_process_tform.pkl", "post_process_tform.pkl"):
        (folder / name).write_bytes(b"cos\nabort\n(tR.")  # would end this process
    for value in (False, "true", 1, None):
        (folder / "metadata.json").write_text(json.dumps({**metadata, "trust_pickle": value}))
        with pytest.raises(ConfigError, match="trust_pickle"):
            EisenServingHandler().initialize(Context(folder))
    (folder / "metadata.json").write_text(json.dumps({**metadata, "python": "3.99"}))
    with pytest.raises(ConfigError, match=r"Python 3\.99"):
        imported(folder / "handlers.py").handle(None, Context(folder))


def test_changed_members_are_found_before_they_are_loaded(tmp_path: Path) -> None:
    folder = unpacked(scaled_archive(tmp_path), tmp_path / "unpacked")
    (folder / "model.pt").write_bytes(b"cos\nabort\n(tR.")
    with pytest.raises(CorruptFileError, match=r"model\.pt"):
        EisenServingHandler().initialize(Context(folder))


def test_a_damaged_package_says_what_is_wrong(tmp_path: Path) -> None:
    folder = unpacked(scaled_archive(tmp_path), tmp_path / "unpacked")
    (folder / "MAR-INF" / "digests.json").unlink()
    (folder / "post_process_tform.pkl").write_bytes(b"noise")
    with pytest.raises(CorruptFileError, match="post_process_tform"):
        EisenServingHandler().initialize(Context(folder))
    (folder / "post_process_tform.pkl").unlink()
    with pytest.raises(MissingFileError, match="post_process_tform"):
        EisenServingHandler().initialize(Context(folder))
    (folder / "metadata.json").write_text("[]")
    with pytest.raises(CorruptFileError, match=r"metadata\.json"):
        EisenServingHandler().initialize(Context(folder))


def test_json_file_to_dict(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        json_file_to_dict(tmp_path / "none.json")
    (tmp_path / "a.json").write_text('{"ä": 1}', encoding="utf-8")
    assert json_file_to_dict(str(tmp_path / "a.json")) == {"ä": 1}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_the_handler_runs_in_torchserves_own_loader(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its protocol without Java: load, predict and the bytes that go to the frontend."""
    from ts.context import RequestProcessor
    from ts.model_loader import TsModelLoader

    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "handlers", raising=False)
    service = TsModelLoader().load("scaled", str(folder), "handlers.py", None, 2)
    service.context.request_processor = [RequestProcessor({}), RequestProcessor({})]
    bodies = service._entry_point([{"body": good()}, {"body": b"\xc1"}], service.context)
    monkeypatch.delitem(sys.modules, "handlers", raising=False)
    assert np.array_equal(unpack(bodies[0])["image"], IMAGE * 2)
    assert service.context.get_response_status(1) == (400, "Bad Request")
    assert service.context.get_response_content_type(1) == "application/json"
