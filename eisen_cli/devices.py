"""``--devices``: the same command again, in several processes that torchrun starts and watches."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from eisen._core.errors import ArgumentError, TrainingError
from eisen.utils.distributed.launch import place_of
from eisen_cli.exit_codes import ExitCode
from eisen_cli.ranks import LAUNCHED

__all__ = ["run_on_devices"]


def run_on_devices(devices: str | None) -> int | None:
    """Run the present command line in several processes.

    Args:
        devices: How many, or ``"auto"`` for one per GPU; None for this process alone.

    Returns:
        The exit code; None if this process is to do the work itself: because it is one of those that were started, or
        the only one that was asked for.

    Raises:
        ArgumentError: If `devices` is neither a number nor ``"auto"``.
        TrainingError: If a process was ended from outside.
    """
    n = _number(devices)
    if n == 1 or not place_of().is_alone:
        return None
    return _launch(n)


def _number(devices: str | None) -> int:
    if devices is None:
        return 1
    if devices == "auto":
        import torch

        return max(torch.cuda.device_count(), 1)
    if not devices.isdecimal() or int(devices) < 1:
        raise ArgumentError(f"--devices is {devices!r}", expected="a number from 1, or auto", to_do="--devices 2")
    return int(devices)


def _launch(n: int) -> int:
    """Start the processes through torchrun's own functions and wait for them."""
    import logging

    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    logging.disable(logging.CRITICAL)  # what torchrun has to say is said here, in a card
    os.environ[LAUNCHED] = "1"
    os.environ.setdefault("OMP_NUM_THREADS", str(max((os.cpu_count() or 1) // n, 1)))
    options = ["--standalone", "--local-addr=127.0.0.1", f"--nproc-per-node={n}", "--signals-to-handle=SIGTERM,SIGHUP"]
    arguments = run.parse_args([*options, "-m", "eisen_cli", *sys.argv[1:]])  # type: ignore[no-untyped-call]
    try:
        with _interrupts_passed_on():
            run.run(arguments)  # type: ignore[no-untyped-call]
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        if failure.exitcode < 0:
            raise _ended(rank, failure.exitcode, n) from None
        return int(failure.exitcode)
    except SignalException:  # a batch system has asked to stop; the processes were told, and have left a checkpoint
        return int(ExitCode.INTERRUPTED)
    return 0


@contextmanager
def _interrupts_passed_on() -> Iterator[None]:
    """Give Ctrl-C to the processes, which end in order; torchrun would end them at once."""

    def pass_on(number: int, _frame: FrameType | None) -> None:
        import psutil

        for child in psutil.Process().children():
            child.send_signal(number)

    before = signal.signal(signal.SIGINT, pass_on)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _ended(rank: int, exitcode: int, n: int) -> TrainingError:
    try:
        name = signal.Signals(-exitcode).name
    except ValueError:
        name = f"signal {-exitcode}"
    return TrainingError(
        f"process {rank} of 0 to {n - 1} was ended by {name}",
        expected="processes that work until the end",
        to_do="most likely the memory was full: use smaller batches, fewer workers or fewer processes; "
        "--resume goes on from the last checkpoint",
    )
