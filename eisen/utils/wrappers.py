"""Wrappers that let any PyTorch module, transform or dataset speak the language of fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Sized
from typing import Any, ClassVar, cast

from torch import nn
from torch.utils.data import Dataset

from eisen._core.errors import ArgumentError, EisenError, MissingFieldError, nearest
from eisen._core.field_roles import Role
from eisen._core.fields import FieldStep, checked_fields, missing_field
from eisen._core.types import DataPoint
from eisen.utils.interop.plain import entries_of_item

__all__ = ["EisenDatasetWrapper", "EisenModuleWrapper", "EisenTransformWrapper", "named_results"]


class EisenModuleWrapper(nn.Module):
    """Name what goes into a model, a loss or a metric, and what comes out of it.

    Args:
        module: Any `torch.nn.Module`; it is called with its inputs in the order of `input_names`.
        input_names: Fields of the batch that the module takes, in the order of its arguments.
        output_names: Names for what it returns, in order; surplus results are dropped. From a dict (torchvision's
            segmentation networks, a `MetricCollection`) they pick the entries of these keys; a dict with none of them
            is one result, like everything else that is neither list nor tuple.

    Example:
        >>> import torch
        >>> model = EisenModuleWrapper(torch.nn.Linear(3, 2), ["image"], ["logits"])
        >>> {name: tuple(value.shape) for name, value in model(image=torch.zeros(4, 3)).items()}
        {'logits': (4, 2)}
    """

    def __init__(self, module: nn.Module, input_names: Sequence[str], output_names: Sequence[str]) -> None:
        super().__init__()
        _refuse_class(module, "EisenModuleWrapper", "a module")
        self.module = module
        self.input_names = checked_fields(input_names, "EisenModuleWrapper (input_names)")
        self.output_names = checked_fields(output_names, "EisenModuleWrapper (output_names)")

    def forward(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Call the module and return its results by name.

        Args:
            *args: The first inputs, in the order of `input_names`.
            **kwargs: The other inputs by name, in any order; names the module does not take are ignored.

        Raises:
            MissingFieldError: If an input in front of a given one is missing, or the result is a dict that has some of
                `output_names` but not all.
            ArgumentError: If an input is given twice, or too many are given.
        """
        if args or len(kwargs) < len(self.input_names):
            return self.call_in_order(self._bound(args, kwargs))
        try:
            inputs = [kwargs[name] for name in self.input_names]
        except KeyError:
            inputs = self._bound(args, kwargs)
        return self.call_in_order(inputs)

    def call_in_order(self, inputs: Sequence[Any]) -> dict[str, Any]:
        """Call the module with its inputs in the order of `input_names`, and return its results by name.

        What `forward` comes down to. The loop of a workflow calls it directly where the wrapper has no hooks.
        """
        # `self.module` would search three dictionaries; this line runs three times in every training step.
        module: Any = self._modules["module"]
        result = module(*inputs)
        if isinstance(result, (tuple, list, dict)):
            return named_results(result, self.output_names, type(module).__name__)
        return {self.output_names[0]: result} if self.output_names else {}

    def _bound(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Any]:
        """Return the inputs in order. The last ones may be absent: the module may have defaults for them."""
        names, name = self.input_names, type(self.module).__name__
        twice = [n for n in names[: len(args)] if n in kwargs]
        if twice:
            raise ArgumentError(f"{name}: '{twice[0]}' is given by position and by name", expected="each input once")
        if len(args) > len(names):
            raise ArgumentError(f"{name}: {len(args)} inputs are given", expected=f"at most {len(names)}: {names}")
        rest = [n in kwargs for n in names[len(args) :]]
        given = names[len(args) : len(args) + sum(rest)]
        for field in given:
            if field not in kwargs:
                raise MissingFieldError(
                    f"{name}: the input '{field}' is missing", expected=f"all of {names}", field=field
                )
        return [*args, *(kwargs[field] for field in given)]


def named_results(result: Any, names: Sequence[str], owner: str) -> dict[str, Any]:
    """Return what a module returned by the names it is to have.

    Args:
        result: A list or tuple of results, a dict of them, or one.
        names: The names in order; keys, if `result` is a dict that has one of them.
        owner: Name of the module, for the message.

    Raises:
        MissingFieldError: If the dict has some of the names, but not all.

    Example:
        >>> named_results({"aux": 1, "out": 2}, ["out"], "FCN")
        {'out': 2}
    """
    if isinstance(result, dict) and any(name in result for name in names):
        absent = [name for name in names if name not in result]
        if absent:
            keys = [str(key) for key in result]
            raise MissingFieldError(
                f"{owner} returned no '{absent[0]}'",
                expected=f"output_names among: {', '.join(keys)}",
                to_do=nearest(absent[0], keys),
                field=absent[0],
            )
        return {name: result[name] for name in names}
    return dict(zip(names, result if isinstance(result, (tuple, list)) else [result], strict=False))


class EisenTransformWrapper(FieldStep):
    """Apply a transform that works on a single value, e.g. one of torchvision's, to fields of a data point.

    Each field is transformed by itself, so a random transform does something else to each. Where image and label must
    move together, use a step of `eisen.utils.interop`, or eisen's own transforms.

    Args:
        transform: Called with the value of each field; returns the new value.
        fields: Names of the fields.

    Example:
        >>> EisenTransformWrapper(abs, ["shift"])({"shift": -2, "image": "a.nii"})
        {'shift': 2, 'image': 'a.nii'}
    """

    def __init__(self, transform: Callable[[Any], Any], fields: Sequence[str]) -> None:
        super().__init__(fields)
        if not callable(transform):
            raise ArgumentError(f"EisenTransformWrapper: {transform!r} cannot be called", expected="a transform")
        self.transform_value = transform

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Transform one field."""
        return {field: self.transform_value(data[field])}


class EisenDatasetWrapper(Dataset[DataPoint]):
    """Give names to the items of a dataset of another library.

    Tuples, as torchvision's datasets return them, get one name per element. Items that have names already (dicts, as
    MONAI's datasets return them, and TorchIO's subjects) keep them; their images become plain tensors, with the
    geometry beside them in ``<field>_meta``.

    Args:
        dataset: Any map-style dataset.
        field_names: One name per element of its items; for items with names, those to keep. None: all names.
        transform: Applied to each data point, if given.

    Example:
        >>> digits = EisenDatasetWrapper([("pixels of a seven", 7)], ["image", "label"])
        >>> digits[0]
        {'image': 'pixels of a seven', 'label': 7}
        >>> EisenDatasetWrapper([{"image": "a.nii", "age": 61}])[0]
        {'image': 'a.nii', 'age': 61}
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"field_names": "makes"}

    def __init__(
        self,
        dataset: Dataset[Any],
        field_names: Sequence[str] | None = None,
        transform: Callable[[DataPoint], DataPoint] | None = None,
    ) -> None:
        owner = type(self).__name__
        _refuse_class(dataset, owner, "a dataset")
        if not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
            raise ArgumentError(
                f"{owner}: {type(dataset).__name__} is no dataset that can be indexed",
                expected="an object with a length and items, e.g. torchvision.datasets.MNIST(...)",
            )
        self.dataset = dataset
        self.field_names = None if field_names is None else checked_fields(field_names, f"{owner} (field_names)")
        self.transform = transform

    def __len__(self) -> int:
        return len(cast(Sized, self.dataset))

    def __getitem__(self, index: int) -> DataPoint:
        try:
            data = self._named(self.dataset[int(index)])
            return data if self.transform is None else self.transform(data)
        except EisenError as error:
            error.note(case=self.case_name(index))
            raise

    def case_name(self, index: int) -> str:
        """Return what error messages call an item."""
        return f"#{int(index)}"

    def _named(self, item: Any) -> DataPoint:
        """Return an item as a data point."""
        entries = entries_of_item(item, self.field_names)
        owner = type(self.dataset).__name__
        if entries is None:
            return self._zipped(item if isinstance(item, (tuple, list)) else (item,), owner)
        for field in self.field_names or ():
            if field not in entries:
                raise missing_field(field, item if isinstance(item, Mapping) else {}, f"the item of {owner}")
        return entries

    def _zipped(self, values: Sequence[Any], owner: str) -> DataPoint:
        names = self.field_names
        if names is None or len(values) != len(names):
            raise ArgumentError(
                f"the items of {owner} have {len(values)} elements without names",
                expected="field_names, one per element" if names is None else f"{len(names)}, one per name: {names}",
                to_do="give one name per element",
            )
        return dict(zip(names, values, strict=True))


def _refuse_class(value: Any, owner: str, expected: str) -> None:
    """Tell who passes a class, as up to Eisen 0.0.5, to make the object himself."""
    if isinstance(value, type):
        name = value.__name__
        raise ArgumentError(f"{owner}: {name} is a class", expected=expected, to_do=f"make one: {name}(...)")
