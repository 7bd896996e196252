"""What one server works on: a document, the parts it can be made of, and the folders it may look into."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eisen_cli.builder.server.folders import Folders

if TYPE_CHECKING:
    from eisen_cli.builder.document.checking import Finding
    from eisen_cli.builder.document.document import Document
    from eisen_cli.builder.document.history import Change
    from eisen_cli.builder.parts.catalogue import Catalogue

__all__ = ["Workspace"]

_CHECK_AFTER = 0.2


class Workspace:
    """The state behind all pages of one server.

    Pages come and go; what was edited, found and loaded stays here. Listeners are called in the thread of the server's
    event loop.

    Args:
        document: What is edited; None for a server that only shows runs.
        folders: What may be looked into.
        data_dir: Folder of the data.
        artifact_dir: Folder for the results.
        imports: Further modules to offer.
        runs: Artifact folders that were named on the command line.

    Attributes:
        findings: What is wrong with the document, as of the last check.
        catalogue: What a document can be made of; None until it has been loaded.
        dark: Whether pages are dark; None follows the system.
        preferences: What pages want to remember while the server lives, e.g. which panels are open.
    """

    def __init__(
        self,
        document: Document | None,
        folders: Folders,
        data_dir: Path,
        artifact_dir: Path,
        imports: Sequence[str] = (),
        runs: Sequence[Path] = (),
    ) -> None:
        self._document = document
        self.folders = folders
        self.data_dir, self.artifact_dir = data_dir, artifact_dir
        self.imports, self.runs = tuple(imports), tuple(runs)
        self.catalogue: Catalogue | None = None
        self.findings: list[Finding] = []
        self.dark: bool | None = None
        self.preferences: dict[str, Any] = {}
        self._loading: asyncio.Task[Catalogue] | None = None
        self._pending: asyncio.Task[None] | None = None
        self._adding: asyncio.Task[None] | None = None
        self._on_findings: list[Callable[[list[Finding]], None]] = []
        self._on_change: list[Callable[[Change], None]] = []
        self._on_document: list[Callable[[Document], None]] = []
        self._on_catalogue: list[Callable[[Catalogue], None]] = []
        self._unsubscribe: Callable[[], None] = lambda: None
        if document is not None:
            self._unsubscribe = document.subscribe(self._changed)

    @property
    def has_builder(self) -> bool:
        """Whether there is a document to edit."""
        return self._document is not None

    @property
    def document(self) -> Document:
        """What is edited."""
        assert self._document is not None, "this server only shows runs"
        return self._document

    def open(self, document: Document) -> None:
        """Edit another document from now on."""
        self._unsubscribe()
        self._document = document
        self._unsubscribe = document.subscribe(self._changed)
        self.preferences.pop("phase", None)
        if document.path is not None:
            self.folders.add(document.path.parent)
        for listener in list(self._on_document):
            listener(document)
        self.check_soon()

    async def ready(self) -> Catalogue:
        """Return the catalogue; the first call loads it in a thread, all others wait for the same.

        The parts of other libraries, whose import is slow, come into it later; `on_catalogue` tells when.
        """
        if self.catalogue is None:
            if self._loading is None or (self._loading.done() and self._loading.exception()):
                self._loading = asyncio.create_task(self._load())
            self.catalogue = await asyncio.shield(self._loading)
            if self._document is not None:
                self._document.repair()
        return self.catalogue

    def on_change(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call a function after every change of the document, whichever it is; return what ends that."""
        return _listed(self._on_change, listener)

    def on_findings(self, listener: Callable[[list[Finding]], None]) -> Callable[[], None]:
        """Call a function after every check; return what ends that."""
        return _listed(self._on_findings, listener)

    def on_catalogue(self, listener: Callable[[Catalogue], None]) -> Callable[[], None]:
        """Call a function when there is more in the catalogue than before; return what ends that."""
        return _listed(self._on_catalogue, listener)

    def on_document(self, listener: Callable[[Document], None]) -> Callable[[], None]:
        """Call a function when another document is opened; return what ends that."""
        return _listed(self._on_document, listener)

    def check_soon(self) -> None:
        """Check the document a moment later, in a thread; a change in the meantime starts the wait again."""
        if self._pending is not None:
            self._pending.cancel()
        with suppress(RuntimeError):  # without an event loop, as in tests of the parts, nothing is checked by itself
            self._pending = asyncio.get_running_loop().create_task(self._check())

    async def check_now(self) -> list[Finding]:
        """Check the document and return what is wrong with it."""
        from eisen_cli.builder.document.checking import findings_of

        await self.ready()
        document = self.document
        data, base = copy.deepcopy(document.data), document.path.parent if document.path else None
        findings = await asyncio.to_thread(findings_of, data, base)
        if document is self._document:
            self.findings = findings if document.data else []  # nobody is told what is wrong before he has begun
            for listener in list(self._on_findings):
                listener(self.findings)
        return findings

    async def _check(self) -> None:
        await asyncio.sleep(_CHECK_AFTER)
        await self.check_now()

    async def _load(self) -> Catalogue:
        from eisen_cli.builder.parts.catalogue import load_catalogue

        catalogue = await asyncio.to_thread(load_catalogue, self.imports, others=False)
        self._adding = asyncio.create_task(self._add(catalogue))
        return catalogue

    async def _add(self, catalogue: Catalogue) -> None:
        await asyncio.to_thread(catalogue.add_libraries)
        for listener in list(self._on_catalogue):
            listener(catalogue)

    def _changed(self, change: Change) -> None:
        for listener in list(self._on_change):
            listener(change)
        self.check_soon()


def _listed(listeners: list[Any], listener: Any) -> Callable[[], None]:
    listeners.append(listener)

    def remove() -> None:
        with suppress(ValueError):
            listeners.remove(listener)

    return remove
