"""What is sent, piece by piece: bytes, files and arrays, none of them copied as a whole."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eisen._core.errors import ArgumentError, CorruptFileError, MissingFileError
from eisen_deploy.client.media import content_type_of, is_packed

__all__ = ["PIECE", "Body", "Sending", "array_body", "bytes_body", "file_body"]

PIECE = 256 * 1024
"""So many bytes are handed to the network at a time."""


@dataclass(frozen=True)
class Body:
    """What is sent, made anew for each attempt.

    Args:
        pieces: Returns the bytes, piece by piece.
        length: How many there are; None: known only at the end.
        content_type: Media type; empty: none is given.
        headers: More headers.
        name: What it is called on the screen.
    """

    pieces: Callable[[], Iterator[bytes | memoryview]]
    length: int | None
    content_type: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    name: str = "request"

    @property
    def is_packed(self) -> bool:
        """Whether compressing it gains nothing."""
        return is_packed(self.content_type)


class Sending:
    """One attempt to send a body; knows how far it came.

    Args:
        body: What is sent.
        on_piece: Told of the bytes that went out so far, before each piece and at the end; may raise to stop.

    Example:
        >>> sending = Sending(bytes_body(b"abc"))
        >>> b"".join(sending), sending.is_whole, len(sending)
        (b'abc', True, 3)
    """

    def __init__(self, body: Body, on_piece: Callable[[int], None] | None = None) -> None:
        self.body, self.on_piece = body, on_piece or (lambda _n: None)
        self.sent, self.is_whole = 0, False

    def __len__(self) -> int:
        """The length, 0 when it is not known: requests then sends in chunks."""
        return self.body.length or 0

    def __bool__(self) -> bool:
        return True  # requests sends nothing for what is false, as something of unknown length would be

    def __iter__(self) -> Iterator[bytes | memoryview]:
        for piece in self.body.pieces():
            self.on_piece(self.sent)
            yield piece
            self.sent += len(piece)
        self.on_piece(self.sent)
        self.is_whole = True


def bytes_body(content: bytes | bytearray | memoryview, content_type: str = "", **headers: str) -> Body:
    """Return a body of bytes that are in memory.

    Args:
        content: The bytes.
        content_type: Their media type.
        **headers: More headers, with ``_`` for ``-``.
    """
    view = memoryview(content).cast("B") if len(content) else memoryview(b"")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Body(lambda: _cut(view), len(view), content_type, named)


def _cut(view: memoryview) -> Iterator[memoryview]:
    for start in range(0, len(view), PIECE):
        yield view[start : start + PIECE]


def file_body(path: str | Path) -> Body:
    """Return a body that reads a file while it is sent.

    Args:
        path: The file.

    Raises:
        MissingFileError: If it is not there or cannot be read.
        CorruptFileError: If it is empty: an empty request means another thing.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "scan.nii.gz"
        >>> _ = file.write_bytes(b"voxels")
        >>> body = file_body(file)
        >>> body.length, body.content_type, b"".join(body.pieces())
        (6, 'application/x-nifti+gzip', b'voxels')
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise MissingFileError(f"{path} cannot be read: {error.strerror}", file=str(path)) from error
    if not size:
        raise CorruptFileError(f"{path} is empty", expected="an image", file=str(path))
    if path.name.lower().endswith((".mhd", ".hdr")):
        raise CorruptFileError(
            f"the voxels of {path.name} are in another file",
            expected="an image in one file",
            to_do="save it as .mha, .nrrd or .nii.gz",
            file=str(path),
        )
    return Body(lambda: _read(path, size), size, content_type_of(path), name=path.name)


def _read(path: Path, size: int) -> Iterator[bytes]:
    """Yield a file; errors of the disk must not look like errors of the network."""
    left = size
    try:
        with path.open("rb") as file:
            while left and (piece := file.read(min(PIECE, left))):
                left -= len(piece)
                yield piece
    except OSError as error:
        raise CorruptFileError(f"{path} cannot be read: {error.strerror}", file=str(path)) from error
    if left:
        raise CorruptFileError(
            f"{path} became shorter while it was sent", to_do="send it again when it is complete", file=str(path)
        )


def array_body(array: Any, **headers: str) -> Body:
    """Return a body with an array as ``.npy``; the voxels are not copied when they lie in one piece.

    Args:
        array: Numbers.
        **headers: More headers, with ``_`` for ``-``.

    Raises:
        ArgumentError: If it holds something other than numbers.

    Example:
        >>> import io, numpy
        >>> body = array_body(numpy.eye(3))
        >>> numpy.load(io.BytesIO(b"".join(body.pieces()))).sum(), body.length
        (np.float64(3.0), 200)
    """
    import numpy as np

    array = np.asarray(array)
    if array.dtype.kind not in "biufc":
        raise ArgumentError(f"an array of {array.dtype} cannot be sent", expected="an array of numbers")
    array = np.ascontiguousarray(array) if array.ndim else array
    if not array.size:
        raise ArgumentError(f"an array of shape {array.shape} has no voxels", expected="an array with voxels")
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, np.lib.format.header_data_from_array_1_0(array))
    view, start = memoryview(array.reshape(-1).view(np.uint8)), head.getvalue()

    def pieces() -> Iterator[bytes | memoryview]:
        yield start
        yield from _cut(view)

    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Body(pieces, len(start) + len(view), content_type_of("x.npy"), named, name="array.npy")
