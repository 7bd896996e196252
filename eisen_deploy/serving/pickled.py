"""Packages of the original kind: the model and the transforms are pickles, which are code."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eisen._core.errors import ArgumentError
from eisen_deploy.declared import declared_dtype, described
from eisen_deploy.packaging.layout import METADATA
from eisen_deploy.serving.faults import is_out_of_memory
from eisen_deploy.serving.inputs import checked_inputs, values_of
from eisen_deploy.serving.messages import Answer, Refusal, Request
from eisen_deploy.serving.outputs import MSGPACK, as_json, wants_json
from eisen_deploy.serving.tensors import as_arrays, as_tensor
from eisen_deploy.serving.unpickling import check_metadata, json_file_to_dict, unpickled
from eisen_deploy.utils import pack

if TYPE_CHECKING:
    import torch

    from eisen.utils import EisenModuleWrapper

__all__ = ["MODEL", "POST_PROCESSING", "PRE_PROCESSING", "PickledBackend"]

MODEL, PRE_PROCESSING, POST_PROCESSING = "model.pt", "pre_process_tform.pkl", "post_process_tform.pkl"


class PickledBackend:
    """A model with transforms before and behind it, as `eisen_deploy.packaging.EisenServingMAR` packs them.

    Attributes:
        model: Names its inputs and outputs: an `eisen.utils.EisenModuleWrapper`.
        device: Where it computes.
        pre_process_tform: Called with the fields of a request.
        post_process_tform: Called with inputs and outputs.
        metadata: What the package says about itself.
        initialized: Whether it can be used.
        input_name_list: Fields that the model takes.
        output_name_list: Names of what it returns.

    Example:
        >>> PickledBackend().initialized
        False
    """

    def __init__(self) -> None:
        self.model: EisenModuleWrapper | None = None
        self.device: torch.device | None = None
        self.pre_process_tform: Any = None
        self.post_process_tform: Any = None
        self.metadata: dict[str, Any] = {}
        self.initialized = False
        self.input_name_list: list[str] = []
        self.output_name_list: list[str] = []

    @classmethod
    def open(cls, folder: str | Path, device: str | None = None) -> PickledBackend:
        """Return the model of an unpacked archive.

        Args:
            folder: The unpacked archive.
            device: Where it computes; None: on the processor.

        Raises:
            EisenError: If it cannot be loaded, or its metadata does not say that pickles may be.
        """
        backend = cls()
        backend.load(Path(folder), device or "cpu")
        return backend

    def load(self, folder: Path, device: str) -> None:
        """Load model and transforms. This runs code of the archive.

        Args:
            folder: The unpacked archive.
            device: Where the model computes, e.g. ``"cuda:0"``.

        Raises:
            ConfigError: If the metadata does not allow it; see `eisen_deploy.serving.unpickling.check_metadata`.
            CorruptFileError: If a pickle cannot be loaded.
        """
        import torch

        from eisen.utils import EisenModuleWrapper

        metadata = json_file_to_dict(folder / METADATA)
        check_metadata(metadata, str(folder / METADATA))
        self.device = torch.device(device)
        self.metadata = metadata
        self.input_name_list = list(metadata.get("model_input_list", _names(metadata["inputs"])))
        self.output_name_list = list(metadata.get("model_output_list", _names(metadata["outputs"])))
        self.pre_process_tform = unpickled(folder / PRE_PROCESSING)
        self.post_process_tform = unpickled(folder / POST_PROCESSING)
        model = unpickled(folder / MODEL, self.device)
        self.model = EisenModuleWrapper(model, self.input_name_list, self.output_name_list).eval()
        self.initialized = True

    def pre_process(self, data: dict[str, Any]) -> dict[str, Any]:
        """Apply the transform in front of the model.

        Args:
            data: The declared inputs of a request.
        """
        result: dict[str, Any] = self.pre_process_tform(data)
        return result

    def inference(self, input_dict: dict[str, Any]) -> dict[str, Any]:
        """Return what the model says, as arrays by name; no gradients are kept.

        Args:
            input_dict: What the pre-processing returned.

        Raises:
            Refusal: If an input of the model is missing or no array of numbers (500: the package is at fault), or the
                model fails.
        """
        import torch

        inputs = {name: self._tensor(name, input_dict) for name in self.input_name_list}
        assert self.model is not None
        try:
            with torch.inference_mode():
                outputs = self.model(**inputs)
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            if is_out_of_memory(error):
                raise
            raise _fault("the model failed on these inputs", "ModelFailed", got=_shapes(input_dict, inputs)) from error
        return as_arrays(outputs)

    def post_process(self, output_dict: dict[str, Any]) -> dict[str, Any]:
        """Apply the transform behind the model.

        Args:
            output_dict: Inputs and outputs of the model; outputs win where names are equal.
        """
        result: dict[str, Any] = self.post_process_tform(output_dict)
        return result

    def handle(self, data: dict[str, Any]) -> list[Any]:
        """Answer one request.

        Args:
            data: The values of the request by name.

        Returns:
            A list of one message in msgpack: every declared output, and nothing else.

        Raises:
            Refusal: If a declared input is missing or wrong, or a declared output does not come out.
        """
        inputs = self.pre_process(checked_inputs(data, self.metadata["inputs"]))
        outputs = self.inference(inputs)
        result = self.post_process({**as_arrays(inputs), **outputs})
        declared = _names(self.metadata["outputs"])
        missing = [name for name in declared if name not in result]
        if missing:
            raise _fault(f"no field {missing[0]!r} came out of the post-processing", "MissingOutput", field=missing[0])
        try:
            return [pack({name: result[name] for name in declared})]
        except ArgumentError as error:
            raise _fault(error.card.what, "WrongOutput", field=error.card.field) from error

    def answer_one(self, request: Request) -> Answer:
        """Answer one request, in msgpack, or in JSON if it came in JSON.

        Args:
            request: Not an empty one.

        Raises:
            Refusal: If it cannot be answered.
        """
        body = self.handle(values_of(request, self.metadata["inputs"]))[0]
        return as_json(body) if wants_json(request) else Answer(body, MSGPACK)

    def _tensor(self, name: str, values: Mapping[str, Any]) -> torch.Tensor:
        if name not in values:
            raise _fault(f"no field {name!r} came out of the pre-processing", "MissingField", field=name)
        kind = next((entry.get("type") for entry in self.metadata["inputs"] if entry["name"] == name), None)
        try:
            return as_tensor(values[name], self.device or "cpu", declared_dtype(kind))
        except (ArgumentError, ValueError, TypeError) as error:
            if kind is None:
                raise _fault(f"the pre-processing made no numbers of {name!r}", "WrongField", field=name) from error
            raise Refusal(f"the field {name!r} is no array of numbers", kind="WrongField", field=name) from error


def _names(fields: list[dict[str, Any]]) -> list[str]:
    return [field["name"] for field in fields]


def _fault(what: str, kind: str, **facts: Any) -> Refusal:
    to_do = "the log of the server says more"
    return Refusal(what, HTTPStatus.INTERNAL_SERVER_ERROR, kind, to_do=to_do, **facts)


def _shapes(values: Mapping[str, Any], inputs: Mapping[str, Any]) -> str:
    return "; ".join(f"{name}: {described(np.asarray(as_arrays({name: values[name]})[name]))}" for name in inputs)
