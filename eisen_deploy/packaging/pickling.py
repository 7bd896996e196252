"""Objects as pickles that can be loaded without the script that made them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from eisen._core.errors import ArgumentError
from eisen._core.optional import require

__all__ = ["dilled", "save_model"]


def dilled(value: Any, name: str) -> bytes:
    r"""Return an object as a pickle; functions and classes of a script go in with what they use.

    Args:
        value: The object.
        name: What it is, for the message.

    Raises:
        ArgumentError: If it cannot be pickled.
        MissingExtraError: If dill is not installed.

    Example:
        >>> dilled({"size": 3}, "options")[:2]
        b'\x80\x04'
    """
    try:
        return bytes(_dill().dumps(value, recurse=True))
    except Exception as error:
        raise _failed(name, error) from error


def save_model(model: Any, path: Path) -> Path:
    """Write a whole model, classes included if they are of a script, and return the path.

    Args:
        model: The model.
        path: The file.

    Raises:
        ArgumentError: If it is no model, or cannot be pickled.

    Example:
        >>> import tempfile, torch
        >>> save_model(torch.nn.ReLU(), Path(tempfile.mkdtemp()) / "model.pt").name
        'model.pt'
    """
    import torch

    if not isinstance(model, torch.nn.Module):
        raise ArgumentError(f"the model is {model!r:.200}", expected="a torch.nn.Module")
    try:
        torch.save(model, path, pickle_module=_recursive())
    except OSError:
        raise
    except Exception as error:
        raise _failed("the model", error) from error
    return path


def _failed(name: str, error: Exception) -> ArgumentError:
    return ArgumentError(
        f"{name} cannot be pickled: {type(error).__name__}: {error}",
        expected="an object without open files, locks or generators in it",
        to_do="make such things when they are first used, rather than in the constructor",
    )


def _dill() -> Any:
    return require("dill", "deploy", "packing Python objects")


@cache
def _recursive() -> Any:
    """Return what torch takes for a module that pickles: dill, so that functions bring the globals they use."""
    dill = _dill()
    base: Any = dill.Pickler

    class Pickler(base):  # type: ignore[misc]  # dill has no types
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "recurse": True})

    return SimpleNamespace(__name__="dill", __version__=dill.__version__, Pickler=Pickler)
