"""Both engines give the same bytes: status, media type, headers and body of some 260 kinds of requests."""

from __future__ import annotations

import pytest

from tests.deploy.calling import Reply
from tests.deploy.conformance.cases import GROUPS, KINDS
from tests.deploy.conformance.differences import TORCHSERVE
from tests.deploy.conformance.engines import Case, Engine

COMPARED = ("content-disposition", "x-eisen-model", "x-eisen-warnings", "content-encoding")


def told(reply: Reply) -> tuple[object, ...]:
    """Return what must be equal."""
    return (reply.status, reply.content_type, [reply.headers.get(name) for name in COMPARED], reply.body)


def is_known(name: str, engine: Engine, found: Reply) -> bool:
    """Tell whether this is what the table of differences says."""
    listed = TORCHSERVE.get(name) if engine.name == "torchserve" else None
    if listed is None:
        return False
    kind = found.json.get("type") if found.status >= 400 and found.body else ""
    return (found.status, kind) == (listed.status, listed.type)


@pytest.mark.parametrize("group", GROUPS)
def test_equal_bytes(group: str, engine: Engine, cases: dict[str, dict[str, Case]], expected: dict[str, Reply]) -> None:
    problems = {}
    for name, case in cases[group].items():
        found, wanted = engine.ask(case), expected[name]
        if told(found) != told(wanted) and not is_known(name, engine, found):
            problems[name] = "\n".join(f"{told(reply)!s:.400}" for reply in (found, wanted))
    assert not problems, "\n".join(f"{name}:\n{text}" for name, text in problems.items())


def test_the_table_lists_nothing_else(
    engine: Engine, cases: dict[str, dict[str, Case]], expected: dict[str, Reply]
) -> None:
    """A difference that is gone has to leave the table."""
    every = {name: case for group in cases.values() for name, case in group.items()}
    assert set(TORCHSERVE) <= set(every)
    for name in TORCHSERVE if engine.name == "torchserve" else ():
        assert told(engine.ask(every[name])) != told(expected[name]), name


def test_the_requests_mean_something(expected: dict[str, Reply]) -> None:
    """The suite would also pass if everything were refused."""
    by_status = {
        status: [n for n, reply in expected.items() if reply.status == status] for status in (200, 400, 406, 415, 422)
    }
    assert len(by_status[200]) > 150
    assert all(len(names) > 3 for names in by_status.values())
    labels = [reply.body for name, reply in expected.items() if name in KINDS and name not in ("npy", "msgpack")]
    assert len(labels) == 9
    assert all(reply.json["message"] for reply in expected.values() if reply.status >= 400)
    assert not [name for name, reply in expected.items() if reply.status >= 500]
    secret = [name for name, reply in expected.items() if reply.status >= 400 and b"/tmp" in reply.body]
    assert not secret
