"""What the steps for other libraries share: fields in, random numbers of ours, errors that name the culprit."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from eisen._core.errors import ArgumentError, EisenError, StepError
from eisen._core.field_roles import Role
from eisen._core.fields import DataStep, checked_fields, missing_field
from eisen._core.random import generator, others_seeded
from eisen._core.types import DataPoint, Step, is_label_field
from eisen.transforms.arguments import checked_dims
from eisen.transforms.base import forget_stale_geometry
from eisen.utils.interop.view import View

__all__ = ["ForeignStep"]


class ForeignStep(DataStep):
    """Run transforms of another library on fields of a data point, all fields together.

    Random numbers of the other library become a function of seed, epoch, sample and step like those of eisen's own
    transforms; the generators of the program are left as they were. A child implements `work`.

    Args:
        fields: Names of the fields the transforms work on.
        transforms: Transforms of the other library, run one after the other.
        labels: Those of the fields that hold classes. None: those whose name says label, mask, seg, ...
        spatial_dims: 2 for channel-first pictures, 3 for volumes. None: 3, or 2 for arrays of two axes.
        places: Where each transform stands in the configuration; shown in errors.

    Raises:
        ArgumentError: If a transform cannot be called, or `labels` names something that is no field.
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"fields": "changes"}

    def __init__(
        self,
        fields: Sequence[str],
        transforms: Sequence[Step],
        labels: Sequence[str] | None = None,
        *,
        spatial_dims: int | None = None,
        places: Sequence[str] | None = None,
    ) -> None:
        owner = type(self).__name__
        self.fields = checked_fields(fields, owner)
        self.transforms = _checked_transforms(transforms, owner)
        self.spatial_dims = checked_dims(spatial_dims, owner)
        self.labels = list(filter(is_label_field, self.fields)) if labels is None else checked_fields(labels, owner)
        strangers = sorted({*self.labels} - {*self.fields})
        if strangers:
            raise ArgumentError(f"{owner}: labels names {strangers}", expected=f"some of the fields {self.fields}")
        self._places = list(places) if places is not None else [""] * len(self.transforms)

    @abstractmethod
    def work(self, views: list[View], data: DataPoint, seed: int) -> DataPoint:
        """Return the data point after all transforms.

        Args:
            views: The fields as tensors (C, ...) with their geometry, in the order of `fields`.
            data: The data point, private to the step.
            seed: For generators that the library keeps for itself; the global ones are seeded already.
        """

    def transform(self, data: DataPoint) -> DataPoint:
        """Run the transforms with random numbers of this sample."""
        owner = type(self).__name__
        for field in self.fields:
            if field not in data:
                raise missing_field(field, data, owner)
            forget_stale_geometry(field, data)
        views = [View.of(field, data, field in self.labels, self.spatial_dims, owner) for field in self.fields]
        with others_seeded(generator()) as seed:
            return self.work(views, data, seed)

    def run(self, index: int, *inputs: Any, **named: Any) -> Any:
        """Return what one transform makes of its inputs; what fails inside names the transform."""
        name = type(self.transforms[index]).__name__
        step = f"{type(self).__name__} ({name})"
        transform: Any = self.transforms[index]
        try:
            return transform(*inputs, **named)
        except EisenError as error:
            raise error.note(step=step, config=self._places[index])  # noqa: B904
        except Exception as error:
            what = f"{name} failed: {type(error).__name__}: {error}"
            raise StepError(what, step=step, config=self._places[index]) from error


def _checked_transforms(transforms: Any, owner: str) -> list[Any]:
    is_list = isinstance(transforms, (list, tuple))
    wrong = next((t for t in transforms if not callable(t) or isinstance(t, type)), None) if is_list else transforms
    if wrong is not None or not transforms:
        raise ArgumentError(
            f"{owner}: transforms is {transforms!r}"
            if not is_list or not transforms
            else f"{owner}: no transform: {wrong!r}",
            expected="a list of transforms, one or more",
            to_do="write transforms=[...]" if callable(wrong) and not isinstance(wrong, type) else "",
        )
    return list(transforms)
