"""What the servers do themselves: addresses, methods, tokens, sizes, batches."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.deploy.calling import Reply, call
from tests.deploy.conformance.differences import SERVERS
from tests.deploy.conformance.engines import Case, Server


@pytest.mark.parametrize("name", SERVERS)
def test_answers_of_the_servers_are_as_listed(engine: Server, name: str) -> None:
    fact = SERVERS[name]
    headers = {"Authorization": f"Bearer {engine.token}"} if fact.token else {}
    reply = call(f"{engine.url}{fact.address}", bytes(fact.size), {**headers, **dict(fact.headers)}, fact.method)
    is_error = reply.status >= 400 and reply.content_type == "application/json" and reply.body
    assert (reply.status, reply.json["type"] if is_error else "") == getattr(fact, engine.name)
    assert bool(fact.why) == (fact.embedded != fact.torchserve)


def test_answers_without_a_body_to_head(engine: Server) -> None:
    assert engine.ask(Case("tiny", method="HEAD")).body == b""


def test_many_at_a_time_get_what_they_get_alone(
    engine: Server, cases: dict[str, dict[str, Case]], expected: dict[str, Reply]
) -> None:
    """Good and bad ones mixed, eight at a time: batches of up to four of each model."""
    every = {**cases["messages"], **cases["compressed"], **cases["methods"]}
    alike = [name for name in every if expected[name].status in (200, 400)] * 3
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda name: engine.ask(every[name]), alike))
    wrong = [
        name
        for name, reply in zip(alike, replies, strict=True)
        if (reply.status, reply.body) != (expected[name].status, expected[name].body)
    ]
    assert not wrong
