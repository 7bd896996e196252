"""The screens of ``eisen serve``: what is served, how to use it, and a line per request."""

from __future__ import annotations

import time
from collections.abc import Sequence
from shlex import quote
from typing import TYPE_CHECKING, Any

from eisen._core.sizes import memory_text
from eisen_cli.show.screen import Screen

if TYPE_CHECKING:
    from eisen_deploy.serving.embedded.archives import Served
    from eisen_deploy.serving.settings import ServerSettings

__all__ = ["show_line", "show_models", "show_ready"]


def show_models(screen: Screen, models: Sequence[Served], settings: ServerSettings, engine: str, why: str) -> None:
    """Say what is going to be served, and by which engine.

    Args:
        screen: Where to write.
        models: The archives.
        settings: How they are served.
        engine: Its name.
        why: Why this one.
    """
    names = {"embedded": "the embedded server", "torchserve": "TorchServe"}
    screen.line(f"engine: {names[engine]}" + (f" ({why})" if why else ""), style="quiet")
    for model in models:
        if model.is_code:
            screen.line(f"{model.archive} is code: whoever made it can do here whatever you can do", style="warn")
    signed = f", signed with the key of {settings.require_signature}" if settings.require_signature else ""
    for model in models:
        replayed = " and replaying its golden cases" if model.n_golden else ""
        workers = f"{settings.workers} worker{'s' if settings.workers > 1 else ''}"
        screen.line(f"loading {model.name} {model.version} into {workers}{replayed}{signed}")


def show_ready(screen: Screen, models: Sequence[Served], settings: ServerSettings, token: str, seconds: float) -> None:
    """Say where the server is and how it is used.

    Args:
        screen: Where to write.
        models: What is served.
        settings: Where.
        token: What clients need.
        seconds: How long it took to load.
    """
    screen.line(f"ready after {seconds:.1f} s", style="good")
    screen.line()
    screen.line(f"  address  {settings.url}")
    screen.line(f"  token    {token or 'none: everybody on this machine may use it'}", style="" if token else "warn")
    for name in dict.fromkeys(model.name for model in models):
        model = next(model for model in models if model.name == name)
        screen.line()
        for line in _examples(model, settings, token):
            screen.line(f"  {line}", style="accent")
    screen.line()
    screen.line("Ctrl-C stops it", style="quiet")
    served = [{"name": model.name, "version": model.version} for model in models]
    screen.result({"event": "ready", "url": settings.url, "token": token, "seconds": seconds, "models": served})


def show_line(screen: Screen, line: dict[str, Any]) -> None:
    """Show what the server tells: a request, or something about a worker.

    Args:
        screen: Where to write.
        line: What it told.
    """
    if screen.json:
        screen.result({"time": time.time(), **line})
        return
    clock = time.strftime("%H:%M:%S")
    if line["event"] == "request":
        bad = int(line["status"]) >= 500
        screen.line(f"{clock}  {_request(line)}", style="bad" if bad else "quiet")
    elif line["event"] == "worker ready":
        screen.line(f"{clock}  {line['model']}: a worker is ready after {line['seconds']:.1f} s", style="quiet")
    else:
        again = f"; started again in {line['restart_in_s']:g} s"
        screen.line(f"{clock}  {line['model']}: a worker ended: {line['why']}{again}", style="warn")


def _request(line: dict[str, Any]) -> str:
    parts = [f"{line['method']} {line['path']} {line['status']}"]
    parts.append(f"{memory_text(line['bytes_in'])} in, {memory_text(line['bytes_out'])} out")
    if "wait_s" in line:
        parts.append(f"wait {_ms(line['wait_s'])}, model {_ms(line['compute_s'])}")
    return "  ".join([*parts, f"total {_ms(line['total_s'])}"])


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"


def _examples(model: Served, settings: ServerSettings, token: str) -> list[str]:
    """Return lines to paste into a shell."""
    address = f"{settings.url}/predictions/{model.name}"
    trust = f" --cacert {quote(str(settings.tls_certificate))}" if settings.tls_certificate else ""
    allowed = f" -H 'Authorization: Bearer {token}'" if token else ""
    told = f"EISEN_TOKEN={token} " if token else ""
    authority = f" --ca {quote(str(settings.tls_certificate))}" if settings.tls_certificate else ""
    call = f"{told}eisen call {address}"
    if not model.inputs:
        return [f"curl{trust}{allowed} -X POST {address}", f"{call}{authority}"]
    output = f" -o {model.output}" if model.output else ""
    if len(model.inputs) == 1:
        sent, given = f" -T {model.sample}", f" {model.sample}"
    else:
        sent = "".join(f" -F {name}=@{name}-{model.sample}" for name in model.inputs)
        given = "".join(f" {name}={name}-{model.sample}" for name in model.inputs)
    return [f"curl{sent}{trust}{allowed} {address}{output}", f"{call}{given}{authority}{output}"]
