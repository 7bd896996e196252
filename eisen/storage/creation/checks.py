"""Is what was asked for possible? Found out before the first case is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eisen._core.errors import ArgumentError, ArtifactError, EmptyDatasetError, nearest
from eisen.storage.creation.layout_eisen import config_digest
from eisen.storage.creation.settings import StoreSettings
from eisen.storage.encoding import FORMS, blosc2_plugin

__all__ = ["check_arguments", "demand_folder"]

_LAYOUTS = ("eisen", "pymia")


def check_arguments(dataset: Any, settings: StoreSettings, anonymous: bool | str, config: Any, n_workers: int) -> None:
    """Raise if an argument of `create_store` is wrong, or there are no cases.

    Args:
        dataset: The data set.
        settings: How cases are written.
        anonymous: Whether names are left out.
        config: What made the cases.
        n_workers: How many cases are read at the same time.

    Raises:
        ArgumentError: If an argument is wrong.
        EmptyDatasetError: If there are no cases.
    """
    if isinstance(dataset, type) or not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
        raise ArgumentError(
            f"create_store: {dataset!r} is no data set"[:200], expected="an object with a length and items"
        )
    _check_words(settings)
    if settings.layout == "pymia" and (settings.form != "raw" or not settings.pixels):
        raise ArgumentError(
            f"layout='pymia' with form={settings.form!r} and pixels={settings.pixels}",
            expected="form='raw' and pixels=True: pymia knows no others",
        )
    if anonymous and not settings.pixels:
        raise ArgumentError(
            "anonymous with pixels=False: nobody could find the files any more",
            to_do="write the pixels too, or leave anonymous out",
        )
    if n_workers < 0:
        raise ArgumentError(f"n_workers is {n_workers}", expected="0 or more")
    if settings.form == "blosc2":
        blosc2_plugin()
    try:
        config_digest(config)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"config is not JSON: {error}", expected="text, numbers, lists and dicts") from error
    if not len(dataset):
        raise EmptyDatasetError(
            "there are no cases to store",
            expected="at least one case",
            to_do="check the data folder and the list of cases",
        )


def _check_words(settings: StoreSettings) -> None:
    for name, value, known in (("form", settings.form, FORMS), ("layout", settings.layout, _LAYOUTS)):
        if value not in known:
            raise ArgumentError(
                f"{name} is {value!r}", expected=f"one of {', '.join(known)}", to_do=nearest(str(value), known)
            )
    for field in settings.fields or ():
        if not isinstance(field, str) or not field or "/" in field or field.startswith("."):
            raise ArgumentError(f"the field {field!r} cannot be stored", expected="a name without '/'")


def demand_folder(target: Path) -> None:
    """Raise if the store cannot be written, before all files are read instead of after.

    Args:
        target: The store to be.

    Raises:
        ArtifactError: If it is a folder, or its folder is not there.
    """
    if target.is_dir():
        raise ArtifactError(f"{target} is a folder", expected="the name of a file", file=str(target))
    if not target.parent.is_dir():
        raise ArtifactError(
            f"{target} cannot be written: there is no folder {target.parent}",
            file=str(target),
            to_do="make the folder first, or correct the path",
        )
