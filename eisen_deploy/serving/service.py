"""The core of a worker, whatever server is around it: requests go in, as many answers come out."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from eisen._core.errors import ArgumentError
from eisen_deploy.packaging.layout import DIGESTS, HANDLER, MANIFEST, is_package
from eisen_deploy.serving.encodings import compressed, decompressed, most_bytes
from eisen_deploy.serving.faults import answer_to_error
from eisen_deploy.serving.inputs import refuse_form
from eisen_deploy.serving.messages import Answer, Request
from eisen_deploy.serving.unpickling import json_file_to_dict

__all__ = ["Backend", "Service", "verify_members"]


class Backend(Protocol):
    """What answers requests: a package of one kind or the other.

    Attributes:
        metadata: What the package says about itself.
    """

    metadata: dict[str, Any]

    def answer_one(self, request: Request) -> Answer:
        """Answer a request that is not empty, or raise."""


class Service:
    """Answers requests, each for itself: one that fails gets an error, and the others their answers.

    Args:
        backend: What computes.
        max_bytes: Largest body after decompression; None: what `eisen_deploy.serving.encodings.most_bytes` says.

    Example:
        >>> class Echo:
        ...     metadata = {"inputs": [], "outputs": []}
        ...     def answer_one(self, request):
        ...         return Answer(bytes(request.body))
        >>> service = Service(Echo())
        >>> [answer.body for answer in service.answer([Request(), Request(b"scan")])]
        [b'{"inputs": [], "outputs": []}', b'scan']
    """

    def __init__(self, backend: Backend, *, max_bytes: int | None = None) -> None:
        self.backend, self.max_bytes = backend, most_bytes() if max_bytes is None else max_bytes

    @classmethod
    def open(
        cls,
        folder: str | Path,
        *,
        device: str | None = None,
        scratch: str | Path | None = None,
        max_bytes: int | None = None,
        allow_more: bool = False,
    ) -> Service:
        """Return what answers requests to an unpacked archive. Digests are verified, if there are some.

        Args:
            folder: The unpacked archive.
            device: Where it computes, e.g. ``"cuda:0"``; None: as the package says, or on the processor.
            scratch: Folder for files of requests; None: a temporary one.
            max_bytes: Largest body after decompression; None: as above.
            allow_more: Whether files may be in the folder that were not packed, as TorchServe puts them there.

        Raises:
            EisenError: If the package is damaged, or its pickles may not be loaded.
        """
        folder = Path(folder)
        verify_members(folder, allow_more=allow_more)
        return cls(_backend(folder, device, scratch), max_bytes=max_bytes)

    @property
    def metadata(self) -> dict[str, Any]:
        """What the package says about itself."""
        return self.backend.metadata

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Return the answers to these requests, in their order; nothing is raised.

        Args:
            requests: What clients sent.
        """
        return [self._answer(request) for request in requests]

    def close(self) -> None:
        """Let go of what the backend holds."""
        close = getattr(self.backend, "close", None)
        if close is not None:
            close()

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self.close()

    def _answer(self, request: Request) -> Answer:
        try:
            refuse_form(request)
            if request.is_empty:
                return Answer.of_json(self.metadata)
            return compressed(self.backend.answer_one(decompressed(request, self.max_bytes)), request)
        except Exception as error:  # whatever it is, the other requests and the worker go on
            return answer_to_error(error)


def verify_members(folder: Path, *, allow_more: bool = False) -> None:
    """Compare the files of an unpacked archive with the digests in it, if there are some.

    Args:
        folder: The unpacked archive.
        allow_more: Whether files may be there that were not packed.

    Raises:
        EisenError: If a file is not what was packed.
    """
    if (folder / DIGESTS).is_file():
        from eisen_deploy.packaging.digests import verify_folder

        verify_folder(folder, allow_more=allow_more)


def _backend(folder: Path, device: str | None, scratch: str | Path | None) -> Backend:
    if is_package(folder):
        from eisen_deploy.serving.volumes.service import PackageBackend

        backend: Backend = PackageBackend(folder, device, scratch)
        return backend
    from eisen_deploy.serving.pickled import PickledBackend

    _refuse_other_handlers(folder)
    return PickledBackend.open(folder, device)


def _refuse_other_handlers(folder: Path) -> None:
    """A handler of somebody else answers as it likes: only TorchServe can run it."""
    if not (folder / MANIFEST).is_file():
        return
    model = json_file_to_dict(folder / MANIFEST).get("model")
    handler = model.get("handler", HANDLER) if isinstance(model, dict) else HANDLER
    if handler != HANDLER:
        raise ArgumentError(
            f"the package brings its own handler, {handler!r}",
            expected=f"the handler of eisen, {HANDLER!r}",
            to_do="serve it with TorchServe: eisen serve --engine torchserve",
        )
