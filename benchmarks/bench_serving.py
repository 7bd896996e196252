"""What serving costs beyond the model: a volume of 128^3 there and back, behind four servers, in turn.

8 MiB of float32 each way, in msgpack, on a connection that is kept; packing and unpacking included. The same archives
are served by eisen and by TorchServe; FastAPI computes in its own process, with msgpack as its manual shows it. Limits:
the model alone, and the same bytes through a socket and back.
Targets: eisen at most half of TorchServe's time beyond the model, and not slower than FastAPI.

    python benchmarks/bench_serving.py [--rounds 30] [--without-torchserve]
"""

from __future__ import annotations

import argparse
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch
from _harness import Result, measure, timed
from _servers import THREADS, Caller, Server, archives, embedded, models, receive_into, started, torchserve
from rich.console import Console
from rich.table import Table

from eisen_deploy.client import EisenServingClient
from eisen_deploy.utils import pack, unpack

EISEN, CLIENT, FASTAPI, TORCHSERVE, MODEL, LIMIT = (
    "eisen",
    "eisen, its client",
    "FastAPI",
    "TorchServe",
    "model alone",
    "limit: the bytes",
)
VOLUME = np.random.default_rng(0).standard_normal((1, 1, 128, 128, 128)).astype(np.float32)
TIMES = 25


def round_trip(caller: Caller, model: str) -> Callable[[], float]:
    """Return what asks a server, in milliseconds."""

    def ask() -> float:
        return timed(lambda: unpack(caller.predict(model, pack({"image": VOLUME})))["prediction"], scale=1000)

    return ask


def with_client(server: Server, model: str) -> Callable[[], float]:
    """Return what asks with the client of eisen."""
    address = f"http://127.0.0.1:{server.port}/predictions/{model}"
    client = EisenServingClient(address, token=server.token or None)
    return lambda: timed(lambda: client.predict({"image": VOLUME})["prediction"], scale=1000)


def small(caller: Caller) -> Callable[[], float]:
    """Return what asks for the metadata."""
    return lambda: timed(lambda: caller.predict("identity"), scale=1000)


def alone(model: str) -> Callable[[], float]:
    """Return what only computes."""
    module, volume = models()[model], torch.from_numpy(VOLUME)

    def compute() -> None:
        with torch.inference_mode():
            module(volume)

    return lambda: timed(compute, scale=1000)


def through_a_socket(port: int) -> Callable[[], float]:
    """Return what sends the bytes of a request and gets them back."""
    connection, message = socket.create_connection(("127.0.0.1", port)), pack({"image": VOLUME})
    answer = memoryview(bytearray(len(message)))

    def there_and_back() -> None:
        connection.sendall(len(message).to_bytes(8, "big"))
        connection.sendall(message)
        receive_into(connection, answer)

    return lambda: timed(there_and_back, scale=1000)


def compared(title: str, results: dict[str, Result]) -> None:
    """Print a table: beyond the model, and that in TorchServe's or FastAPI's."""
    reference = TORCHSERVE if TORCHSERVE in results else FASTAPI
    base = results.get(MODEL, Result(MODEL, (0.0,) * len(results[reference].samples)))
    table = Table(title=f"{title} [ms]", title_justify="left")
    for column in ("", "p50", "p95", "beyond the model", "fastest", f"beyond / {reference}'s"):
        table.add_column(column, justify="right" if column else "left")
    for name, result in sorted(results.items(), key=lambda item: item[1].median):
        beyond = result.over(base).median
        share = beyond / results[reference].over(base).median
        p95 = float(np.percentile(result.samples, 95))
        row = (f"{value:.2f}" for value in (result.median, p95, beyond, result.fastest, share))
        table.add_row(name, *row)
    Console(width=110, highlight=False).print(table)


def verdicts(results: dict[str, Result]) -> None:
    """Compare with the targets."""
    base = results[MODEL]
    for word in ("median", "fastest"):
        beyond = {
            n: result.over(base).median if word == "median" else result.fastest - base.fastest
            for n, result in results.items()
        }
        for other, most in ((TORCHSERVE, 0.5), (FASTAPI, 1.0)):
            if beyond.get(other, 0) > 0:
                ratio = beyond[EISEN] / beyond[other]
                print(f"  beyond the model, {word}, eisen / {other}: {ratio:.2f}, target {most} {_met(ratio, most)}")
    print()


def _met(value: float, most: float) -> str:
    return "met" if value <= most else "MISSED"


def at_a_time(server: Server, clients: int = 4, each: int = 12) -> float:
    """Return how many volumes per second clients get that all ask at a time."""
    message = pack({"image": VOLUME})

    def ask() -> None:
        caller = Caller(server)
        for _ in range(each):
            caller.predict("identity", message)
        caller.close()

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return clients * each / (time.perf_counter() - start)


def main() -> None:
    """Start all servers, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--without-torchserve", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(THREADS)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        paths = list(archives(folder).values())
        servers = {EISEN: stack.enter_context(embedded(paths, folder / "embedded"))}
        servers[FASTAPI] = stack.enter_context(started("fastapi"))
        if not options.without_torchserve:
            servers[TORCHSERVE] = stack.enter_context(torchserve(paths, folder / "torchserve"))
        echo = through_a_socket(stack.enter_context(started("echo")).port)
        callers = {name: Caller(server) for name, server in servers.items()}
        compared("Metadata", measure({n: small(caller) for n, caller in callers.items()}, options.rounds * 3, 10))
        for model in ("identity", "conv"):
            asking = {name: round_trip(caller, model) for name, caller in callers.items()}
            asking |= {CLIENT: with_client(servers[EISEN], model), MODEL: alone(model), LIMIT: echo}
            results = measure(asking, options.rounds, 5)
            compared(f"{model}, 8 MiB of float32 there and back", results)
            verdicts(results)
        for name, server in servers.items():
            print(f"  4 clients at a time, identity: {name} {at_a_time(server):.0f} volumes/s")


if __name__ == "__main__":
    main()
