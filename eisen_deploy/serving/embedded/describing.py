"""What the server says about itself, in the words of TorchServe."""

from __future__ import annotations

from typing import Any

from eisen_deploy.serving.embedded.crew import Crew
from eisen_deploy.serving.messages import Answer
from eisen_deploy.serving.settings import ServerSettings

__all__ = ["describe", "health"]

_WORDS = {
    "ready": "Healthy",
    "restarting": "Loading",
    "loading": "Loading",
    "failing": "Unhealthy",
    "stopping": "Stopping",
}
_WORST = ("stopping", "failing", "loading", "restarting", "ready")


def health(crews: list[Crew]) -> Answer:
    """Return the answer of ``/ping``: healthy when every model has a worker that can answer.

    Args:
        crews: What is served.
    """
    states = {crew.state for crew in crews}
    worst = next(state for state in _WORST if state in states)
    return Answer.of_json({"status": _WORDS[worst]}, 200 if worst == "ready" else 503)


def describe(crew: Crew, settings: ServerSettings) -> dict[str, Any]:
    """Return what ``/models/<name>`` says about a model.

    Args:
        crew: Its workers.
        settings: How it is served.
    """
    return {
        "modelName": crew.model.name,
        "modelVersion": crew.model.version,
        "engine": "eisen",
        "minWorkers": settings.workers,
        "maxWorkers": settings.workers,
        "batchSize": settings.batch_size,
        "maxBatchDelay": settings.batch_delay_ms,
        "responseTimeout": settings.timeout_s,
        "maxRequestSize": settings.max_bytes,
        "status": _WORDS[crew.state],
        "workers": [
            {"id": str(slot), "status": crew.states[slot].upper(), "pid": worker.pid if worker else None}
            for slot, worker in crew.workers.items()
        ],
        "restarts": crew.restarts,
        "jobQueueStatus": {
            "remainingCapacity": max(0, settings.queue_size - crew.waiting),
            "pendingRequests": crew.waiting,
        },
    }
