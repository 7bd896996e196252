"""Answers that are read as a whole: the metadata of a model, and messages in msgpack."""

from __future__ import annotations

import json
from typing import Any

from eisen_deploy.client.errors import InputRefusedError, ServingError
from eisen_deploy.client.refusals import one_line
from eisen_deploy.client.transport import Reply

__all__ = ["json_of", "message_of", "metadata_of"]


def json_of(reply: Reply, what: str) -> Any:
    """Return what a server says in JSON.

    Args:
        reply: Its answer.
        what: What was asked for, e.g. ``"metadata"``.

    Raises:
        ServingError: If it is none.
    """
    body = reply.read()
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        got = f"{reply.content_type or 'something'} of {len(body)} bytes" if body else "nothing"
        raise ServingError(
            f"the server answered with {one_line(got, 100)} when asked for its {what}",
            expected="JSON",
            to_do="correct the address: http://HOST:PORT/predictions/NAME; is it a model that eisen packed?",
            step=f"request to {reply.url}",
        ) from error


def metadata_of(reply: Reply) -> dict[str, Any]:
    """Return the metadata of a model.

    Args:
        reply: The answer to an empty request.

    Raises:
        ServingError: If it is something else.
    """
    value = json_of(reply, "metadata")
    if not isinstance(value, dict):
        raise ServingError(
            f"the metadata are a {type(value).__name__}", expected="a JSON object", step=f"request to {reply.url}"
        )
    return value


def message_of(reply: Reply) -> dict[str, Any]:
    """Return the outputs of a prediction.

    Args:
        reply: The answer to a message in msgpack.

    Raises:
        ServingError: If it is something else.
    """
    from eisen_deploy.serving.messages import Refusal
    from eisen_deploy.utils import unpack

    body = reply.read()
    step = f"request to {reply.url}"
    if body[:1] == b"{" or reply.content_type == "application/json":
        raise _about_json(bytes(body), step)
    if not body:
        raise ServingError("the server answered with nothing", to_do="look into its log", step=step)
    try:
        return unpack(body)
    except Refusal as refusal:
        got = f" ({one_line(reply.content_type, 100)})" if reply.content_type else ""
        raise ServingError(
            f"the answer{got} is not that of a model: {refusal.what}",
            expected="a map in msgpack",
            to_do="correct the address: http://HOST:PORT/predictions/NAME",
            step=step,
        ) from refusal


def _about_json(body: bytes, step: str) -> ServingError:
    """Return the error for JSON in place of a prediction: old handlers send metadata when an input is missing."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict) and "inputs" in value and "outputs" in value:
        names = ", ".join(one_line(i.get("name"), 100) for i in value["inputs"] if isinstance(i, dict))
        return InputRefusedError(
            "the server answered with its metadata: an input of the model is missing",
            status=200,
            said=value,
            step=step,
            expected=names,
            to_do="validate_inputs=True tells which",
        )
    said = value if isinstance(value, dict) else {}
    what = one_line(said.get("message") or body.decode("utf-8", "replace"))
    return ServingError(f"the server answered in JSON: {what}", expected="a map in msgpack", step=step)
