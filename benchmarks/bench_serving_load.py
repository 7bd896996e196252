"""10 000 requests, good, bad, cut off and slow, with 8 clients; then workers are killed under load.

Each good request has a number of its own, in its voxels too; the model writes down what it computes. Reported: whatever
was not answered as it should be (nothing, or the exit code is 1), the quantiles of the times, and the memory of all
processes between request 2 000 and the last, at most 2 % more. TorchServe gets a tenth of it, without bodies that break
off.

    python benchmarks/bench_serving_load.py [--requests 10000] [--clients 8] [--without-torchserve]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from _load import SHARES, Load, Report, counted_archive, kill_workers
from _servers import Server, embedded, torchserve
from rich.console import Console
from rich.table import Table

WORKERS, GROWTH, KILLS = 2, 0.02, 3


class Watch:
    """Looks at the memory of a server while it works.

    Args:
        server: It.
        pause_s: Seconds between two looks.
    """

    def __init__(self, server: Server, pause_s: float = 0.25) -> None:
        self._server, self._pause_s = server, pause_s
        self.n_done, self.seen = 0, []
        self._lock, self._end = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._look)

    def count(self, _number: int) -> None:
        """Note that a request is over."""
        with self._lock:
            self.n_done += 1

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._end.wait(self._pause_s):
            self.seen.append((self.n_done, self._server.memory()))

    def between(self, first: float, last: float) -> float:
        """Return the median of all processes together while these requests were under way, in megabytes."""
        return float(np.median([sum(each.values()) for done, each in self.seen if first <= done <= last]))


def mixed(server: Server, load: Load, count: int, clients: int) -> bool:
    """Send the mixture, and print what happened."""
    with Watch(server) as watch:
        start = time.perf_counter()
        load.run(count, clients, watch.count)
        seconds = time.perf_counter() - start
    load.check_journal()
    print(f"  {count} requests in {seconds:.0f} s, {count / seconds:.0f} per second")
    early, late = watch.between(0.15 * count, 0.25 * count), watch.between(0.9 * count, count)
    grown = late / early - 1
    first, last = 0.15 * count, 0.25 * count
    print(f"  memory {early:.1f} MB at the requests {first:.0f} to {last:.0f}, {late:.1f} MB at the end: {grown:+.1%}")
    return told(load.report) and grown <= GROWTH


def told(report: Report) -> bool:
    """Print the times of each kind and what was wrong."""
    table = Table("", "requests", "p50 [ms]", "p95", "p99", "most")
    for kind, seconds in report.seconds.items():
        parts = np.percentile(np.array(seconds) * 1000, [50, 95, 99, 100])
        table.add_row(kind, str(len(seconds)), *(f"{value:.1f}" for value in parts))
    Console(width=110, highlight=False).print(table)
    print(f"  {len(report.computed)} good requests were answered rightly and once; wrong: {len(report.wrong)}")
    for what in report.wrong[:10]:
        print(f"    {what}")
    return not report.wrong


def killed(server: Server, journal: Path, clients: int) -> bool:
    """Kill workers under load: only what they computed fails, with an answer, and they come back."""
    report, longest = kill_workers(server, journal, KILLS, WORKERS, clients)
    errors = sum(report.errors.values())
    print(f"  {KILLS} workers killed while they computed: {errors} requests failed {dict(report.errors)}, ", end="")
    print(f"{len(report.computed)} were right; after {longest:.1f} s at most a new worker answered")
    return told(report) and set(report.errors) == {"500 WorkerDied"} and errors <= KILLS


def main() -> None:
    """Load eisen, kill its workers, and load TorchServe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--without-torchserve", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        archive = counted_archive(folder, folder / "journal")
        with embedded([archive], folder / "embedded", workers=WORKERS, threads=1) as server:
            print("eisen")
            print(f"  targets: nothing wrong, memory at most {GROWTH:+.0%}, one request lost per kill")
            fine = mixed(server, Load(server, folder / "journal"), options.requests, options.clients)
            fine &= killed(server, folder / "journal", options.clients)
        if not options.without_torchserve:
            shares = {kind: share for kind, share in SHARES.items() if kind != "cut off"}
            with torchserve([archive], folder / "torchserve", workers=WORKERS, threads=1) as server:
                print("\nTorchServe")
                (folder / "journal").unlink()
                mixed(server, Load(server, folder / "journal", shares), options.requests // 10, options.clients)
    print(f"\neisen: targets {'met' if fine else 'MISSED'}")
    sys.exit(not fine)


if __name__ == "__main__":
    main()
