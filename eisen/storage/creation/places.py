"""Places for arrays in an HDF5 file: each gets one before it has its content, so that anybody can write there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eisen.storage.creation.settings import CaseFacts

if TYPE_CHECKING:
    import h5py

__all__ = ["Places"]


class Places:
    """Gives arrays their places in a file.

    h5py's own `create_dataset` looks up every group on the way and makes all properties anew, ten times as slow; among
    several readers that is time in which nobody else gets a place.

    Args:
        file: The file, open for writing.

    Example:
        >>> import h5py
        >>> facts = {"stored_shape": [2, 3], "stored_dtype": "<i2", "dtype": "int16", "scale": None}
        >>> with h5py.File("store.h5", "w", driver="core", backing_store=False) as file:
        ...     offset = Places(file).reserve("data/image/0", facts)
        ...     offset > 0, file["data/image/0"].shape
        (True, (2, 3))
    """

    def __init__(self, file: h5py.File) -> None:
        from h5py import h5d, h5p, h5t

        self._file = file
        self._options = h5p.create(h5p.DATASET_CREATE)
        self._options.set_layout(h5d.CONTIGUOUS)
        self._options.set_alloc_time(h5d.ALLOC_TIME_EARLY)
        self._options.set_fill_time(h5d.FILL_TIME_NEVER)
        self._options.set_obj_track_times(False)
        self._links = h5p.create(h5p.LINK_CREATE)
        self._links.set_create_intermediate_group(True)
        self._links.set_char_encoding(h5t.CSET_UTF8)

    def reserve(self, path: str, facts: CaseFacts) -> int:
        """Return where the bytes of an array begin in the file.

        Args:
            path: Path of its dataset; must be new.
            facts: Its type, shape and scale.

        Raises:
            OSError: If it cannot be made; some reasons arrive as RuntimeError.
        """
        from h5py import Dataset, h5d, h5s, h5t

        dtype = np.dtype(facts["stored_dtype"])
        made = h5d.create(
            self._file.id,
            path.encode(),
            h5t.py_create(dtype, logical=True),
            h5s.create_simple(tuple(facts["stored_shape"])),
            dcpl=self._options,
            lcpl=self._links,
        )
        if facts["scale"] is not None:
            Dataset(made).attrs.update(dict(zip(("slope", "inter"), facts["scale"], strict=True)))
        if facts["dtype"] != dtype.name:
            Dataset(made).attrs["dtype"] = facts["dtype"]
        return int(made.get_offset())
