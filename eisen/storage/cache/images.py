"""Images of nibabel, SimpleITK and Pillow as dicts of plain parts, and back."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["put_together", "take_apart"]

Parts = dict[str, Any]


def take_apart(image: Any) -> tuple[str, Parts] | None:
    """Return the kind of an image and its parts; None for what would not come back as it was.

    Args:
        image: Anything; NIfTI images of nibabel, images of SimpleITK and pictures of Pillow are known.

    Example:
        >>> import SimpleITK
        >>> kind, parts = take_apart(SimpleITK.Image(4, 5, 6, SimpleITK.sitkUInt8))
        >>> kind, parts["voxels"].shape
        ('itk', (6, 5, 4))
    """
    library = type(image).__module__.partition(".")[0]
    known = {"nibabel": _nifti_parts, "SimpleITK": _itk_parts, "PIL": _picture_parts}.get(library)
    if known is None:
        return None
    parts = known(image)
    return None if parts is None else ({"nibabel": "nifti", "SimpleITK": "itk", "PIL": "picture"}[library], parts)


def put_together(kind: str, parts: Parts) -> Any:
    """Return the image that `take_apart` saw.

    Args:
        kind: As returned.
        parts: As returned.
    """
    makers: dict[str, Callable[[Parts], Any]] = {"nifti": _nifti, "itk": _itk, "picture": _picture}
    return makers[kind](parts)


# -- nibabel ----------------------------------------------------------------------------------------------------------


def _nifti_parts(image: Any) -> Parts | None:
    import nibabel

    from eisen.io.decode import _VoxelsInMemory

    if type(image) not in (nibabel.Nifti1Image, nibabel.Nifti2Image) or image.extra:
        return None
    proxy, header = image.dataobj, image.header
    parts = {
        "version": 1 if type(image) is nibabel.Nifti1Image else 2,
        "header": header.binaryblock,
        "endianness": header.endianness,
        "extensions": _extensions_as_bytes(header),
        "affine": image.affine,
        "file": image.get_filename(),
    }
    if type(proxy) is _VoxelsInMemory:
        spec = (proxy.shape, proxy.dtype.str, proxy.offset, proxy.slope, proxy.inter)
        return parts | {"voxels": proxy._voxels, "spec": spec}
    return parts | {"voxels": proxy} if type(proxy) is np.ndarray else None


def _nifti(parts: Parts) -> Any:
    import nibabel

    from eisen.io.decode import _VoxelsInMemory

    kind: Any = nibabel.Nifti1Image if parts["version"] == 1 else nibabel.Nifti2Image
    header = kind.header_class(parts["header"], endianness=parts["endianness"], check=False)
    stored = parts["extensions"]
    header.extensions = header.exts_klass.from_fileobj(io.BytesIO(stored), len(stored), False)
    voxels = parts["voxels"]
    if "spec" in parts:
        shape, dtype, *rest = parts["spec"]
        voxels = _VoxelsInMemory(voxels, (shape, np.dtype(dtype), *rest))
    names = {} if parts["file"] is None else {"file_map": kind.filespec_to_file_map(parts["file"])}
    image = kind(voxels, parts["affine"], header, **names)
    image.header._structarr[...] = header._structarr  # making an image changes its header a little
    return image


def _extensions_as_bytes(header: Any) -> bytes:
    stream = io.BytesIO()
    for extension in header.extensions:
        extension.write_to(stream, False)
    return stream.getvalue()


# -- SimpleITK --------------------------------------------------------------------------------------------------------


def _itk_parts(image: Any) -> Parts | None:
    import SimpleITK

    if type(image) is not SimpleITK.Image or "label" in image.GetPixelIDTypeAsString():
        return None
    return {
        "voxels": SimpleITK.GetArrayFromImage(image),
        "pixel": int(image.GetPixelID()),
        "vector": image.GetNumberOfComponentsPerPixel() > 1 or "vector" in image.GetPixelIDTypeAsString(),
        "origin": image.GetOrigin(),
        "spacing": image.GetSpacing(),
        "direction": image.GetDirection(),
        "notes": {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()},
    }


def _itk(parts: Parts) -> Any:
    import SimpleITK

    image = SimpleITK.GetImageFromArray(parts["voxels"], isVector=parts["vector"])
    if image.GetPixelID() != parts["pixel"]:
        image = SimpleITK.Cast(image, parts["pixel"])
    image.SetOrigin(parts["origin"])
    image.SetSpacing(parts["spacing"])
    image.SetDirection(parts["direction"])
    for key, text in parts["notes"].items():
        image.SetMetaData(key, text)
    return image


# -- Pillow -----------------------------------------------------------------------------------------------------------


def _picture_parts(image: Any) -> Parts | None:
    from PIL import Image

    if not isinstance(image, Image.Image) or image.mode not in ("L", "LA", "RGB", "RGBA", "I", "F", "I;16", "1"):
        return None
    return {"mode": image.mode, "size": image.size, "pixels": image.tobytes()}


def _picture(parts: Parts) -> Any:
    from PIL import Image

    return Image.frombytes(parts["mode"], parts["size"], parts["pixels"])
