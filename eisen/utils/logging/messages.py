"""Notices about a run to a chat or any other address that takes JSON."""

from __future__ import annotations

import json
import logging
import os
import queue
import threading
import urllib.request
from pathlib import Path
from typing import Any
from uuid import UUID

from eisen._core.errors import ArgumentError
from eisen.utils.events import EpochEnd, EpochStart
from eisen.utils.hub import attach

__all__ = ["MessageHook"]

_log = logging.getLogger(__name__)
_TIMEOUT_S = 5.0


class MessageHook:
    """Post a notice when a run starts, after epochs, and when it ends or fails.

    A notice is ``{"text": "..."}``, which Slack, Mattermost and others take as an incoming webhook. The address is a
    secret, so the configuration names only the environment variable that holds it; without the variable nothing is
    posted. Posting happens beside the training; an address that does not answer is mentioned once in the log and never
    disturbs anything. Notices hold names of losses and metrics and their values; never cases, files or folders.

    Args:
        workflow_id: The `id` of the workflow to watch.
        phase: Name shown in the notices, e.g. ``"Validation"``.
        artifacts_dir: Not used; here because all hooks have it.
        variable: Environment variable that holds the address, ``https://...``.
        title: What the run is called.
        every: Post after every so many epochs; 0 posts start and end only.

    Raises:
        ArgumentError: If the address is not one of http or https, or `every` is below 0.

    Example:
        >>> from uuid import uuid4
        >>> hook = MessageHook(uuid4(), "Training", None, title="liver")
        >>> hook.text_of(4, {"dice_ce": 0.25}, {"dice": 0.8714})
        'liver: Training, epoch 5: dice_ce 0.25, dice 0.8714'
    """

    def __init__(
        self,
        workflow_id: UUID,
        phase: str,
        artifacts_dir: str | Path | None = None,
        variable: str = "EISEN_WEBHOOK",
        title: str = "eisen",
        every: int = 1,
    ) -> None:
        if not isinstance(every, int) or every < 0:
            raise ArgumentError(f"MessageHook: every is {every!r}", expected="a whole number from 0")
        self.phase, self.artifacts_dir, self.variable = phase, artifacts_dir, variable
        self.title, self.every = title, every
        self._post = _Post(_address(variable))
        self._has_started = False
        attach(workflow_id, self)

    def on_epoch_start(self, event: EpochStart) -> None:
        """Tell that the run has started, once."""
        if not self._has_started:
            self._has_started = True
            where = "" if event.epoch == 0 else f", with epoch {event.epoch + 1}"
            self.tell(f"{self.title}: {self.phase} has started{where}")

    def on_epoch_end(self, event: EpochEnd) -> None:
        """Tell the losses and metrics of the epoch."""
        if self.every and (event.epoch + 1) % self.every == 0:
            self.tell(self.text_of(event.epoch, event.losses, event.metrics))

    def on_run_end(self, status: str, error: BaseException | None = None) -> None:
        """Tell how the run ended, and wait a few seconds for the notices to leave. The run calls it.

        Args:
            status: ``"complete"``, ``"interrupted"`` or ``"failed"``.
            error: What ended it; only its kind is told, as its text may name a case.
        """
        kind = "" if error is None else f" ({type(error).__name__})"
        self.tell(f"{self.title}: {self.phase} is {status}{kind}")
        self._post.wait()

    def text_of(self, epoch: int, losses: dict[str, float], metrics: dict[str, float]) -> str:
        """Return the notice about an epoch.

        Args:
            epoch: Number of the epoch, from 0.
            losses: Means by name.
            metrics: Means by name.
        """
        values = ", ".join(f"{name} {value:.4g}" for name, value in {**losses, **metrics}.items())
        return f"{self.title}: {self.phase}, epoch {epoch + 1}: {values or 'done'}"

    def tell(self, text: str) -> None:
        """Post a notice, beside whatever goes on.

        Args:
            text: The notice.
        """
        self._post(text)


def _address(variable: str) -> str:
    address = os.environ.get(variable, "").strip()
    if not address:
        _log.warning("the environment variable %s is not set: no notices are posted", variable)
    elif not address.lower().startswith(("http://", "https://")):
        raise ArgumentError(
            f"MessageHook: the environment variable {variable} holds no web address",
            expected="an address that begins with https://",
        )
    return address


class _Post:
    """Sends notices one after the other in a thread of its own."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._texts: queue.SimpleQueue[str | threading.Event] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._has_complained = False

    def __call__(self, text: str) -> None:
        if not self._address:
            return
        self._texts.put(text)
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="eisen notices", daemon=True)
            self._thread.start()

    def wait(self) -> None:
        """Wait until all notices so far are sent, or for a few seconds."""
        if self._thread is not None:
            done = threading.Event()
            self._texts.put(done)
            done.wait(2 * _TIMEOUT_S)

    def _run(self) -> None:
        while True:
            text = self._texts.get()
            if isinstance(text, threading.Event):
                text.set()
            else:
                self._send(text)

    def _send(self, text: str) -> None:
        body = json.dumps({"text": text}).encode()
        headers: dict[str, Any] = {"Content-Type": "application/json"}
        request = urllib.request.Request(self._address, body, headers, method="POST")  # noqa: S310  # http or https
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S):  # noqa: S310  # checked in _address
                pass
        except Exception as error:  # its text may hold the address, which is a secret
            if not self._has_complained:
                self._has_complained = True
                _log.warning("a notice could not be posted (%s); the run goes on", type(error).__name__)
