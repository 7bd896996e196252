"""The networks of a run as ONNX graphs: they run without eisen, without PyTorch, and without the class."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eisen._core.errors import ArtifactError, EisenError, MissingExtraError
from eisen.config import Experiment

if TYPE_CHECKING:
    import torch

__all__ = ["Graph", "exported", "stripped"]

_SIDE = {2: 64, 3: 32}
"""Sides with which sizes that may change are tried: the largest input has twice of them."""

_LIMIT = 2**31 - 2**20
"""Of a single ONNX file, which is a message of protobuf."""

_PATH = re.compile(r"(?<!\S)[\"'(]?/\S+")
"""A package names no file of the machine it was made on."""

_CLASSES = 10.0
"""Differences are told as powers of ten: their digits are not the same on every machine."""


@dataclass(frozen=True)
class Graph:
    """What became of a network.

    Args:
        content: The ONNX file; None: it could not be exported.
        note: One line for people: how well it was checked, or why there is none.
    """

    content: bytes | None
    note: str


def exported(experiment: Experiment, weights: Path, size: Sequence[int]) -> Graph:
    """Export a network, with sizes that may change where it can be, else with the size given.

    Args:
        experiment: The configuration.
        weights: The weights of the network.
        size: Of an input as the network gets it: cases, channels, spatial axes.

    Example:
        >>> from eisen.config import read_config
        >>> import torch
        >>> model = {"type": "torch.nn.Conv2d", "params": {"input_names": ["image"], "output_names": ["logits"],
        ...          "in_channels": 1, "out_channels": 2, "kernel_size": 3}}
        >>> file = Path(tempfile.mkdtemp()) / "best.pt"
        >>> torch.save(torch.nn.Conv2d(1, 2, 3).state_dict(), file)
        >>> exported(read_config({"General": {"Models": [model]}}), file, [1, 1, 8, 8]).note
        'any height and width; differs from PyTorch by less than 1e-06 of the largest output (onnxruntime)'
    """
    from eisen.experiments.parts import build_model
    from eisen.experiments.weights import bare_module, load_into

    model = build_model(experiment)
    if len(model.input_names) != 1:
        return Graph(None, f"not exported: the network has {len(model.input_names)} inputs, and one can be exported")
    load_into(model, weights)
    network = bare_module(model)
    if sum(value.numel() * value.element_size() for value in network.state_dict().values()) > _LIMIT:
        return Graph(None, "not exported: the network is larger than 2 GB, the limit of a single ONNX file")
    try:
        return _first_that_works(network, size)
    except MissingExtraError as error:
        return Graph(None, f"not exported: {error.card.what}; {error.card.to_do}")
    except EisenError as error:
        return Graph(None, f"not exported: {_PATH.sub('...', error.card.what)}")


def stripped(content: bytes) -> bytes:
    """Return a graph without what tells where and when it was made: stack traces, names of files, measured values.

    Args:
        content: An ONNX file.
    """
    import onnx

    proto = onnx.load_from_string(content)
    for message in _messages(proto):
        for name in ("doc_string", "metadata_props"):
            if name in message.DESCRIPTOR.fields_by_name:
                message.ClearField(name)
    return bytes(proto.SerializeToString(deterministic=True))


def _first_that_works(network: torch.nn.Module, size: Sequence[int]) -> Graph:
    """Try sizes that may change first, small ones, then the very size."""
    n_axes = len(size) - 2
    small = [size[0], size[1], *(min(side, _SIDE.get(n_axes, side)) for side in size[2:])]
    if n_axes:
        for tried in (small, list(size)) if small != list(size) and _is_modest(size) else (small,):
            try:
                return _one(network, tried, dynamic=True)
            except ArtifactError:
                continue
    return _one(network, size, dynamic=False)


def _is_modest(size: Sequence[int]) -> bool:
    """Tell whether an input of twice the sides is still small enough to try it."""
    total = 1
    for side in size[1:]:
        total *= side
    return total <= 64**3


def _one(network: torch.nn.Module, size: Sequence[int], *, dynamic: bool) -> Graph:
    from eisen.utils.artifacts import SaveONNXModel

    with tempfile.TemporaryDirectory() as folder:
        report = SaveONNXModel(folder, list(size), dynamic_spatial=dynamic)(network)
        content = stripped(report.path.read_bytes())
    _demand_runs(content, size)
    axes = {1: "any length", 2: "any height and width", 3: "any depth, height and width"}
    sides = " x ".join(map(str, size[2:]))
    takes = axes.get(len(size) - 2, "any size") if dynamic else f"{sides} only" if sides else "any number of cases"
    share = (report.difference or 0.0) / max(report.scale, 1e-12)
    return Graph(
        content, f"{takes}; differs from PyTorch by less than {_above(share)} of the largest output (onnxruntime)"
    )


def _demand_runs(content: bytes, size: Sequence[int]) -> None:
    """Make sure that the graph still runs after stripping."""
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    session.run(None, {"input": np.zeros(tuple(size), dtype=np.float32)})


def _above(share: float) -> str:
    """Return the next power of ten, from 1e-06."""
    power = 1e-6
    while share >= power:
        power *= _CLASSES
    return f"{power:.0e}"


def _messages(message: Any) -> Iterator[Any]:
    """Yield a message of protobuf and all messages inside."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        inner = value if field.is_repeated else [value]
        for item in inner:
            yield from _messages(item)
