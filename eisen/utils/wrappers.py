"""Wrappers that let any PyTorch module, transform or dataset speak the language of fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Sized
from typing import Any, cast

from torch import nn
from torch.utils.data import Dataset

from eisen._core.errors import ArgumentError, EisenError, MissingFieldError
from eisen._core.fields import FieldStep, checked_fields
from eisen._core.types import DataPoint

__all__ = ["EisenDatasetWrapper", "EisenModuleWrapper", "EisenTransformWrapper"]


class EisenModuleWrapper(nn.Module):
    """Name what goes into a model, a loss or a metric, and what comes out of it.

    Args:
        module: Any `torch.nn.Module`; it is called with its inputs in the order of `input_names`.
        input_names: Fields of the batch that the module takes, in the order of its arguments.
        output_names: Names for what it returns, in order; surplus results are dropped.

    Example:
        >>> import torch
        >>> model = EisenModuleWrapper(torch.nn.Linear(3, 2), ["image"], ["logits"])
        >>> {name: tuple(value.shape) for name, value in model(image=torch.zeros(4, 3)).items()}
        {'logits': (4, 2)}
    """

    def __init__(self, module: nn.Module, input_names: Sequence[str], output_names: Sequence[str]) -> None:
        super().__init__()
        self.module = module
        self.input_names = checked_fields(input_names, "EisenModuleWrapper (input_names)")
        self.output_names = checked_fields(output_names, "EisenModuleWrapper (output_names)")

    def forward(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Call the module and return its results by name.

        Args:
            *args: The first inputs, in the order of `input_names`.
            **kwargs: The other inputs by name, in any order; names the module does not take are ignored.

        Raises:
            MissingFieldError: If an input in front of a given one is missing.
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
        if isinstance(result, (tuple, list)):
            return dict(zip(self.output_names, result, strict=False))
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


class EisenTransformWrapper(FieldStep):
    """Apply a transform that works on a single value, e.g. one of torchvision's, to fields of a data point.

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
    """Give names to the items of a dataset that returns tuples, e.g. one of torchvision's.

    Args:
        dataset: Any map-style dataset.
        field_names: One name per element of its items.
        transform: Applied to each data point, if given.

    Example:
        >>> digits = EisenDatasetWrapper([("pixels of a seven", 7)], ["image", "label"])
        >>> digits[0]
        {'image': 'pixels of a seven', 'label': 7}
    """

    def __init__(
        self,
        dataset: Dataset[Any] | Sequence[Any],
        field_names: Sequence[str],
        transform: Callable[[DataPoint], DataPoint] | None = None,
    ) -> None:
        self.dataset = dataset
        self.field_names = checked_fields(field_names, "EisenDatasetWrapper (field_names)")
        self.transform = transform

    def __len__(self) -> int:
        return len(cast(Sized, self.dataset))

    def __getitem__(self, index: int) -> DataPoint:
        item = self.dataset[int(index)]
        values = item if isinstance(item, (tuple, list)) else (item,)
        if len(values) != len(self.field_names):
            raise ArgumentError(
                f"the items of {type(self.dataset).__name__} have {len(values)} elements",
                expected=f"{len(self.field_names)}, one per field name: {self.field_names}",
                to_do="give one name per element",
                case=self.case_name(index),
            )
        data = dict(zip(self.field_names, values, strict=True))
        if self.transform is None:
            return data
        try:
            return self.transform(data)
        except EisenError as error:
            error.note(case=self.case_name(index))
            raise

    def case_name(self, index: int) -> str:
        """Return what error messages call an item."""
        return f"#{int(index)}"
