"""Several images in one request, each read from its file while it is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from secrets import token_hex

from eisen._core.errors import ArgumentError
from eisen_deploy.client.bodies import Body

__all__ = ["multipart"]


def multipart(parts: Mapping[str, Body]) -> Body:
    """Return a form with one part per input of the model.

    Args:
        parts: By the name of the input.

    Example:
        >>> from eisen_deploy.client.bodies import bytes_body
        >>> form = multipart({"t1": bytes_body(b"voxels", "application/x-nifti")})
        >>> text = b"".join(form.pieces())
        >>> text.splitlines()[1], len(text) == form.length
        (b'Content-Disposition: form-data; name="t1"; filename="request"', True)
    """
    boundary = f"eisen-{token_hex(16)}"
    heads = {field: _head(boundary, field, body) for field, body in parts.items()}
    end = f"--{boundary}--\r\n".encode()

    def pieces() -> Iterator[bytes | memoryview]:
        for field, body in parts.items():
            yield heads[field]
            yield from body.pieces()
            yield b"\r\n"
        yield end

    lengths = [body.length for body in parts.values()]
    known = [length for length in lengths if length is not None]
    total = sum(known) + sum(map(len, heads.values())) + 2 * len(parts) + len(end)
    names = ", ".join(body.name for body in parts.values())
    kind = f"multipart/form-data; boundary={boundary}"
    return Body(pieces, total if len(known) == len(lengths) else None, kind, name=names)


def _head(boundary: str, field: str, body: Body) -> bytes:
    if not field or any(ord(sign) < 32 for sign in field):
        raise ArgumentError(f"{field!r} cannot be the name of an input", expected="a name without line breaks")
    if body.headers:
        raise ArgumentError(f"the part {field!r} needs headers", expected="parts that are files as they are")
    lines = [
        f"--{boundary}",
        f'Content-Disposition: form-data; name="{_quoted(field)}"; filename="{_quoted(body.name)}"',
        f"Content-Type: {body.content_type or 'application/octet-stream'}",
        "",
        "",
    ]
    return "\r\n".join(lines).encode()


def _quoted(name: str) -> str:
    """Return a name as browsers write it into a form."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
