"""From a request to named values: msgpack, JSON, forms and ``.npy``, checked against what the package declares."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from eisen._core.errors import ArgumentError, nearest
from eisen_deploy.declared import Misfit, described, fitting, is_array_type
from eisen_deploy.serving.messages import Refusal, Request
from eisen_deploy.utils import decode_data, unpack
from eisen_deploy.wire.npy import is_npy, read_npy

__all__ = ["FORM", "checked_inputs", "refuse_form", "values_of"]

FORM = "application/x-www-form-urlencoded"
_MESSAGES = ("", "application/msgpack", "application/x-msgpack", "application/vnd.msgpack", "application/octet-stream")
_JSON = "application/json"


def refuse_form(request: Request) -> None:
    """Refuse what curl makes of ``--data-binary @file``: servers take the bytes apart as a form.

    Raises:
        Refusal: If the request says it is a form and is not empty.

    Example:
        >>> refuse_form(Request(b"", {"content-type": "application/x-www-form-urlencoded", "content-length": "0"}))
    """
    if request.content_type != FORM:
        return
    if not request.is_empty or request.headers.get("content-length", "0") != "0":
        raise Refusal(
            "the body was sent as a web form, which destroys binary data",
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "WebForm",
            expected="Content-Type: application/octet-stream",
            got=FORM,
            to_do="curl -T file URL, or curl -H 'Content-Type: application/octet-stream' --data-binary @file URL",
        )


def values_of(request: Request, inputs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what a request brings, by name.

    Args:
        request: Its body is a message in msgpack, a JSON object, one ``.npy`` file, or it is a form of parts.
        inputs: The declared inputs.

    Raises:
        Refusal: If it is none of these, or damaged.

    Example:
        >>> values_of(Request(b'{"age": [1, 2]}', {"content-type": "application/json"}), [])
        {'age': [1, 2]}
    """
    if request.content_type == _JSON:
        return _json_object(request)
    if request.fields is not None:
        return {name: _part(name, value, inputs) for name, value in request.fields.items()}
    if is_npy(request.body):
        return _only_input(request, inputs)
    if request.content_type not in _MESSAGES:
        raise Refusal(
            f"the body is {request.content_type[:60]!r}",
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "UnknownType",
            expected="a map in msgpack (application/msgpack), a JSON object, a form of .npy parts, or one .npy file",
        )
    return unpack(request.body)


def checked_inputs(values: Mapping[str, Any], inputs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the declared inputs as they are declared, and nothing else.

    Args:
        values: What a request brought, by name.
        inputs: The declared inputs.

    Raises:
        Refusal: If one is missing, or has another type or shape.

    Example:
        >>> checked_inputs({"id": "0815", "rest": 1}, [{"name": "id", "type": "str", "shape": -1}])
        {'id': '0815'}
    """
    return {entry["name"]: _checked(values, entry) for entry in inputs}


def _checked(values: Mapping[str, Any], entry: Mapping[str, Any]) -> Any:
    name = entry["name"]
    if name not in values:
        raise Refusal(
            f"the request has no field {name!r}",
            kind="MissingField",
            field=name,
            expected=f"{entry.get('type')} of shape {entry.get('shape')}",
            got=f"the fields {', '.join(sorted(values))[:200]}" if values else "no fields",
            to_do=nearest(name, values),
        )
    try:
        return fitting(values[name], entry)
    except Misfit as error:
        raise Refusal(
            f"the field {name!r} is not what the model takes",
            kind="WrongField",
            field=name,
            expected=error.expected,
            got=error.got,
        ) from error


def _json_object(request: Request) -> dict[str, Any]:
    value = request.fields
    if value is None:
        try:
            value = json.loads(bytes(request.body))
        except (ValueError, RecursionError) as error:
            raise Refusal("the body is no JSON", kind="BadMessage", expected="a JSON object of fields") from error
    if not isinstance(value, Mapping):
        raise Refusal("the body is no JSON object", expected="a JSON object of fields", got=described(value))
    with _as_refusal():
        return {str(name): decode_data(inner) for name, inner in value.items()}


def _only_input(request: Request, inputs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    names = [entry["name"] for entry in inputs]
    if len(names) != 1:
        raise Refusal(
            "one array (.npy) came, and the model takes more than one input" if names else "the model takes no input",
            expected=f"the fields {', '.join(names)}" if names else "",
            to_do="send a form with one part per field, or a message in msgpack",
        )
    with _as_refusal():
        return {names[0]: read_npy(request.body, names[0])}


def _part(name: str, value: Any, inputs: Sequence[Mapping[str, Any]]) -> Any:
    """Return what a part of a form says: an array, text, or JSON that the server has read already."""
    kind = next((entry.get("type") for entry in inputs if entry["name"] == name), None)
    if not isinstance(value, (bytes, bytearray, memoryview)):
        return value
    if is_npy(value):
        with _as_refusal():
            return read_npy(value, name)
    if is_array_type(kind):
        expected = "an array as numpy.save writes it (.npy)"
        raise Refusal(f"the part {name!r} is no array", kind="WrongField", field=name, expected=expected)
    return _text(name, bytes(value)) if kind == "str" else bytes(value)


def _text(name: str, value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refusal(f"the part {name!r} is no text", kind="WrongField", field=name, expected="UTF-8") from error


@contextmanager
def _as_refusal() -> Iterator[None]:
    try:
        yield
    except ArgumentError as error:
        card = error.card
        raise Refusal(
            card.what, kind="BadMessage", field=card.field, expected=card.expected, to_do=card.to_do
        ) from error
