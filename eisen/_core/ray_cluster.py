"""Connecting to a Ray cluster, or running Ray on this machine for nobody else."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from eisen._core.errors import ArgumentError
from eisen._core.optional import require

__all__ = ["connected", "loaded_ray"]

_LOOPBACK, _CLUSTER_VARIABLE = "127.0.0.1", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"


def loaded_ray(address: str | None) -> Any:
    """Import Ray; it reports nothing to anybody, and without an address it will listen on 127.0.0.1 alone.

    Args:
        address: Of a cluster; None: this machine alone.

    Raises:
        MissingExtraError: If it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    with _loopback_only() if address is None else nullcontext():  # Ray reads it when it is imported
        return require("ray", "ray", "running over a Ray cluster")


@contextmanager
def connected(ray: Any, address: str | None, jobs: int | None, object_store_bytes: int) -> Iterator[None]:
    """Use the Ray of the caller when there is one, else connect or start, and leave it as it was.

    Args:
        ray: The module, from `loaded_ray`.
        address: Of a cluster; None: start Ray on this machine.
        jobs: How many processors Ray may use when it is started here; None: all.
        object_store_bytes: Memory for what tasks exchange when it is started here.

    Raises:
        ArgumentError: If other machines could reach a Ray that was started here.
    """
    if ray.is_initialized():
        yield
        return
    try:
        if address is not None:
            ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        else:
            _start(ray, jobs, object_store_bytes)
        yield
    finally:
        ray.shutdown()


def _start(ray: Any, jobs: int | None, object_store_bytes: int) -> None:
    """Start Ray on this machine, for nobody else."""
    with _loopback_only():
        ray.init(
            address="local",
            num_cpus=jobs,
            include_dashboard=False,
            dashboard_host=_LOOPBACK,
            log_to_driver=False,
            logging_level="ERROR",
            object_store_memory=object_store_bytes,
        )
    where = ray.util.get_node_ip_address()
    if where != _LOOPBACK:
        raise ArgumentError(
            f"Ray would listen on {where}, where other machines can reach it",
            expected=_LOOPBACK,
            to_do=f"set {_CLUSTER_VARIABLE}=0 in the environment, or name a cluster with --ray-address",
        )


@contextmanager
def _loopback_only() -> Iterator[None]:
    """Let Ray take 127.0.0.1 for the address of this machine; it has this for systems whose firewalls ask questions."""
    before = os.environ.get(_CLUSTER_VARIABLE)
    os.environ[_CLUSTER_VARIABLE] = "0"
    constants = sys.modules.get("ray._private.ray_constants")  # has read the variable when Ray was imported before
    is_on = getattr(constants, "ENABLE_RAY_CLUSTER", None)
    try:
        if is_on:
            vars(constants)["ENABLE_RAY_CLUSTER"] = False
        yield
    finally:
        if is_on:
            vars(constants)["ENABLE_RAY_CLUSTER"] = is_on
        if before is None:
            del os.environ[_CLUSTER_VARIABLE]
        else:
            os.environ[_CLUSTER_VARIABLE] = before
