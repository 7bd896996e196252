"""From a request to its images: a single file, a form with one for each input, or a message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eisen_deploy.packaging.layout import ModelInput
from eisen_deploy.serving.messages import Refusal, Request
from eisen_deploy.serving.volumes.arrays import AFFINE_HEADER, demand_numbers, parsed_affine
from eisen_deploy.serving.volumes.arriving import Arrivals, array_sent, demand_bytes
from eisen_deploy.serving.volumes.kinds import kind_of
from eisen_deploy.serving.volumes.limits import Limits
from eisen_deploy.serving.volumes.points import missing_input
from eisen_deploy.serving.volumes.sent import Sent

__all__ = ["images_of"]

_MESSAGES = ("application/msgpack", "application/x-msgpack")


def images_of(request: Request, inputs: Sequence[ModelInput], folder: Path, limits: Limits) -> dict[str, Sent]:
    """Return the images of a request by field, each looked at as far as its header tells.

    Args:
        request: Not an empty one.
        inputs: Of the package.
        folder: Where files go; whoever made it removes it.
        limits: How much there may be.

    Raises:
        Refusal: If an image is missing, of no known kind, damaged, or too large.
    """
    arrivals = Arrivals(folder, limits, request.content_type)
    header = request.headers.get(AFFINE_HEADER.lower())
    if request.fields is not None:
        return _of_form(request.fields, inputs, arrivals, header)
    is_message = request.content_type in _MESSAGES or kind_of(request.body) == "map"
    if is_message:
        from eisen_deploy.utils import unpack

        return _of_message(unpack(request.body), inputs, arrivals)
    if len(inputs) > 1:
        raise _several(inputs)
    affine = None if header is None else parsed_affine(header, inputs[0].field, AFFINE_HEADER)
    return {inputs[0].field: arrivals.take(request.body, inputs[0], affine)}


def _of_form(
    fields: Mapping[str, Any], inputs: Sequence[ModelInput], arrivals: Arrivals, header: str | None
) -> dict[str, Sent]:
    """Return the images of a form: a file for each input, and for arrays perhaps their affine as JSON."""
    found = {}
    for given in inputs:
        if given.field not in fields:
            raise missing_input(given.field, fields)
        text, where = fields.get(f"{given.field}_affine", header), f"{given.field}_affine"
        affine = None if text is None else parsed_affine(text, given.field, where)
        found[given.field] = arrivals.take(demand_bytes(fields[given.field], given.field), given, affine)
    return found


def _of_message(values: Mapping[str, Any], inputs: Sequence[ModelInput], arrivals: Arrivals) -> dict[str, Sent]:
    """Return the images of a message: for each input an array with its affine, or the bytes of a file."""
    found = {}
    for given in inputs:
        name = given.field
        if name not in values:
            raise missing_input(name, values)
        value, affine = values[name], values.get(f"{name}_affine")
        if isinstance(value, (bytes, bytearray)):
            found[name] = arrivals.take(value, given, affine)
            continue
        array = demand_numbers(value, name, arrivals.limits)
        affine = affine.tolist() if isinstance(affine, np.ndarray) else affine
        found[name] = array_sent(array, given, affine, f"{name}_affine", "msgpack")
    return found


def _several(inputs: Sequence[ModelInput]) -> Refusal:
    names = [given.field for given in inputs]
    parts = " ".join(f"-F {name}=@{name}.nii.gz" for name in names)
    return Refusal(
        f"this model looks at {len(inputs)} images together, and the body is a single file",
        kind="MissingField",
        field=names[1],
        expected=f"a form with the parts {', '.join(names)}",
        to_do=f"curl {parts} URL",
    )
