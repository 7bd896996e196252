"""What goes wrong with the image of a request, as the answer to it; nothing about the server is told."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from eisen._core.errors import ArgumentError, DataError, EisenError, MissingExtraError
from eisen_deploy.serving.faults import is_out_of_memory
from eisen_deploy.serving.messages import Refusal

if TYPE_CHECKING:
    from eisen_deploy.serving.packaged import PackagedModel

__all__ = ["as_refusals", "refusal_of"]

_log = logging.getLogger(__name__)
_FOR_USERS_OF_FILES = ("--", "take the case out", "dataset", "data_dir", "Hyperparameters", "split=", "Load")


@contextmanager
def as_refusals(model: PackagedModel, room: Path) -> Iterator[None]:
    """Turn what readers, transforms and networks raise about an image into a `Refusal`.

    Errors of the machine (a full disk) and of the package pass.

    Args:
        model: Whose folders are not told.
        room: The folder of the request, whose name is another one each time.
    """
    secrets = [str(room.resolve()), str(room), str(model.scratch), str(model.folder.resolve()), str(model.folder)]
    try:
        yield
    except (DataError, ArgumentError, MissingExtraError) as error:
        _log.info("refused: %s", error.card.what)
        raise refusal_of(error, secrets) from error
    except RuntimeError as error:
        if type(error) is not RuntimeError or "CUDA" in str(error) or is_out_of_memory(error):
            raise
        _log.warning("the network failed", exc_info=True)
        raise Refusal(
            f"the network cannot compute with this image: {_bare(str(error).strip().splitlines()[0], secrets)[:300]}",
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "ModelError",
            expected="an image of the size and with the channels that the model was trained on",
        ) from error


def refusal_of(error: EisenError, secrets: list[str]) -> Refusal:
    """Return the refusal that says what the card of an error says.

    Args:
        error: About the image of a request.
        secrets: Folders that are cut out of all texts.

    Example:
        >>> from eisen._core.errors import GeometryError
        >>> refusal = refusal_of(GeometryError("/tmp/x7/image.nii has no affine", field="ct"), ["/tmp/x7"])
        >>> refusal.answer().body
        b'{"code": 422, "type": "GeometryError", "message": "image.nii has no affine", "field": "ct"}'
    """
    card = error.card
    is_missing = isinstance(error, MissingExtraError)
    to_do = "" if any(word in card.to_do for word in _FOR_USERS_OF_FILES) or is_missing else card.to_do
    return Refusal(
        _bare(card.what, secrets)[:2000],
        HTTPStatus.NOT_IMPLEMENTED if is_missing else HTTPStatus.UNPROCESSABLE_ENTITY,
        type(error).__name__,
        step=card.step,
        field=card.field,
        shapes=card.shapes,
        expected=_bare(card.expected, secrets)[:2000],
        to_do=_bare(to_do, secrets)[:2000],
    )


def _bare(text: str, secrets: list[str]) -> str:
    """Return a text without the folders of this machine."""
    for secret in secrets:
        for form in (secret + "/", secret):
            text = text.replace(form, "")
    return text
