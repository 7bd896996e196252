"""Starting the web server, saying where it is, and stopping it."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eisen._core.errors import ArgumentError
from eisen._core.optional import require
from eisen_cli.builder.server.guard import Guard

__all__ = ["serve"]

_ICON = Path(__file__).parents[1] / "look" / "eisen.svg"
_FOR = "the builder and the pages of runs"


def serve(
    register: Callable[[], None],
    *,
    port: int = 0,
    token: str | None = None,
    start: str = "/",
    on_ready: Callable[[str], None],
) -> None:
    """Serve the pages on 127.0.0.1 until Ctrl-C.

    Args:
        register: Registers the pages with NiceGUI.
        port: The port; 0 is any free one.
        token: What the address has to hold; by default a new one.
        start: Path of the page that is opened first, with its query.
        on_ready: Is called with the whole address once the server answers.

    Raises:
        MissingExtraError: If NiceGUI is not installed.
        ArgumentError: If the port is taken.
    """
    require("nicegui", "builder", _FOR)
    import uvicorn
    from fastapi import FastAPI
    from nicegui import ui

    listening = _listening(port)
    number = listening.getsockname()[1]
    secret = token or secrets.token_urlsafe(24)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    register()
    ui.run_with(
        app,
        title="eisen",
        favicon=_ICON,
        dark=None,
        reconnect_timeout=30,
        tailwind=False,
        show_welcome_message=False,
    )
    guarded: Any = Guard(app, token=secret, port=number)
    guarded.app = app  # NiceGUI looks for its server by following this name
    config = uvicorn.Config(guarded, log_level="warning", access_log=False, lifespan="on", ws_max_size=2**24)
    joint = "&" if "?" in start else "?"
    server = _server(config, lambda: on_ready(f"http://127.0.0.1:{number}{start}{joint}token={secret}"))
    with listening:
        server.run(sockets=[listening])


def _server(config: Any, on_ready: Callable[[], None]) -> Any:
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if not self.should_exit:
                on_ready()

    return Server(config)


def _listening(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError as error:
        listening.close()
        what = f"port {port} of this machine cannot be used: {error.strerror or error}"
        raise ArgumentError(what, to_do="leave --port out, then any free one is taken") from error
    return listening
