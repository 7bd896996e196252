"""Pictures of requests: their size is looked at before they are decoded."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from eisen_deploy.serving.messages import Refusal
from eisen_deploy.serving.volumes.limits import Limits

__all__ = ["check_picture"]


def check_picture(path: Path, field: str, limits: Limits) -> None:
    """Make sure that a file is a picture that is not too large.

    Args:
        path: A PNG, JPEG or TIFF file.
        field: Whose it is.
        limits: How much there may be.

    Raises:
        Refusal: If it cannot be opened, or is larger than it may be.
    """
    import warnings

    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=["PNG", "JPEG", "TIFF"]) as picture:
                size, bands = picture.size, len(picture.getbands())
    except Image.DecompressionBombError as error:
        raise Refusal(
            f"'{field}' is a picture of too many pixels",
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "TooLarge",
            field=field,
            got=str(error)[:200],
        ) from error
    except Exception as error:  # what Pillow raises depends on what is damaged
        raise Refusal(
            f"'{field}' is a picture that is truncated or damaged: {str(error).partition(str(path))[0][:100]}",
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "Damaged",
            field=field,
            expected="a complete PNG, JPEG or TIFF file",
        ) from error
    limits.demand_voxels((size[1], size[0]), 4 * bands, field)
