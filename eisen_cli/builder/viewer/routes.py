"""Where the browser gets volumes and the script of the viewer from: by plain requests that it may keep."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import FileResponse, Response
from nicegui import app

from eisen._core.errors import ArgumentError, EisenError, MissingFileError
from eisen_cli.builder.server.folders import Folders
from eisen_cli.builder.viewer.bundle import niivue
from eisen_cli.builder.workspace import Workspace

__all__ = ["SCRIPT", "VOLUME", "register_routes", "volume_file", "volume_url"]

SCRIPT = "/eisen-viewer/niivue.js"
VOLUME = "/eisen-viewer/volume"
_SUFFIXES = (".nii.gz", ".nii")
_ASK_AGAIN = "private, no-cache"
"""Browsers keep what they get, and ask whether it is still the same."""


def register_routes(workspace: Workspace) -> None:
    """Serve the script and the volumes inside of the allowed folders.

    Args:
        workspace: What the server works on.
    """

    async def script(request: Request) -> Response:
        return _answered(request, _script)

    async def volume(request: Request, path: str) -> Response:
        return _answered(request, lambda known: _volume(workspace.folders, path, known))

    for address, endpoint in ((SCRIPT, script), (VOLUME, volume)):
        app.router.routes[:] = [route for route in app.router.routes if getattr(route, "path", "") != address]
        app.add_api_route(address, endpoint, methods=["GET", "HEAD"], include_in_schema=False)


def volume_url(path: Path) -> str:
    """Return the address of a volume.

    Example:
        >>> volume_url(Path("/runs/a b/image.nii.gz"))
        '/eisen-viewer/volume?path=%2Fruns%2Fa+b%2Fimage.nii.gz'
    """
    return f"{VOLUME}?{urlencode({'path': path})}"


def volume_file(folders: Folders, path: str) -> Path:
    """Return a volume that may be shown.

    Args:
        folders: The allowed folders.
        path: Which file.

    Raises:
        ArgumentError: If it is outside of them, or no volume.
        MissingFileError: If it is not there.
    """
    found = folders.resolve(path)
    if not found.name.lower().endswith(_SUFFIXES):
        raise ArgumentError(f"{found.name} is no volume", expected=f"a file that ends in {' or '.join(_SUFFIXES)}")
    if not found.is_file():
        raise MissingFileError(f"there is no volume {found.name}", to_do="run eisen review again", file=str(found))
    return found


def _answered(request: Request, make: Callable[[str], Response]) -> Response:
    try:
        return make(request.headers.get("if-none-match", ""))
    except EisenError as error:
        status = 404 if isinstance(error, MissingFileError) else 403
        plain = "".join(each if each.isprintable() else " " for each in error.card.what)
        words = plain.encode("latin-1", "replace").decode("latin-1")
        return Response(words, status, {"x-eisen-error": words, "cache-control": "no-store"}, "text/plain")


def _script(known: str) -> Response:
    bundle = niivue()
    headers = {"cache-control": _ASK_AGAIN, "etag": f'"{bundle.tag}"'}
    if headers["etag"] in known:
        return Response(status_code=304, headers=headers)
    return Response(bundle.text, headers=headers, media_type="text/javascript")


def _volume(folders: Folders, path: str, known: str) -> Response:
    found = volume_file(folders, path)
    facts = found.stat()
    headers = {"cache-control": _ASK_AGAIN, "etag": f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"'}
    if headers["etag"] in known:
        return Response(status_code=304, headers=headers)
    headers["content-encoding"] = "identity"  # a volume is packed already
    return FileResponse(found, headers=headers, media_type="application/octet-stream")
