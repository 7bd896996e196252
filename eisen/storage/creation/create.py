"""Making a store from any data set."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from eisen._core.case_names import case_names
from eisen._core.errors import ArtifactError, EisenError
from eisen.storage.creation.anonymous import anonymous_facts, anonymous_names
from eisen.storage.creation.case_job import CaseJob
from eisen.storage.creation.case_reader import CaseReader
from eisen.storage.creation.checks import check_arguments, demand_folder
from eisen.storage.creation.crew import crew_of
from eisen.storage.creation.facts import columns_of
from eisen.storage.creation.foreman import Foreman
from eisen.storage.creation.job_digest import job_digest
from eisen.storage.creation.layout_eisen import place_in_store, write_store_directory
from eisen.storage.creation.layout_pymia import place_in_pymia, write_pymia_directory
from eisen.storage.creation.locking import only_writer
from eisen.storage.creation.observer import StoreObserver
from eisen.storage.creation.settings import CaseFacts, Layout, LoadEntry, OnCase, StoreSettings
from eisen.storage.creation.staging import Staging
from eisen.storage.encoding import Form

__all__ = ["create_store"]


def create_store(
    dataset: Any,
    path: str | os.PathLike[str],
    *,
    fields: Sequence[str] | None = None,
    form: Form = "raw",
    layout: Layout = "eisen",
    pixels: bool = True,
    names: Mapping[str, Sequence[str]] | None = None,
    anonymous: bool | str = False,
    n_workers: int = 0,
    executor: Literal["processes", "threads", "ray"] = "processes",
    load: LoadEntry | None = None,
    on_case: OnCase | None = None,
    config: Any = None,
    resume: bool = True,
    observer: StoreObserver | None = None,
    check_shapes: bool = True,
    ray_address: str | None = None,
) -> Path:
    """Write all cases of a data set into one HDF5 file, of which any part can be read at the speed of memory.

    Every case is read once, with the readers and transforms of the data set. Arrays and images keep their type and are
    stored with the channels in front, beside them numbers, text, names of channels, shapes, files, geometry, digests of
    files and of arrays, and the configuration. Random steps draw as in epoch 0 with seed 0: better leave them out.

    The file has its name when it is complete, never before, and an older one stays as it was until then. What an
    interrupted call has done is kept beside it in ``<path>.parts``, and the same call goes on from there: cases whose
    source files have not changed are not read again.

    Args:
        dataset: Any data set with a length and items that are dicts.
        path: The store to be, e.g. ``"store.h5"``.
        fields: Which fields; None: all.
        form: ``"raw"``, ``"int16"`` (half the size of float32, for volumes whose values are scaled integers) or
            ``"blosc2"`` (compressed, nothing lost).
        layout: ``"eisen"``, or ``"pymia"`` for a file that pymia 0.3.4 reads.
        pixels: False writes everything but the arrays: they stay in their files.
        names: Names of the channels of fields, e.g. ``{"image": ["T1", "T2"]}``.
        anonymous: True numbers the cases and leaves out names, files, texts and the configuration. A text does the same
            and hashes the names with this text as the secret, so that they are the same in every store made with it.
        n_workers: How many cases are read at the same time; 0: one after the other, here.
        executor: ``"processes"``; ``"threads"`` (start at once, good where reading is unpacking); ``"ray"``.
        load: Extension point, how an entry is loaded: ``load(field, value, point)`` is called for each field of a data
            point and returns what is stored: an array, a number, a text, or an array and its `Geometry`.
        on_case: Extension point, what else is written: ``on_case(name, point)`` returns further fields of the case;
            images are arrays in the data point it is given.
        config: What made the cases, anything JSON knows; stored with its digest.
        resume: Whether to go on from what an interrupted call has done.
        observer: Is told about the progress.
        check_shapes: Whether labels must have the shape of the image of their case.
        ray_address: Of a Ray cluster; None: the one this process is connected to, else Ray on this machine alone.

    Returns:
        The path of the store.

    Raises:
        ArgumentError: If an argument is wrong.
        EmptyDatasetError: If there are no cases.
        DataError: If a case cannot be read or does not fit the others; what is done stays for the next call.
        ArtifactError: If the file cannot be written (disk full, no permission, another writer); nothing is left then.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> from eisen.datasets import ListDataset
        >>> cases = ListDataset([{"image": np.ones((1, 4, 5, 6), "float32"), "age": 61}])
        >>> create_store(cases, f"{tempfile.mkdtemp()}/store.h5").name
        'store.h5'

        Files of a format of your own, and a number computed from each image:

        >>> def load(field, value, point):
        ...     return np.full((1, 2, 2), float(value), "float32") if field == "image" else value
        >>> def mean_of(name, point):
        ...     return {"mean": float(point["image"].mean())}
        >>> cases = ListDataset([{"image": "3.0"}, {"image": "5.0"}])
        >>> store = create_store(cases, f"{tempfile.mkdtemp()}/own.h5", load=load, on_case=mean_of)
        >>> import h5py
        >>> with h5py.File(store) as file:
        ...     file["values/mean"][:].tolist()
        [3.0, 5.0]
    """
    target = Path(os.path.abspath(path))  # noqa: PTH100 - links stay as they are
    settings = StoreSettings(None if fields is None else tuple(fields), form, layout, pixels, check_shapes)
    check_arguments(dataset, settings, anonymous, config, n_workers)
    demand_folder(target)
    real = case_names(dataset)
    shown = anonymous_names(real, anonymous) if anonymous else real
    observer = observer or StoreObserver()
    reader = CaseReader(dataset, real, settings, load, on_case)
    directory = partial(_write_directory, settings=settings, real=real, shown=shown, config=config)
    with only_writer(target):
        staging = _staging(reader, target, config, resume)
        observer.on_start(len(real))
        try:
            with crew_of(CaseJob(reader, staging.folder, target), n_workers, executor, ray_address) as crew:
                Foreman(crew, staging, real, observer, names).run()
            staging.finish(partial(directory, names=names, anonymous=bool(anonymous)))
        except ArtifactError:
            staging.discard()
            raise
        except (EisenError, KeyboardInterrupt) as error:
            _keep(staging, error, observer)
            raise
        finally:
            staging.close()
    observer.on_end(target, target.stat().st_size)
    return target


def _staging(reader: CaseReader, target: Path, config: Any, resume: bool) -> Staging:
    place_of = place_in_pymia if reader.settings.layout == "pymia" else place_in_store
    digest = job_digest(reader.dataset, reader.settings, config, reader.load, reader.on_case)
    return Staging(target, len(reader.names), reader.settings, digest, resume, place_of)


def _keep(staging: Staging, error: BaseException, observer: StoreObserver) -> None:
    """Say that nothing has to be done twice; leave nothing behind if nothing is done."""
    if not staging.done:
        staging.discard()
        return
    count = len(staging.done)
    words = f"{count} case{'s are' if count > 1 else ' is'} done; the same call goes on from {staging.folder}"
    error.add_note(words)
    observer.on_message(words)


def _write_directory(
    file: Any,
    cases: list[CaseFacts],
    *,
    settings: StoreSettings,
    real: Sequence[str],
    shown: Sequence[str],
    config: Any,
    names: Mapping[str, Sequence[str]] | None,
    anonymous: bool,
) -> None:
    """Write the directory in the layout that was asked for."""
    columns = columns_of(cases, real, names)
    if anonymous:
        columns = columns_of(anonymous_facts(cases, real, settings.fields), shown, names)
    if settings.layout == "pymia":
        write_pymia_directory(file, shown, columns)
        return
    write_store_directory(
        file, shown, columns, form=settings.form, pixels=settings.pixels, anonymous=anonymous, config=config
    )
