"""Finding out whether TorchServe is ready, and why not."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eisen._core.errors import EisenError
from eisen_deploy.serving.torchserve.launching import Workplace
from eisen_deploy.serving.torchserve.staging import Staged

__all__ = ["Management", "cause_of_death", "wait_until_ready"]

_PAUSE_S = 0.1
_LINE = re.compile(r"^\S+ \[\w+ *\] \S+ (?:MODEL_LOG|\S+) - ?")
_DEATH = re.compile(r"Retry worker: \d+ in ")
_REFUSED = re.compile(r"Failed to load model: (.*)")
_SETTLING_S = 0.3
_SHOWN = 25


@dataclass(frozen=True)
class Management:
    """TorchServe's port for the management of models, on this machine.

    Args:
        port: Its number.
        keys: The file with the tokens.
    """

    port: int
    keys: Path

    def token(self, kind: str) -> str:
        """Return a token that TorchServe made at its start, or nothing if it asks for none.

        Args:
            kind: ``"inference"`` or ``"management"``.
        """
        try:
            return str(json.loads(self.keys.read_text(encoding="utf-8"))[kind]["key"])
        except (OSError, ValueError, KeyError):
            return ""

    def models(self, name: str) -> list[dict[str, Any]]:
        """Return the descriptions of all versions of a model; none while the port does not answer.

        Args:
            name: Of the model.
        """
        value = self._asked("GET", f"/models/{name}/all")
        return value if isinstance(value, list) else []

    def scale(self, name: str, version: str, workers: int) -> None:
        """Have as many workers for a model; more of them start in the background.

        Args:
            name: Of the model.
            version: Of the model.
            workers: How many.
        """
        self._asked("PUT", f"/models/{name}/{version}?min_worker={workers}&max_worker={workers}")

    def _asked(self, method: str, path: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, headers={"Authorization": f"Bearer {self.token('management')}"})
            return json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()


def wait_until_ready(
    alive: Callable[[], bool],
    place: Workplace,
    management: Management,
    models: Sequence[Staged],
    workers: int,
    limit_s: float,
) -> None:
    """Wait until all workers of all models have loaded them.

    Args:
        alive: Tells whether the server's process is there.
        place: The folder of the server.
        management: Its port.
        models: What it serves.
        workers: How many each model shall have.
        limit_s: Most seconds to wait.

    Raises:
        EisenError: If the server or a worker died, or it takes too long; the card ends with what the log says.
    """
    deadline = time.monotonic() + limit_s
    while not all(_is_ready(management, model, workers) for model in models):
        if not alive():
            raise _failure("TorchServe did not start", _tail(place.console) or _tail(place.server_log))
        if cause := cause_of_death(place):
            raise _failure("a worker of TorchServe died while it loaded its model", cause)
        if time.monotonic() > deadline:
            raise _failure(f"TorchServe was not ready after {limit_s:g} s", _tail(place.model_log))
        time.sleep(_PAUSE_S)


def cause_of_death(place: Workplace) -> list[str]:
    """Return the first traceback that a worker printed, or what else is known; nothing if all workers live.

    The last lines of the log mislead: they are about another handler of the same name that TorchServe looks for after
    the first one could not be imported.

    Args:
        place: The folder of the server.
    """
    server = _lines(place.server_log)
    if refused := [found.group(1) for line in server if (found := _REFUSED.search(line))]:
        return ["TorchServe refused the archive: " + refused[0], *_traces(server)]
    if not any(map(_DEATH.search, server)):
        return []
    time.sleep(_SETTLING_S)  # what it printed may come after the news of its death
    printed = _lines(place.model_log)
    return _first_traceback(printed) or [*printed[-_SHOWN:], "it printed no error; was it killed for want of memory?"]


def _is_ready(management: Management, model: Staged, wanted: int) -> bool:
    described = [entry for entry in management.models(model.name) if entry.get("modelVersion") == model.version]
    if not described:
        return False
    if described[0].get("minWorkers") != wanted:  # the archive says otherwise, and wins over config.properties
        management.scale(model.name, model.version, wanted)
    status = [worker.get("status") for worker in described[0].get("workers", [])]
    return len(status) == wanted and set(status) == {"READY"}


def _first_traceback(lines: Sequence[str]) -> list[str]:
    start = next((number for number, line in enumerate(lines) if line.startswith("Traceback (most")), None)
    if start is None:
        return []
    # up to the error itself, the first line after the frames that is not indented
    end = next((n for n in range(start + 1, len(lines)) if lines[n] and not lines[n].startswith(" ")), len(lines) - 1)
    return list(lines[start : end + 1])


def _traces(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if line.startswith(("org.pytorch.serve", "java."))][:3]


def _failure(what: str, log: Sequence[str]) -> EisenError:
    last = log[-1].strip() if log else "it left no message"
    error = EisenError(f"{what}: {last}", to_do="read the log (eisen: with --debug), or try the embedded server")
    error.add_note("\n".join(log))
    return error


def _lines(file: Path) -> list[str]:
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [_LINE.sub("", line) for line in text.splitlines()]


def _tail(file: Path) -> list[str]:
    return _lines(file)[-_SHOWN:]
