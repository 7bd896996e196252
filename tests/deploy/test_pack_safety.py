"""A package holds data only: no member is a pickle, and all of it opens with Python and NumPy."""

from __future__ import annotations

import io
import json
import pickletools
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from eisen_deploy.packaging import PackReport, pack_run
from tests.deploy.trained_runs import member, trained, volume_config

READER = """
import io, json, struct, sys, zipfile
import numpy as np
def tensors(content):  # safetensors in ten lines
    kinds = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "|u1", "BOOL": "|b1"}
    (size,) = struct.unpack("<Q", content[:8])
    header, found = json.loads(content[8 : 8 + size]), {}
    header.pop("__metadata__", None)
    for name, about in header.items():
        first, last = about["data_offsets"]
        raw = content[8 + size + first : 8 + size + last]
        found[name] = np.frombuffer(raw, kinds[about["dtype"]]).reshape(about["shape"])
    return found
archive = zipfile.ZipFile(sys.argv[1])
package, config = (json.loads(archive.read(name)) for name in ("package.json", "config.json"))
weights = [tensors(archive.read(name)) for name in package["weights"]]
golden = [np.load(io.BytesIO(archive.read(case["output"])), allow_pickle=False) for case in package["golden"]]
import onnxruntime
session = onnxruntime.InferenceSession(archive.read(package["graphs"][0]), providers=["CPUExecutionProvider"])
image = np.linspace(-1, 1, 6 * 7 * 8, dtype="float32").reshape(1, 1, 6, 7, 8)
(logits,) = session.run(None, {"input": image})
assert not {"torch", "eisen", "eisen_deploy", "pickle5", "dill"} & set(sys.modules)
print(json.dumps({"shapes": {k: v.shape for k, v in weights[0].items()}, "golden": [g.shape for g in golden],
                  "logits": logits.ravel()[:50].tolist()}))
"""


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory, phantom_folder: Path) -> PackReport:
    folder = tmp_path_factory.mktemp("safety")
    return pack_run(trained(folder, volume_config(), phantom_folder), folder / "organs.mar")


def is_pickle(content: bytes) -> bool:
    """Tell whether bytes are a pickle: a stream of known opcodes from the first byte to a STOP."""
    try:
        operations = list(pickletools.genops(io.BytesIO(content)))
    except Exception:
        return False
    return bool(operations) and operations[-1][0].name == "STOP"


def test_pickles_are_recognised() -> None:
    import pickle

    assert all(is_pickle(pickle.dumps({"a": [1, 2]}, protocol)) for protocol in range(6))
    assert not is_pickle(b'{"a": 1}')


def test_no_member_is_a_pickle_or_an_archive_of_some(packed: PackReport) -> None:
    with zipfile.ZipFile(packed.path) as archive:
        for name in archive.namelist():
            content = archive.read(name)
            assert not is_pickle(content), name
            assert not zipfile.is_zipfile(io.BytesIO(content)), name
            assert not name.endswith((".pkl", ".pickle", ".pt", ".pth", ".dill")), name


def test_all_of_it_opens_without_torch_and_without_eisen(packed: PackReport, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", READER, str(packed.path)], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    found = json.loads(done.stdout)
    assert found["shapes"] == {"weight": [4, 1, 3, 3, 3], "bias": [4]}
    assert len(found["golden"]) == 2
    from safetensors.torch import load

    net = torch.nn.Conv3d(1, 4, 3, padding=1)
    net.load_state_dict(load(member(packed.path, "weights/0.safetensors")))
    image = torch.linspace(-1, 1, 6 * 7 * 8).reshape(1, 1, 6, 7, 8)
    with torch.no_grad():
        np.testing.assert_allclose(found["logits"], net(image).ravel()[:50].numpy(), atol=1e-5)


def test_graphs_do_not_tell_where_they_were_made(packed: PackReport) -> None:
    import onnx

    proto = onnx.load_from_string(member(packed.path, "graphs/0.onnx"))
    onnx.checker.check_model(proto)
    assert not proto.metadata_props
    assert not proto.doc_string
    assert all(not node.doc_string and not node.metadata_props for node in proto.graph.node)
    assert all(not value.metadata_props for value in (*proto.graph.input, *proto.graph.value_info))


def test_a_network_that_cannot_be_exported_is_packed_without_a_graph(
    phantom_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from eisen._core.errors import ArtifactError
    from eisen.utils.artifacts import SaveONNXModel

    def refuse(*_: object, **__: object) -> None:
        raise ArtifactError("Conv3d cannot be exported to ONNX: no such operator")

    monkeypatch.setattr(SaveONNXModel, "__call__", refuse)
    packed = pack_run(trained(tmp_path / "t", volume_config(), phantom_folder), tmp_path / "x.mar")
    assert not [name for name in packed.members if name.startswith("graphs/")]
    assert any("not exported: Conv3d cannot be exported" in note for note in packed.notes)
    assert "not exported: Conv3d cannot be exported" in member(packed.path, "MODEL_CARD.md").decode()
