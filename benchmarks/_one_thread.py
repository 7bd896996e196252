"""The process of a data worker, for every contender alike: one thread, and memory kept as `eisen train` keeps it.

Without the latter most of the noise, and a third of MONAI's time, is the kernel's: fresh pages for every volume.
Import this before any other library.
"""

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"):
    os.environ[_name] = "1"

# ruff: noqa: E402  # the environment has to be set before they are loaded
import logging
import time
import warnings
from collections.abc import Callable

import SimpleITK
import torch

from eisen_cli import process

__all__ = ["cpu_ms"]

process.keep_memory()
torch.set_num_threads(1)
SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
logging.disable(logging.WARNING)
warnings.simplefilter("ignore")  # of the peers, about each other


def cpu_ms(work: Callable[[], object]) -> Callable[[], float]:
    """Return a contender: calls `work` once and returns the processor time of the whole process in milliseconds."""

    def contender() -> float:
        start = time.process_time()
        work()
        return (time.process_time() - start) * 1000

    return contender
