"""What a served model says about itself: its inputs and its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eisen._core.errors import ArgumentError

__all__ = ["create_metadata"]


def create_metadata(
    input_name_list: Sequence[str],
    input_type_list: Sequence[str],
    input_shape_list: Sequence[Any],
    output_name_list: Sequence[str],
    output_type_list: Sequence[str],
    output_shape_list: Sequence[Any],
    model_input_list: Sequence[str] | None = None,
    model_output_list: Sequence[str] | None = None,
    custom_meta_dict: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Describe what a model takes and gives, for its server and for its clients.

    Types are free text. ``"ndarray"``, ``"list"`` and ``"str"`` are checked; ``"ndarray:int64"`` also says which type
    the elements have, otherwise they reach the model as float32.

    Args:
        input_name_list: Fields of a request.
        input_type_list: Type of each.
        input_shape_list: Shape of each: per axis a size, or -1 for any; of lists and text the length.
        output_name_list: Fields of an answer.
        output_type_list: Type of each.
        output_shape_list: Shape of each.
        model_input_list: Fields that the model takes, in the order of its arguments; None: all of `input_name_list`.
        model_output_list: Names of what the model returns, in order; None: all of `output_name_list`.
        custom_meta_dict: Anything else, as JSON knows it.

    Returns:
        The description; nothing in it is shared with the arguments.

    Raises:
        ArgumentError: If there are not as many types or shapes as names, or a name is no text or there twice.

    Example:
        >>> metadata = create_metadata(["image"], ["ndarray"], [[-1, 1, 64, 64]], ["logits"], ["ndarray"], [[-1, 10]])
        >>> metadata["inputs"], metadata["model_output_list"]
        ([{'name': 'image', 'type': 'ndarray', 'shape': [-1, 1, 64, 64]}], ['logits'])
    """
    inputs = _declared("input", input_name_list, input_type_list, input_shape_list)
    outputs = _declared("output", output_name_list, output_type_list, output_shape_list)
    return {
        "inputs": inputs,
        "outputs": outputs,
        "model_input_list": _names(
            "model_input_list", input_name_list if model_input_list is None else model_input_list
        ),
        "model_output_list": _names(
            "model_output_list", output_name_list if model_output_list is None else model_output_list
        ),
        "custom": _plain(custom_meta_dict or {}),
    }


def _declared(side: str, names: Sequence[str], types: Sequence[str], shapes: Sequence[Any]) -> list[dict[str, Any]]:
    fields = _names(f"{side}_name_list", names)
    if not len(fields) == len(types) == len(shapes):
        raise ArgumentError(
            f"create_metadata: {len(fields)} {side} names, {len(types)} types and {len(shapes)} shapes are given",
            expected=f"a type and a shape for each name in {side}_name_list",
        )
    return [
        {"name": name, "type": kind, "shape": _plain(shape)}
        for name, kind, shape in zip(fields, types, shapes, strict=True)
    ]


def _names(argument: str, names: Sequence[str]) -> list[str]:
    wrong = isinstance(names, str) or not all(isinstance(name, str) for name in names)
    if wrong or len(set(names)) != len(names):
        raise ArgumentError(
            f"create_metadata: {argument} is {names!r}", expected="a list of names that are text, each one once"
        )
    return list(names)


def _plain(value: Any) -> Any:
    """Return a copy as JSON knows it: tuples as lists, numbers of NumPy as numbers."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", 1) == 0 else value
