"""What TorchServe calls: a copy of this file is in every package, and eisen is installed where it is served."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from eisen_deploy.packaging.layout import is_package
from eisen_deploy.serving.pickled import PickledBackend
from eisen_deploy.serving.rows import requests_of, write_answers
from eisen_deploy.serving.service import Service, verify_members
from eisen_deploy.serving.unpickling import json_file_to_dict

__all__ = ["EisenServingHandler", "handle", "json_file_to_dict"]


class EisenServingHandler(PickledBackend):
    """Answers requests inside TorchServe, for packages of both kinds.

    To change a step, derive a class that overrides `pre_process`, `inference` or `post_process`, put it into a file
    that has ``_service = MyHandler()`` and ``handle = _service.answer_rows``, and give that file to
    `eisen_deploy.packaging.EisenServingMAR` as `handler`.

    Example:
        >>> handler = EisenServingHandler()
        >>> handler.initialized, handler.input_name_list
        (False, [])
    """

    def __init__(self) -> None:
        super().__init__()
        self._service: Service | None = None
        self._lock = Lock()

    def initialize(self, ctx: Any) -> None:
        """Load the package.

        Args:
            ctx: Its ``system_properties`` say ``model_dir``, the unpacked archive, and ``gpu_id``, which is None where
                there is none.

        Raises:
            EisenError: If the package is damaged, or its pickles may not be loaded.
        """
        properties = ctx.system_properties
        folder, device = Path(properties["model_dir"]), _device(properties.get("gpu_id"))
        if is_package(folder):
            self._service = Service.open(folder, device=device, allow_more=True)
            self.metadata = self._service.metadata
            self.initialized = True
            return
        verify_members(folder, allow_more=True)
        self.load(folder, device or "cpu")
        self._service = Service(self)

    def get_metadata(self) -> list[str]:
        """Return what the package says about itself: a list of one text in JSON."""
        return [json.dumps(self.metadata, ensure_ascii=False)]

    def answer_rows(self, data: Sequence[Mapping[str, Any]] | None, context: Any) -> list[Any]:
        """Answer a batch: the entry point of TorchServe.

        Args:
            data: One dict per request; None or empty, when TorchServe loads the model.
            context: TorchServe's: where the package is, headers, and what takes status and headers of the answers.

        Returns:
            A body for each request. A request that fails gets an error as JSON, and does not touch the others.
        """
        with self._lock:
            if not self.initialized:
                self.initialize(context)
        if not data or self._service is None:
            return self.get_metadata()
        return list(write_answers(self._service.answer(requests_of(data, context)), context))


_service = EisenServingHandler()


def handle(data: Sequence[Mapping[str, Any]] | None, context: Any) -> list[Any]:
    """Answer a batch of requests; the package is loaded at the first call.

    Args:
        data: One dict per request; None when TorchServe loads the model.
        context: TorchServe's.

    Returns:
        A body for each request.
    """
    return _service.answer_rows(data, context)


def _device(gpu_id: Any) -> str | None:
    import torch

    return f"cuda:{gpu_id}" if gpu_id is not None and torch.cuda.is_available() else None
