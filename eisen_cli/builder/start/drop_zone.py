"""The place on the start page where files and folders are dropped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from nicegui.element import Element
from nicegui.events import GenericEventArguments

from eisen._core.errors import ArgumentError, EisenError
from eisen_cli.builder.look.widgets import ask
from eisen_cli.builder.start.reading import Dropped, Start, found_together, from_files, store_dropped
from eisen_cli.builder.start.reading.dropped import STORABLE
from eisen_cli.builder.workspace import Workspace

__all__ = ["DropZone"]


class DropZone(Element, component="eisen_drop.js"):
    """Takes files and folders, looks for them in the allowed folders, and says what follows from them.

    Args:
        workspace: What the server works on.
        on_looking: Is called when something was dropped.
        on_start: Is called with what follows.
        on_error: Is called with what is wrong.
    """

    def __init__(
        self,
        workspace: Workspace,
        on_looking: Callable[[], None],
        on_start: Callable[[Start], Awaitable[None]],
        on_error: Callable[[EisenError | None], None],
    ) -> None:
        super().__init__()
        self._workspace, self._on_start, self._on_error = workspace, on_start, on_error
        self.on("looking", lambda: on_looking())
        self.on("dropped", self._dropped)

    async def _dropped(self, event: GenericEventArguments) -> None:
        told = event.args if isinstance(event.args, list) else []
        try:
            start = await self._understood([each for each in told if isinstance(each, dict)])
        except EisenError as error:
            self._on_error(error)
            return
        if start is None:
            self._on_error(None)
        else:
            await self._on_start(start)

    async def _understood(self, told: Sequence[dict[str, Any]]) -> Start | None:
        workspace = self._workspace
        dropped = [Dropped(str(e.get("name", "")), int(e.get("size") or 0), str(e.get("digest") or "")) for e in told]
        if not dropped:
            raise ArgumentError("nothing that was dropped is a file or a folder", to_do="drop files or one folder")
        path = await asyncio.to_thread(found_together, dropped, workspace.folders)
        if path is None:
            texts = [each for each in told if isinstance(each.get("text"), str)]
            texts = [each for each in texts if str(each["name"]).lower().endswith(STORABLE)]
            if not texts:
                raise _not_found(dropped, workspace)
            name, text = str(texts[0]["name"]), str(texts[0]["text"])
            question = f"{name.rpartition('/')[2]} is not in the folders of this page. Store a copy?"
            more = f"It would be written into {workspace.data_dir}. Nothing is overwritten."
            if not await ask(question, yes="Store it", more=more):
                return None
            path = await asyncio.to_thread(store_dropped, name, text.encode(), workspace.data_dir, workspace.folders)
        return await asyncio.to_thread(from_files, [path], workspace.folders)


def _not_found(dropped: Sequence[Dropped], workspace: Workspace) -> ArgumentError:
    names = dropped[0].name if len(dropped) == 1 else f"{dropped[0].parts[0]} ({len(dropped)} files)"
    return ArgumentError(
        f"{names} was not found on this machine",
        expected=f"something inside of {', '.join(map(str, workspace.folders))}",
        to_do="a browser does not tell where a dropped file lies: choose the folder instead, or start with --folder",
    )
