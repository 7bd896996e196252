"""Where TorchServe cannot answer as the embedded server does, and why. Everything else must be equal."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """What TorchServe answers instead.

    Args:
        status: Of HTTP.
        type: What its error says it is; empty: the body is not compared.
        why: The reason.
    """

    status: int
    type: str
    why: str


_TWICE = "TorchServe keeps one of two parts of a name, and does not say so"
_CUT = "TorchServe drops a part that is not complete, and does not say so"
_RAW = "TorchServe hands on a form without a boundary as bytes, under the name 'body'"
_FORM = "TorchServe takes the bytes apart as a form before any of our code sees them; some it cannot"

TORCHSERVE = {
    "form with a part twice": Difference(200, "", _TWICE),
    "form cut": Difference(400, "MissingField", _CUT),
    "form without boundary": Difference(400, "MissingField", _RAW),
    "volume as web form": Difference(500, "ErrorDataDecoderException", _FORM),
}
