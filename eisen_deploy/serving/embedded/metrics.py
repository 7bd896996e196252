"""What Prometheus is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from eisen_deploy.serving.embedded.crew import Crew

__all__ = ["Metrics"]

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


class Metrics:
    """Counts requests; one per server.

    Args:
        crews: Whose queues and workers are looked at when somebody asks.

    Example:
        >>> metrics = Metrics([])
        >>> metrics.count({"model": "liver/1.0", "status": 200, "bytes_in": 8, "bytes_out": 2, "total_s": 0.1})
        >>> 'eisen_requests_total{model="liver/1.0",status="200"} 1.0' in metrics.text().decode()
        True
    """

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, crews: Iterable[Crew]) -> None:
        self._crews = list(crews)
        registry = self._registry = CollectorRegistry()
        self._requests = Counter("eisen_requests", "Requests", ["model", "status"], registry=registry)
        self._bytes = Counter("eisen_bytes", "Bytes of bodies", ["model", "direction"], registry=registry)
        self._seconds = {
            part: Histogram(f"eisen_{part}_seconds", what, ["model"], buckets=_SECONDS, registry=registry)
            for part, what in (("wait", "In the queue"), ("compute", "In the worker"), ("total", "From head to tail"))
        }
        self._waiting = Gauge("eisen_queue_length", "Requests that wait", ["model"], registry=registry)
        self._alive = Gauge("eisen_workers_ready", "Workers that can answer", ["model"], registry=registry)
        self._restarts = Gauge("eisen_worker_restarts", "Workers that ended", ["model"], registry=registry)

    def count(self, request: Mapping[str, Any]) -> None:
        """Count a request.

        Args:
            request: What its line in the log says.
        """
        model = request.get("model", "")
        self._requests.labels(model, str(request["status"])).inc()
        self._bytes.labels(model, "in").inc(request["bytes_in"])
        self._bytes.labels(model, "out").inc(request["bytes_out"])
        for part, histogram in self._seconds.items():
            if f"{part}_s" in request:
                histogram.labels(model).observe(request[f"{part}_s"])

    def text(self) -> bytes:
        """Return all numbers as Prometheus reads them."""
        for crew in self._crews:
            model = str(crew.model)
            self._waiting.labels(model).set(crew.waiting)
            self._alive.labels(model).set(crew.n_ready)
            self._restarts.labels(model).set(crew.restarts)
        return generate_latest(self._registry)
