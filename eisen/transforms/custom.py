"""Functions of your own as steps."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from typing import Any

from eisen._core.errors import ArgumentError, ConfigError, DataError
from eisen._core.fields import FieldStep
from eisen._core.types import DataPoint
from eisen.config.locate import locate

__all__ = ["Lambda"]


class Lambda(FieldStep):
    """Call a function with the value of each field, and keep what it returns.

    Args:
        fields: Names of the fields.
        function: Dotted path of a function that takes an array, e.g. ``"numpy.log1p"`` or ``"my_module.crop"``; in
            Python the function itself. Inside data workers a function must have a name that can be imported.

    Raises:
        ArgumentError: If the path names no function; Python's standard library may not be named.

    Example:
        >>> import numpy as np
        >>> Lambda(["image"], "numpy.sqrt")({"image": np.array([4.0, 9.0])})["image"]
        array([2., 3.])
    """

    def __init__(self, fields: Sequence[str], function: str | Callable[[Any], Any]) -> None:
        super().__init__(fields)
        self.function = function
        self._call = _located(function) if isinstance(function, str) else function
        if not callable(self._call) or isinstance(self._call, type):
            raise ArgumentError(
                f"Lambda: function is {function!r}",
                expected="the dotted path of a function, e.g. 'numpy.log1p', or a function",
            )

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Call the function for one field."""
        value = data[field]
        # What a file names shall compute, not open files: pandas.read_pickle would run code from a path in the data.
        if isinstance(self.function, str) and not isinstance(value, int | float) and not hasattr(value, "shape"):
            raise DataError(
                f"Lambda got {value!r:.80} for {self.function}",
                expected="an array, a tensor or a number",
                to_do="put a reader before this step",
            )
        return {field: self._call(value)}

    def __getstate__(self) -> dict[str, Any]:
        if isinstance(self.function, str):
            return {key: value for key, value in vars(self).items() if key != "_call"}
        try:
            pickle.dumps(self.function)
        except Exception as error:
            name = getattr(self.function, "__qualname__", repr(self.function))
            raise ArgumentError(
                f"Lambda holds the function {name}, which other processes cannot import",
                expected="a function that is defined with 'def' at the top of a module",
                to_do="move it there and name it, or read data in the main process (0 workers)",
            ) from error
        return dict(vars(self))

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if isinstance(self.function, str):
            self._call = _located(self.function)


def _located(path: str) -> Any:
    try:
        return locate(path)
    except ConfigError as error:
        problem = error.problems[0]
        raise ArgumentError(f"Lambda: {problem.what}", expected=problem.expected) from error
