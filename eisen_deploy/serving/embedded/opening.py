"""How a worker begins: it opens what it serves, and makes sure that it does not outlive the front."""

from __future__ import annotations

import importlib
import importlib.util
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from eisen_deploy.serving.embedded.link import Message
from eisen_deploy.serving.messages import Answer, Request

__all__ = ["Opened", "end_with_the_front", "give_memory_back", "open_service", "use_threads"]


class Opened(Protocol):
    """What a worker holds; see `eisen_deploy.serving.service.Service`."""

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Return an answer for each request."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


def open_service(boot: Message) -> Opened:
    """Open what is served: the folder of the archive, or for tests a class in a file.

    Args:
        boot: What the front said first.
    """
    if boot.get("service"):
        file, _, name = str(boot["service"]).rpartition(":")
        spec = importlib.util.spec_from_file_location("served", file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        opened: Opened = getattr(module, name).open(boot["folder"])
        return opened
    module = importlib.import_module("eisen_deploy.serving.service")
    service: Opened = module.Service.open(
        Path(boot["folder"]), device=boot.get("device"), scratch=Path(boot["scratch"])
    )
    return service


def give_memory_back() -> None:
    """Return to the system what the allocator of glibc keeps for the next request."""
    if sys.platform == "linux":
        import ctypes

        with suppress(AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)


def use_threads(count: int) -> None:
    """Let torch compute on so many threads, where the model brought it.

    Args:
        count: How many.
    """
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(count)


def end_with_the_front(connection: socket.socket) -> None:
    """End this process when the front ends, even when it is killed while a model computes.

    Args:
        connection: The socket to the front.
    """

    def watch() -> None:
        poll = select.poll()
        poll.register(connection, select.POLLHUP)
        poll.poll()
        os._exit(0)

    threading.Thread(target=watch, name="watch", daemon=True).start()
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: helps while a library holds the interpreter
