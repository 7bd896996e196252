"""Turning arrays of any range and channel count into pictures and films."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt

from eisen._core.types import Array

__all__ = ["film", "gif", "pictures"]

_MAX_FRAMES, _MAX_SIDE, _MAX_CASES = 32, 192, 2


def pictures(images: Array) -> Array:
    """Return images as TensorBoard shows them: values from 0 to 1, one channel or three.

    Values outside 0 to 1 are stretched to that range, for each image separately. One and three channels stay; of
    other counts the channels are blended, channel i of C with the weight i / C, so that a one-hot label shows a
    shade per class.

    Args:
        images: Shape (cases, channels, height, width).

    Returns:
        Shape (cases, 1 or 3, height, width), 32-bit floats.

    Example:
        >>> pictures(np.array([-10.0, 0.0, 10.0]).reshape(1, 1, 1, 3)).ravel()
        array([0. , 0.5, 1. ], dtype=float32)
    """
    values = np.nan_to_num(images.astype(np.float32), posinf=0.0, neginf=0.0)
    n_channels = values.shape[1]
    if n_channels not in (1, 3):
        weights = np.arange(n_channels, dtype=np.float32) / max(n_channels, 1)
        values = np.einsum("nchw,c->nhw", values, weights)[:, None]
    return np.stack([_stretched(value) for value in values])


def film(volumes: Array, axis: int) -> npt.NDArray[np.uint8]:
    """Return volumes as a film through their slices, the first cases side by side.

    Large volumes are thinned out: at most 32 frames of at most 192 pixels a side, and two cases.

    Args:
        volumes: Shape (cases, channels, i, j, k).
        axis: The axis that becomes time: 1, 2 or 3 for i, j or k.

    Returns:
        Shape (frames, height, width, 1 or 3), 0 to 255; each case is stretched to its own range.

    Example:
        >>> film(np.zeros((2, 1, 5, 6, 7)), axis=1).shape
        (5, 6, 14, 1)
    """
    frames = np.moveaxis(volumes[:_MAX_CASES], axis + 1, 2)
    steps = [-(-n // limit) for n, limit in zip(frames.shape[2:], (_MAX_FRAMES, _MAX_SIDE, _MAX_SIDE), strict=True)]
    frames = frames[:, :, :: steps[0], :: steps[1], :: steps[2]]
    n, c, t, h, w = frames.shape
    shown = (pictures(frames.reshape(n, c, t * h, w)) * 255).round().astype(np.uint8)
    shown = shown.reshape(n, -1, t, h, w)
    return np.ascontiguousarray(shown.transpose(2, 3, 0, 4, 1).reshape(t, h, n * w, shown.shape[1]))


def gif(frames: npt.NDArray[np.uint8], frames_per_second: int = 10) -> bytes:
    """Return a film as an animated GIF.

    Args:
        frames: Shape (frames, height, width, 1 or 3), 0 to 255.
        frames_per_second: How fast it plays.

    Example:
        >>> gif(np.zeros((3, 4, 4, 1), np.uint8))[:6]
        b'GIF89a'
    """
    from PIL import Image

    grey = frames.shape[-1] == 1
    images = [Image.fromarray(frame) for frame in (frames[..., 0] if grey else _indexed(frames))]
    if not grey:
        for image in images:
            image.putpalette(_PALETTE.tobytes())
    buffer = io.BytesIO()
    options = {"duration": 1000 // frames_per_second, "loop": 0, "optimize": False}
    images[0].save(buffer, format="GIF", save_all=True, append_images=images[1:], **options)
    return buffer.getvalue()


def _indexed(frames: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the number in `_PALETTE` of the colour closest to each pixel; a palette per frame takes far longer."""
    levels = (frames * np.array([5, 6, 5], np.uint16) + 127) // 255
    return np.asarray(levels @ np.array([42, 6, 1], np.uint16), dtype=np.uint8)


_PALETTE = np.array(
    [(r * 51, round(g * 42.5), b * 51) for r in range(6) for g in range(7) for b in range(6)], dtype=np.uint8
)
"""6 x 7 x 6 shades of red, green and blue."""


def _stretched(value: Array) -> Array:
    low, high = float(value.min()), float(value.max())
    if low >= 0 and high <= 1:
        return value
    return np.asarray((value - low) / (high - low) if high > low else np.zeros_like(value))
