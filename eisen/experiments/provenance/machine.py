"""Versions and settings that results depend on, and nothing that names a machine or its user."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from eisen._core.version import __version__

__all__ = ["git_state", "machine_facts", "package_versions"]

_PACKAGES = (
    "numpy",
    "scipy",
    "torch",
    "nibabel",
    "SimpleITK",
    "pydicom",
    "h5py",
    "pillow",
    "torchvision",
    "torchio",
    "monai",
    "batchgeneratorsv2",
    "torchmetrics",
    "accelerate",
    "scikit-image",
    "scikit-learn",
)
_VARIABLES = ("CUBLAS_WORKSPACE_CONFIG", "MKL_CBWR", "NVIDIA_TF32_OVERRIDE", "OMP_NUM_THREADS")


def package_versions() -> dict[str, str]:
    """Return the version of eisen, Python and the packages that results depend on.

    Example:
        >>> "torch" in package_versions()
        True
    """
    versions = {"eisen": __version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def machine_facts() -> dict[str, Any]:
    """Return what kind of machine this is and how torch computes on it: nothing that names it or its user.

    Example:
        >>> machine_facts()["threads"] >= 1
        True
    """
    facts: dict[str, Any] = {
        "system": platform.system(),
        "architecture": platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
    }
    import torch

    facts |= {
        "threads": torch.get_num_threads(),
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "torch": {"cuda": torch.version.cuda, "commit": str(torch.version.git_version)[:12]},
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "matmul": torch.get_float32_matmul_precision(),
        "ranks": _ranks(),
    }
    if torch.cuda.is_available():
        facts["gpus"] = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        facts["cudnn"] = {
            "version": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
            "benchmark": torch.backends.cudnn.benchmark,
            "deterministic": torch.backends.cudnn.deterministic,
        }
    return facts | {name: os.environ[name] for name in _VARIABLES if name in os.environ}


def _ranks() -> int:
    import torch.distributed as group

    return group.get_world_size() if group.is_available() and group.is_initialized() else 1


def git_state(folder: str | Path) -> dict[str, Any] | None:
    """Return commit and cleanliness of the git repository a folder belongs to, or None without one.

    Args:
        folder: Any folder of the repository, e.g. that of the configuration.

    Example:
        >>> import tempfile
        >>> git_state(tempfile.mkdtemp()) is None
        True
    """
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    return {"commit": commit, "dirty": bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))}


def _git(folder: str | Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
