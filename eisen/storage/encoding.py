"""How arrays lie in a store: as they are, as 16-bit integers with a scale, or compressed in small blocks.

    raw     contiguous, its own type, little-endian: any part is where arithmetic says it is
    int16   contiguous, half the size of float32: value = stored * slope + inter, one pair per channel where they differ
    blosc2  chunks of 32 voxels per axis, LZ4 after a bit shuffle, nothing lost

What a dataset is can be seen from itself: its layout, and the attributes `slope`, `inter` and `dtype`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from eisen._core.errors import ArgumentError, CorruptFileError, MissingExtraError, nearest
from eisen._core.types import Array
from eisen.storage.quantize import Scale, quantized

if TYPE_CHECKING:
    import h5py

__all__ = ["FILE_OPTIONS", "FORMS", "Form", "Scale", "decode", "encode", "scale_of", "value_dtype", "write_array"]

Form: TypeAlias = Literal["raw", "int16", "blosc2"]
FORMS: tuple[Form, ...] = ("raw", "int16", "blosc2")
FILE_OPTIONS = {"alignment_threshold": 4096, "alignment_interval": 4096}
"""For ``h5py.File(path, "w", **FILE_OPTIONS)``: arrays of a page or more begin on a page."""

_CHUNK_EDGE = 32


@dataclass(frozen=True)
class Encoded:
    """An array as it goes into the file.

    Args:
        stored: What is written; little-endian, contiguous.
        form: The form it really has: what cannot be had as 16-bit integers stays raw.
        scale: From stored numbers to values; None: they are the values.
        dtype: Type of the values.
    """

    stored: Array
    form: Form
    scale: Scale | None
    dtype: np.dtype[Any]


def encode(array: Any, form: Form = "raw") -> Encoded:
    """Return an array as it is stored.

    With ``"int16"``, whole numbers that fit are kept exactly, and so are, to within their own rounding, values that are
    a scaled version of integers, such as a normalised CT. Others are rounded to 65 534 steps of their range, channel by
    channel; 0 stays 0. Integers that do not fit, NaN and infinity stay raw, so a label is never changed. ``"blosc2"``
    loses nothing.

    Args:
        array: Numbers of any shape.
        form: ``"raw"``, ``"int16"`` or ``"blosc2"``.

    Raises:
        ArgumentError: If the form is unknown or the array holds no numbers.

    Example:
        >>> encode(np.array([0.5, 1.0, 2.0], "float32"), "int16").stored.dtype == "int16"
        True
        >>> encode(np.array([1.0, np.nan]), "int16").form
        'raw'
    """
    if form not in FORMS:
        raise ArgumentError(
            f"the form {form!r} is unknown", expected=", ".join(map(repr, FORMS)), to_do=nearest(str(form), FORMS)
        )
    values = np.asarray(array)
    if values.dtype.kind not in "biufc" or values.dtype.itemsize > 16 or values.dtype.char in "gG":
        raise ArgumentError(
            f"an array of {values.dtype} cannot be stored",
            expected="truth values, integers, or numbers of up to 64 bits (complex: 128)",
            to_do="convert it first, e.g. array.astype('float32')",
        )
    found = None if form == "raw" else quantized(values, lossless=form == "blosc2")
    if found is not None:
        stored, scale = found
        return Encoded(_little(stored), form, scale, values.dtype.newbyteorder("="))
    plain = values.view(np.uint8) if values.dtype == bool else values
    return Encoded(_little(plain), "blosc2" if form == "blosc2" else "raw", None, values.dtype.newbyteorder("="))


def write_array(group: h5py.Group, name: str, array: Any, form: Form = "raw") -> Array:
    """Write an array into an HDF5 group, and return it as it is stored (for digests: see `encode`).

    Arrays that are not compressed get their place at once and without a fill value, so that
    ``dataset.id.get_offset()`` tells where they are.

    Args:
        group: Where to write.
        name: Name of the dataset; must be new.
        array: Numbers of any shape.
        form: See `encode`.

    Raises:
        ArgumentError: See `encode`.
        MissingExtraError: If ``"blosc2"`` is asked for without hdf5plugin.

    Example:
        >>> import h5py
        >>> with h5py.File("store.h5", "w", driver="core", backing_store=False) as file:
        ...     _ = write_array(file, "0", np.arange(6.0).reshape(1, 2, 3))
        ...     file["0"].id.get_offset() > 0
        True
    """
    encoded = encode(array, form)
    stored = encoded.stored
    options: dict[str, Any] = {"fill_time": "never"}
    if encoded.form == "blosc2" and stored.size and stored.ndim:
        options |= {"chunks": _chunks(stored.shape), **compression()}
    else:
        options["dcpl"] = place_at_once()
    dataset = group.create_dataset(name, stored.shape, stored.dtype, **options)
    if stored.size:
        dataset[...] = stored
    if encoded.scale is not None:
        dataset.attrs["slope"], dataset.attrs["inter"] = encoded.scale.slope, encoded.scale.inter
    if encoded.dtype != stored.dtype:
        dataset.attrs["dtype"] = encoded.dtype.name
    return stored


def place_at_once() -> Any:
    """Return the creation properties of a dataset that gets its place in the file when it is made, in one piece."""
    import h5py

    options = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    options.set_layout(h5py.h5d.CONTIGUOUS)
    options.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    return options


def compression() -> dict[str, Any]:
    """Return the options of h5py for the compressed form.

    Raises:
        MissingExtraError: If hdf5plugin is not installed.
    """
    plugin = blosc2_plugin()
    return dict(plugin.Blosc2(cname="lz4", clevel=5, filters=plugin.Blosc2.BITSHUFFLE))


def blosc2_plugin() -> Any:
    """Return hdf5plugin; having imported it, h5py can read and write the compressed form.

    Raises:
        MissingExtraError: If it is not installed.
    """
    try:
        import hdf5plugin
    except ImportError as error:
        raise MissingExtraError(
            "the compressed form of a store needs the package 'hdf5plugin', which is not installed",
            to_do="pip install hdf5plugin",
        ) from error
    return hdf5plugin


def value_dtype(dataset: h5py.Dataset) -> np.dtype[Any]:
    """Return the type of the values of a dataset, in the byte order of this machine.

    Raises:
        CorruptFileError: If the dataset says something else.
    """
    named = dataset.attrs.get("dtype")
    try:
        kind = np.dtype(dataset.dtype if named is None else str(named))
    except TypeError as error:
        raise CorruptFileError(
            f"the dataset {dataset.name} names the type {named!r}", expected="e.g. float32"
        ) from error
    if kind.kind not in "biufc":
        raise CorruptFileError(f"the dataset {dataset.name} holds {kind}", expected="numbers")
    return kind.newbyteorder("=")


def scale_of(dataset: h5py.Dataset) -> Scale | None:
    """Return how stored numbers become values; None: they are the values.

    Raises:
        CorruptFileError: If slope and inter are not finite numbers, one or one per channel.
    """
    if "slope" not in dataset.attrs:
        return None
    try:
        slope = np.asarray(dataset.attrs["slope"], np.float64)
        inter = np.asarray(dataset.attrs.get("inter", 0.0), np.float64)
        slope, inter = np.broadcast_arrays(slope, inter)
        fits = slope.ndim == 0 or (slope.ndim == 1 and len(slope) == dataset.shape[0])
    except (TypeError, ValueError, IndexError):
        fits = False
    if not fits or not np.isfinite(slope).all() or not np.isfinite(inter).all():
        raise CorruptFileError(
            f"the scale of the dataset {dataset.name} cannot be used",
            expected="finite slope and inter, 1 or per channel",
        )
    return Scale(slope[()].copy() if slope.ndim else slope[()], inter[()].copy() if inter.ndim else inter[()])


def decode(stored: Array, scale: Scale | None, out: Array, channels: slice = slice(None)) -> Array:
    """Write the values of stored numbers into an array of the same shape, and return it.

    Args:
        stored: A part of what is in the file.
        scale: See `scale_of`.
        out: Where the values go; of any type they can be cast to.
        channels: Which channels the part has.

    Example:
        >>> decode(np.array([1, 2], "int16"), Scale(0.5, 1.0), np.empty(2, "float32"))
        array([1.5, 2. ], dtype=float32)
    """
    if scale is None:
        np.copyto(out, stored, casting="unsafe")
        return out
    return scale.apply(stored, out, channels)


def _chunks(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return blocks that are small along the last three axes (of space) and one along those before them."""
    edges = [min(_CHUNK_EDGE, n) for n in shape[-3:]]
    return (*(1 for _ in shape[:-3]), *edges)


def _little(array: Array) -> Array:
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(array.shape)
