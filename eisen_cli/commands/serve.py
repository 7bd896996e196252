"""``eisen serve``: packaged models behind an address."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from eisen_cli import options
from eisen_cli.failures import EisenCommand
from eisen_cli.show.screen import Screen

__all__ = ["serve"]

_FILE = click.Path(dir_okay=False, path_type=Path)
_DEFAULT_SIZE = "1GB"


@click.command(cls=EisenCommand, short_help="Serve packaged models.")
@click.argument("archives", metavar="MODEL.mar...", type=_FILE, nargs=-1, required=True)
@click.option(
    "--engine",
    type=click.Choice(["auto", "embedded", "torchserve"]),
    default="auto",
    show_default=True,
    help="What serves: TorchServe, or a server without Java; auto takes TorchServe where it can run.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address; others than this need TLS and a token.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="Port; 0: any free one.")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes that compute.")
@click.option("--token", metavar="TEXT|off", help="What clients must send.  [default: a new random one]")
@click.option("--token-file", type=_FILE, help="File with the token: nobody can read it off the list of processes.")
@click.option("--max-size", metavar="SIZE", default=_DEFAULT_SIZE, show_default=True, help="Largest request.")
@click.option("--batch-size", type=click.IntRange(min=1), default=1, show_default=True, help="Requests per call.")
@click.option(
    "--batch-delay", metavar="MS", type=float, default=50, show_default=True, help="Wait for a batch to fill."
)
@click.option("--queue", "queue_size", type=click.IntRange(min=1), default=100, show_default=True, help="Most waiting.")
@click.option("--timeout", metavar="SECONDS", type=float, default=600, show_default=True, help="Longest computation.")
@click.option("--tls-certificate", type=_FILE, help="Certificate (PEM) for HTTPS.")
@click.option("--tls-key", type=_FILE, help="Its private key (PEM).")
@click.option("--require-signature", metavar="KEY.pub", type=_FILE, help="Serve only what this key has signed.")
@click.option(
    "--gate",
    type=click.Choice(["off", "warn", "refuse"]),
    help="What happens to images unlike those of the training.  [default: as the package says]",
)
@click.option(
    "--device", metavar="DEVICE", help="Where to compute, e.g. cpu or cuda:0.  [default: as the package says]"
)
@click.option("--threads", type=click.IntRange(min=1), help="Processor threads per worker.  [default: cores / workers]")
@click.option("--allow-origin", "allowed_origins", metavar="URL", multiple=True, help="Web page that may. Repeatable.")
@click.option("--allow-host", "allowed_hosts", metavar="NAME", multiple=True, help="Another name of it. Repeatable.")
@click.option("--trust-pickle", is_flag=True, help="Serve packages that are code; only from people you trust.")
@options.talk_options
@click.pass_obj
def serve(
    screen: Screen,
    /,
    archives: tuple[Path, ...],
    engine: str,
    token: str | None,
    token_file: Path | None,
    max_size: str,
    batch_delay: float,
    timeout: float,
    trust_pickle: bool,
    **more: Any,
) -> None:
    r"""Serve packages (MODEL.mar) until Ctrl-C, on this machine only and with a token unless told otherwise.

    The archives are checked first; then it waits until the models are loaded and shows address, token and lines to
    paste. With --json stdout has one JSON object per line: {"event": "ready", ...}, then one per request.

    \b
      eisen serve hippocampus.mar
      eisen serve hippocampus.mar --engine embedded --workers 2 --require-signature clinic.pub
      eisen serve liver-1.mar liver-2.mar --host 0.0.0.0 --tls-certificate cert.pem --tls-key key.pem
    """
    screen.by_line = True
    if token is not None and token_file is not None:
        raise click.UsageError("--token and --token-file exclude each other")

    from eisen_cli.serving import chosen_engine, serve_archives
    from eisen_deploy.serving.settings import ServerSettings

    chosen = token if token_file is None else token_file.read_text(encoding="utf-8").strip()
    settings = ServerSettings(
        token="random" if chosen is None else chosen,  # a word, not a password
        max_bytes=max_size,  # type: ignore[arg-type]  # text becomes a number there
        batch_delay_ms=batch_delay,
        timeout_s=timeout,
        **more,
    )
    made = chosen_engine(engine, settings, own_token=chosen not in (None, "random"))
    serve_archives(screen, archives, settings, made, trust=trust_pickle)
