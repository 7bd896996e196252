"""How the time of a request grows with its size: 8 to 256 MiB there and back, and what to send in place of floats.

The model does nothing. For eisen the time per MiB stays; the netty of TorchServe puts a body together again with every
piece that arrives. The second table is about one CT with a label map as the answer: int16, compressed, as .nii.gz.
Target: eisen's time over the size has an exponent (1: linear, 2: quadratic) of at most 0.1 more than that of the limit,
which makes the message, sends it through a socket and back, and reads it: large memory is dearer than little of it.

    python benchmarks/bench_serving_size.py [--most 256] [--without-torchserve]
"""

from __future__ import annotations

import argparse
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import nibabel
import numpy as np
import zstandard
from _harness import measure, timed
from _servers import Caller, Server, archives, embedded, receive_into, started, torchserve
from bench_nifti import ct
from isal import igzip
from rich.console import Console
from rich.table import Table

from eisen_deploy.utils import pack, unpack

EISEN, LIMIT = "eisen", "limit: the bytes"
SIZES, STEEPER = (8, 16, 32, 64, 128, 256), 0.1
ENOUGH_S = 10.0
MSGPACK = {"Content-Type": "application/octet-stream"}


Trip = Callable[[np.ndarray], object]


def request(caller: Caller) -> Trip:
    """Return what asks a server."""
    return lambda volume: unpack(caller.predict("identity", pack({"image": volume})))


def echo(port: int) -> Trip:
    """Return what makes a message, sends its bytes through a socket and back, and reads the message that came."""
    connection = socket.create_connection(("127.0.0.1", port))

    def there_and_back(volume: np.ndarray) -> None:
        message = pack({"image": volume})
        answer = bytearray(len(message))
        connection.sendall(len(message).to_bytes(8, "big"))
        connection.sendall(message)
        receive_into(connection, memoryview(answer))
        unpack(answer)

    return there_and_back


def by_size(trips: Mapping[str, Trip], most: int) -> dict[str, dict[int, float]]:
    """Return the fastest time in seconds for each way and size; less often what takes long."""
    found: dict[str, dict[int, float]] = {name: {} for name in trips}
    for size in (size for size in SIZES if size <= most):
        volume, spent = np.ones((1, 1, size, 512, 512), np.float32), dict.fromkeys(trips, 0.0)
        for _ in range(3):
            for name, trip in trips.items():
                for _ in range(2):  # twice in a row: the second has the memory of the first
                    if spent[name] < ENOUGH_S:
                        seconds = timed(partial(trip, volume))
                        spent[name] += seconds
                        found[name][size] = min(found[name].get(size, np.inf), seconds)
    return found


def told(found: Mapping[str, Mapping[int, float]]) -> bool:
    """Print times, times per MiB and exponents; return whether the target is met."""
    sizes = list(next(iter(found.values())))
    table = Table("", *(f"{size} MiB" for size in sizes), "exponent", title="There and back: seconds, ms per MiB")
    exponents = {}
    for name, seconds in found.items():
        exponents[name] = float(np.polyfit(np.log(sizes), np.log(list(seconds.values())), 1)[0])
        cells = (f"{seconds[size]:.3f}  {1000 * seconds[size] / size:.1f}" for size in sizes)
        table.add_row(name, *cells, f"{exponents[name]:.2f}")
    Console(width=150, highlight=False).print(table)
    most = max(1.0, exponents[LIMIT]) + STEEPER
    met = exponents[EISEN] <= most
    print(f"  eisen's exponent {exponents[EISEN]:.2f}, target {most:.2f} {'met' if met else 'MISSED'}\n")
    return met


def safe_package(folder: Path) -> Path:
    """Pack a network of one weight per class that answers with labels, as `eisen pack` does: it takes volumes."""
    sys.path.append(str(Path(__file__).parents[1]))
    from eisen_deploy.packaging.archive import write_archive
    from eisen_deploy.packaging.contents import HANDLER_TEXT, SERVER_CONFIG_TEXT, manifest_of
    from eisen_deploy.packaging.layout import HANDLER, SERVER_CONFIG, read_package
    from tests.deploy.safe_packages import config_of, model_entry, safe_folder

    network = model_entry(in_channels=1, out_channels=2, kernel_size=1)
    made = safe_folder(folder / "tiny", config_of(model=network), outputs=["labels"])
    members = {path.relative_to(made).as_posix(): path for path in sorted(made.rglob("*")) if path.is_file()}
    more = {HANDLER: HANDLER_TEXT.encode(), SERVER_CONFIG: SERVER_CONFIG_TEXT.encode()}
    write_archive(folder / "tiny.mar", {**members, **more}, manifest=manifest_of(read_package(made)))
    return folder / "tiny.mar"


def ways(scan: np.ndarray, folder: Path) -> dict[str, tuple[Callable[[], bytes], dict[str, str]]]:
    """Return what can be sent for one scan: how it is made, and with which headers."""
    affine = np.diag([0.8, 0.8, 2.5, 1.0])

    def nifti() -> bytes:
        nibabel.save(nibabel.Nifti1Image(scan, affine), folder / "scan.nii")
        return igzip.compress((folder / "scan.nii").read_bytes(), 1)

    def message(dtype: str) -> bytes:
        return pack({"image": scan.astype(dtype), "image_affine": affine})

    def zstd(dtype: str) -> bytes:
        return zstandard.ZstdCompressor(level=1).compress(message(dtype))

    everything = MSGPACK | {"Accept": "application/msgpack; content=probabilities"}
    return {
        "float32, probabilities": (partial(message, "float32"), everything),
        "float32": (partial(message, "float32"), MSGPACK),
        "float32, gzip": (lambda: igzip.compress(message("float32"), 1), MSGPACK | {"Content-Encoding": "gzip"}),
        "float32, zstd": (partial(zstd, "float32"), MSGPACK | {"Content-Encoding": "zstd"}),
        "int16": (partial(message, "int16"), MSGPACK),
        "int16, zstd": (partial(zstd, "int16"), MSGPACK | {"Content-Encoding": "zstd"}),
        "int16, zstd both ways": (
            partial(zstd, "int16"),
            MSGPACK | {"Content-Encoding": "zstd", "Accept-Encoding": "zstd"},
        ),
        ".nii.gz there and back": (nifti, MSGPACK),
    }


def in_place_of_floats(servers: Mapping[str, Server], folder: Path, rounds: int) -> None:
    """Print sizes and times of everything that can be sent for one scan."""
    scan = ct((256, 256, 64))
    made = {name: (make, make(), headers) for name, (make, headers) in ways(scan, folder).items()}
    for server, address in servers.items():
        caller, back = Caller(address, 600), {}
        asking = {}
        for name, (make, _, headers) in made.items():
            asking[name] = partial(_whole, caller, name, make, headers, back)
        results = measure(asking, rounds)
        table = Table(title=f"{server}: a CT of {scan.shape}, with making and reading the bodies")
        for column in ("", "MiB there", "MiB back", "p50 [ms]", "fastest"):
            table.add_column(column, justify="right" if column else "left")
        for name, result in results.items():
            sizes = (f"{n / 2**20:.2f}" for n in (len(made[name][1]), back[name]))
            table.add_row(name, *sizes, f"{result.median:.0f}", f"{result.fastest:.0f}")
        Console(width=110, highlight=False).print(table)


def _whole(
    caller: Caller, name: str, make: Callable[[], bytes], headers: dict[str, str], back: dict[str, int]
) -> float:
    def ask() -> None:
        answer = caller.predict("tiny", make(), headers)
        back[name] = len(answer)
        if name.startswith(".nii"):
            igzip.decompress(answer)
        else:
            unpack(zstandard.ZstdDecompressor().decompressobj().decompress(answer) if "both" in name else answer)

    return timed(ask, scale=1000)


def main() -> None:
    """Start the servers, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--without-torchserve", action="store_true")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        paths = [archives(folder)["identity"], safe_package(folder)]
        servers = {EISEN: stack.enter_context(embedded(paths, folder / "embedded"))}
        if not options.without_torchserve:
            servers["TorchServe"] = stack.enter_context(torchserve(paths, folder / "torchserve"))
        plain = stack.enter_context(started("fastapi"))
        asking = {name: request(Caller(server, 600)) for name, server in {**servers, "FastAPI": plain}.items()}
        limit = echo(stack.enter_context(started("echo")).port)
        met = told(by_size({**asking, LIMIT: limit}, options.most))
        in_place_of_floats(servers, folder, options.rounds)
    sys.exit(not met)


if __name__ == "__main__":
    main()
