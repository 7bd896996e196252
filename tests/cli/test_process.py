"""Settings of the process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from eisen_cli.process import keep_memory, wait_politely


def test_idle_threads_sleep_unless_the_user_wants_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    wait_politely()
    assert (os.environ["OMP_WAIT_POLICY"], os.environ["GOMP_SPINCOUNT"]) == ("ACTIVE", "0")


@pytest.mark.skipif(sys.platform != "linux", reason="the allocator of glibc")
@pytest.mark.parametrize(("environment", "is_asked"), [({}, True), ({"MALLOC_TRIM_THRESHOLD_": "1"}, False)])
def test_the_allocator_is_asked_to_keep_memory_unless_the_user_set_it(
    environment: dict[str, str], is_asked: bool
) -> None:
    program = (
        "import ctypes; calls = []\n"
        "class Libc:\n    def __init__(self, name): pass\n    def mallopt(self, *a): calls.append(a)\n"
        "ctypes.CDLL = Libc\nfrom eisen_cli.process import keep_memory; keep_memory(); print(len(calls))"
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={**clean, **environment}
    )
    assert int(done.stdout) == (2 if is_asked else 0)


def test_it_can_be_called_in_any_process() -> None:
    keep_memory()
