"""Notices: they arrive, they keep secrets and patients to themselves, and they never disturb a run."""

from __future__ import annotations

import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from time import perf_counter
from uuid import uuid4

import pytest
import torch

from eisen._core.errors import ArgumentError
from eisen.utils import EisenModuleWrapper
from eisen.utils.logging import MessageHook
from eisen.utils.workflows import Validation


@pytest.fixture
def mailbox():
    """A server on this machine that keeps what is posted to it."""
    texts = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            texts.append(json.loads(body)["text"])
            self.send_response(500 if self.path == "/broken" else 200)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", texts
    server.shutdown()
    thread.join()
    server.server_close()


def workflow():
    model = EisenModuleWrapper(torch.nn.Identity(), ["x"], ["y"])
    score = EisenModuleWrapper(torch.nn.L1Loss(), ["y", "x"], ["mae"])
    return Validation(model, [{"x": torch.zeros(1)}], None, [score], gpu=False)


def test_start_epochs_and_end_arrive_in_order(mailbox, monkeypatch):
    address, texts = mailbox
    monkeypatch.setenv("EISEN_WEBHOOK", address)
    validation = workflow()
    hook = MessageHook(validation.id, "Validation", None, title="liver", every=2)
    for epoch in range(4):
        validation.epoch = epoch
        validation.run()
    hook.on_run_end("complete")
    assert texts == [
        "liver: Validation has started",
        "liver: Validation, epoch 2: mae 0",
        "liver: Validation, epoch 4: mae 0",
        "liver: Validation is complete",
    ]


def test_a_failure_tells_its_kind_and_no_case(mailbox, monkeypatch):
    address, texts = mailbox
    monkeypatch.setenv("MY_HOOK", address)
    hook = MessageHook(uuid4(), "Training", None, variable="MY_HOOK")
    hook.on_run_end("failed", ValueError("patient Anna Blume"))
    assert texts == ["eisen: Training is failed (ValueError)"]


@pytest.mark.parametrize("path", ["", "/broken"])
def test_an_address_that_does_not_answer_is_mentioned_once_and_kept_secret(path, mailbox, monkeypatch, caplog):
    address = f"{mailbox[0]}{path}" if path else "http://127.0.0.1:9/secret-token"
    monkeypatch.setenv("EISEN_WEBHOOK", address)
    hook = MessageHook(uuid4(), "Training", None)
    started = perf_counter()
    with caplog.at_level(logging.DEBUG):
        for _ in range(3):
            hook.tell("hello")
        assert perf_counter() - started < 0.5, "posting goes on beside the training"
        hook.on_run_end("complete")
    complaints = [record for record in caplog.records if "could not be posted" in record.getMessage()]
    assert len(complaints) == 1
    assert "secret" not in caplog.text
    assert "127.0.0.1" not in caplog.text


def test_without_the_variable_nothing_is_posted(monkeypatch, caplog):
    monkeypatch.delenv("EISEN_WEBHOOK", raising=False)
    hook = MessageHook(uuid4(), "Training", None)
    hook.tell("hello")
    hook.on_run_end("complete")
    assert "EISEN_WEBHOOK is not set" in caplog.text


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://host/x", "hooks.slack.com/x"])
def test_only_web_addresses_are_taken(address, monkeypatch):
    monkeypatch.setenv("EISEN_WEBHOOK", address)
    with pytest.raises(ArgumentError) as caught:
        MessageHook(uuid4(), "Training", None)
    assert address not in str(caught.value), "the address is a secret"
