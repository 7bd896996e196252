"""Parts of arrays that only their library can read: compressed, in chunks, or far away."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from eisen._core.errors import CorruptFileError, EisenError
from eisen._core.types import Array
from eisen.storage.encoding import blosc2_plugin, decode
from eisen.storage.quantize import Scale
from eisen.storage.reading.bounds import bounds_of, checked_out, empty
from eisen.storage.regions import Region

__all__ = ["ChunkedSource", "demand_filters"]

_BLOSC2 = 32026
"""Number of the filter, registered with the HDF Group."""


class ChunkedSource:
    """An array that h5py or zarr reads.

    Args:
        find: Returns the dataset; called once in every process.
        dtype: Type of the values.
        scale: From stored numbers to values; None: they are the values.
        channels_last: The last axis there is the first one here.
        file: The file, for messages.
    """

    def __init__(
        self, find: Callable[[], Any], dtype: np.dtype[Any], scale: Scale | None, channels_last: bool, file: str
    ) -> None:
        self._find, self._scale, self._channels_last, self._name = find, scale, channels_last, file
        self._found: tuple[int, Any] | None = None
        shape = tuple(int(n) for n in self._dataset().shape)
        self.shape = (shape[-1], *shape[:-1]) if channels_last else shape
        self.dtype = dtype

    def _dataset(self) -> Any:
        if self._found is None or self._found[0] != os.getpid():
            self._found = os.getpid(), self._find()
        return self._found[1]

    def read(self, region: Region | None = None, out: Array | None = None) -> Array:
        """Return a part as an array of its own, see `RegionSource`."""
        bounds = bounds_of(region, self.shape)
        shape = tuple([stop - start for start, stop in bounds])
        result = empty(shape, self.dtype) if out is None else checked_out(out, shape, self.dtype)
        if result.size:
            part = self._part(tuple([slice(*ends) for ends in bounds]))
            decode(part, self._scale, result, slice(*bounds[0]) if bounds else slice(None))
        return result

    def _part(self, region: tuple[slice, ...]) -> Array:
        stored = (*region[1:], region[0]) if self._channels_last else region
        try:
            part = np.asarray(self._dataset()[stored])
        except EisenError:
            raise
        except (OSError, RuntimeError, ValueError, KeyError) as error:
            raise CorruptFileError(
                f"an array in {os.path.basename(self._name)} cannot be read: {error}"[:300],  # noqa: PTH119  # or a URL
                expected="a complete file",
                to_do="copy it again, or make it again with `eisen data create`",
                file=self._name,
            ) from error
        return np.moveaxis(part, -1, 0) if self._channels_last else part


def demand_filters(dataset: Any) -> None:
    """Load what HDF5 needs to read a compressed dataset.

    Raises:
        MissingExtraError: If hdf5plugin is needed and not installed.
    """
    properties = dataset.id.get_create_plist()
    if any(properties.get_filter(k)[0] == _BLOSC2 for k in range(properties.get_nfilters())):
        blosc2_plugin()
