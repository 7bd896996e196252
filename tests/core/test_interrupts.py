"""Ctrl-C while processes start."""

import signal
import threading
from contextlib import suppress

import pytest

from eisen._core.interrupts import interrupts_held


def blocked() -> set[int]:
    return signal.pthread_sigmask(signal.SIG_BLOCK, set())


def test_interrupts_are_held_only_inside():
    before = blocked()
    with interrupts_held():
        assert signal.SIGINT in blocked()
    assert blocked() == before


def test_interrupts_are_let_go_after_an_error():
    before = blocked()
    with suppress(RuntimeError), interrupts_held():
        raise RuntimeError
    assert blocked() == before


def test_an_interrupt_comes_when_processes_have_started():
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    reached = False
    try:
        with pytest.raises(KeyboardInterrupt), interrupts_held():
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)  # other threads of other tests do not hold it
            reached = True
        assert reached
    finally:
        signal.signal(signal.SIGINT, old)
