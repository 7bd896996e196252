"""``config.properties``: what TorchServe is told, closed where its own defaults are open."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eisen._core.errors import ArgumentError
from eisen._core.optional import require

if TYPE_CHECKING:
    from eisen_deploy.serving.settings import ServerSettings
    from eisen_deploy.serving.torchserve.staging import Staged

__all__ = ["LARGEST", "Ports", "config_text", "sizes_of"]

LARGEST = 2**31 - 1
"""TorchServe counts bytes, and everything else, as Java's int."""

_CENTURY_MIN = 100 * 365 * 24 * 60
_NOTHING = "(?!)"
_HEADERS = "Authorization, Content-Type, Content-Encoding, Accept, X-Eisen-Affine"


@dataclass(frozen=True)
class Ports:
    """Where TorchServe listens, always on addresses of this machine but for the first.

    Args:
        inference: Predictions and ``/ping``.
        management: Describing and scaling models.
        metrics: ``/metrics`` for Prometheus.
        grpc_inference: Predictions by gRPC.
        grpc_management: Models by gRPC.

    Example:
        >>> Ports(8080, 8081, 8082, 7070, 7071).inference
        8080
    """

    inference: int
    management: int
    metrics: int
    grpc_inference: int
    grpc_management: int

    def __post_init__(self) -> None:
        if len(set(astuple(self))) < len(astuple(self)):
            raise ArgumentError(f"two servers on one port: {astuple(self)}", expected="five different ports")


def config_text(settings: ServerSettings, ports: Ports, models: Iterable[Staged] = ()) -> str:
    """Return the content of a ``config.properties``.

    Only this machine is listened to unless the settings say otherwise, a token is asked for, no model can be
    registered from outside, and one worker loads each model (TorchServe's default is one per processor).

    Args:
        settings: How the models are served.
        ports: Where TorchServe listens.
        models: What is served, for the sizes of workers and batches.

    Raises:
        ArgumentError: If TorchServe cannot do what the settings say.

    Example:
        >>> from eisen_deploy.serving.settings import ServerSettings
        >>> text = config_text(ServerSettings(max_bytes=2_000_000), Ports(8080, 8081, 8082, 7070, 7071))
        >>> "inference_address=http://127.0.0.1:8080" in text, "max_request_size=2000000" in text
        (True, True)
    """
    _check(settings)
    values = {
        **_addresses(settings, ports),
        **_sizes(settings),
        **_doors(settings),
        **_tls(settings),
        **_models(settings, models),
    }
    return "".join(f"{key}={_escaped(str(value))}\n" for key, value in values.items())


def _check(settings: ServerSettings) -> None:
    if settings.max_bytes > LARGEST:
        raise ArgumentError(
            f"requests of {settings.max_bytes} bytes are more than TorchServe can take",
            expected=f"at most {LARGEST}",
            to_do="give a smaller limit, or use the embedded server",
        )
    if len(settings.allowed_origins) > 1:
        raise ArgumentError(
            "TorchServe can let in the pages of one origin only",
            expected="one allowed origin",
            to_do="give one, or use the embedded server",
        )
    if settings.allowed_origins and settings.token:
        raise ArgumentError(
            "TorchServe asks for the token where browsers have none to give: when they ask whether they may send one",
            expected="allowed origins, or a token",
            to_do="use the embedded server",
        )


def _addresses(settings: ServerSettings, ports: Ports) -> dict[str, Any]:
    scheme = "https" if settings.has_tls else "http"
    host = settings.host if ":" not in settings.host else f"[{settings.host.strip('[]')}]"
    return {
        "inference_address": f"{scheme}://{host}:{ports.inference}",
        "management_address": f"http://127.0.0.1:{ports.management}",
        "metrics_address": f"http://127.0.0.1:{ports.metrics}",
        "grpc_inference_address": "127.0.0.1",
        "grpc_inference_port": ports.grpc_inference,
        "grpc_management_address": "127.0.0.1",
        "grpc_management_port": ports.grpc_management,
    }


def _sizes(settings: ServerSettings) -> dict[str, Any]:
    return {
        "default_workers_per_model": settings.workers,
        "job_queue_size": settings.queue_size,
        "max_request_size": settings.max_bytes,
        "max_response_size": LARGEST,  # an answer that is larger kills the worker
        "default_response_timeout": math.ceil(settings.timeout_s),
        "default_startup_timeout": 3600,
        **({"number_of_gpu": 0 if settings.device == "cpu" else 1} if settings.device else {}),
    }


def _doors(settings: ServerSettings) -> dict[str, Any]:
    cors = {
        "cors_allowed_origin": "".join(settings.allowed_origins),
        "cors_allowed_methods": "GET, POST, PUT, OPTIONS",
        "cors_allowed_headers": _HEADERS,
    }
    return {
        "disable_token_authorization": str(not settings.token).lower(),
        "token_expiration_min": _CENTURY_MIN,
        "enable_model_api": "false",
        "enable_envvars_config": "false",
        "install_py_dep_per_model": "false",
        "allowed_urls": _NOTHING,
        "metrics_mode": "prometheus",
        "disable_system_metrics": "true",  # a Python process every minute, which looks for nvidia-smi
        **(cors if settings.allowed_origins else {}),
    }


def _tls(settings: ServerSettings) -> dict[str, Any]:
    if settings.tls_certificate is None or settings.tls_key is None:
        return {}
    key = settings.tls_key.resolve()
    if not _is_rsa(key):
        raise ArgumentError(
            f"TorchServe cannot use the private key {key.name}",
            expected="an RSA key without a password, in PEM",
            to_do="make an RSA key, or use the embedded server",
        )
    return {"private_key_file": key, "certificate_file": settings.tls_certificate.resolve()}


def _is_rsa(key: Path) -> bool:
    purpose = "reading the private key"
    serialization = require("cryptography.hazmat.primitives.serialization", "deploy", purpose)
    rsa = require("cryptography.hazmat.primitives.asymmetric.rsa", "deploy", purpose)
    try:
        return isinstance(serialization.load_pem_private_key(key.read_bytes(), None), rsa.RSAPrivateKey)
    except (TypeError, ValueError):  # it has a password, or is no key
        return False


def sizes_of(settings: ServerSettings) -> dict[str, int]:
    """Return what is told about each model, in the words of TorchServe.

    Args:
        settings: How the models are served.

    Example:
        >>> from eisen_deploy.serving.settings import ServerSettings
        >>> sizes_of(ServerSettings(batch_size=4))["batchSize"]
        4
    """
    return {
        "minWorkers": settings.workers,
        "maxWorkers": settings.workers,
        "batchSize": settings.batch_size,
        "maxBatchDelay": math.ceil(settings.batch_delay_ms),
        "responseTimeout": math.ceil(settings.timeout_s),
    }


def _models(settings: ServerSettings, models: Iterable[Staged]) -> dict[str, Any]:
    sizes = sizes_of(settings)
    table: dict[str, dict[str, Mapping[str, Any]]] = {}
    for model in models:
        table.setdefault(model.name, {})[model.version] = {"marName": model.file, **sizes}
    return {"models": json.dumps(table)} if table else {}


def _escaped(value: str) -> str:
    """Return a value as Java's properties spell it."""
    value = value.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    letters = (c if c.isascii() else "".join(f"\\u{unit:04x}" for unit in _utf16(c)) for c in value)
    text = "".join(letters)
    return f"\\{text}" if text.startswith((" ", "\t", "\f")) else text


def _utf16(letter: str) -> list[int]:
    raw = letter.encode("utf-16-be")
    return [int.from_bytes(raw[start : start + 2], "big") for start in range(0, len(raw), 2)]
