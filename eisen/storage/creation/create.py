"""Making a store from any data set."""

from __future__ import annotations

import hashlib
import json
import os
from collections import deque
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from eisen._core.case_names import case_names
from eisen._core.errors import ArgumentError, ArtifactError, EisenError, EmptyDatasetError, nearest
from eisen._core.version import __version__
from eisen.storage.creation.anonymous import anonymous_facts, anonymous_names
from eisen.storage.creation.case_job import CaseFacts, CaseJob, Layout, LoadEntry, OnCase, StoreSettings
from eisen.storage.creation.crew import Crew, crew_of
from eisen.storage.creation.facts import columns_of
from eisen.storage.creation.layout_eisen import config_digest, place_in_store, write_store_directory
from eisen.storage.creation.layout_pymia import place_in_pymia, write_pymia_directory
from eisen.storage.creation.locking import only_writer
from eisen.storage.creation.observer import StoreObserver
from eisen.storage.creation.staging import Staging
from eisen.storage.encoding import FORMS, Form, blosc2_plugin

__all__ = ["create_store"]

_LAYOUTS = ("eisen", "pymia")


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
    _check(dataset, settings, anonymous, config, n_workers)
    _demand_folder(target)
    real = case_names(dataset)
    shown = anonymous_names(real, anonymous) if anonymous else real
    observer = observer or StoreObserver()
    with only_writer(target):
        place_of = place_in_pymia if layout == "pymia" else place_in_store
        digest = _job_digest(dataset, settings, config, load, on_case)
        staging = Staging(target, len(real), settings, digest, resume, place_of)
        job = CaseJob(dataset, real, settings, staging.folder, target, load, on_case)
        observer.on_start(len(real))
        try:
            with crew_of(job, n_workers, executor, ray_address) as crew:
                _Foreman(crew, staging, real, observer, names).run()
            write = partial(_write_directory, settings=settings, real=real, shown=shown, config=config)
            staging.finish(partial(write, names=names, anonymous=bool(anonymous)))
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


class _Foreman:
    """Gives the cases to the workers, one at a time to each, and notes what is done."""

    def __init__(
        self,
        crew: Crew,
        staging: Staging,
        names: Sequence[str],
        observer: StoreObserver,
        channels: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._crew, self._staging, self._names, self._observer = crew, staging, names, observer
        self._channels = channels
        self._first: tuple[CaseFacts, str] | None = None
        self._waiting = deque(range(len(names)))
        self._facts: dict[int, CaseFacts] = {}
        self._expected: list[deque[tuple[str, int, dict[str, int]]]] = [deque() for _ in range(crew.n_workers)]

    def run(self) -> None:
        for worker in range(self._crew.n_workers):
            self._next(worker)
        while any(self._expected):
            for worker, answer in self._crew.answers():
                if isinstance(answer, BaseException):
                    raise answer
                method, number, offsets = self._expected[worker].popleft()
                if method == "prepare":
                    self._place(worker, number, answer)
                else:
                    self._note(number, offsets, answer)

    def _next(self, worker: int) -> None:
        if self._waiting:
            number = self._waiting.popleft()
            self._expected[worker].append(("prepare", number, {}))
            self._crew.ask(worker, "prepare", number, self._staging.known.get(number))

    def _place(self, worker: int, number: int, facts: CaseFacts) -> None:
        self._facts[number] = facts
        self._first = self._first or (facts, self._names[number])
        columns_of([self._first[0], facts], [self._first[1], self._names[number]], self._channels)  # raises now
        offsets = self._staging.allocate(number, facts)
        self._expected[worker].append(("place", number, offsets))
        self._crew.ask(worker, "place", number, self._staging.file, offsets, facts)
        self._next(worker)

    def _note(self, number: int, offsets: dict[str, int], digests: dict[str, str]) -> None:
        facts = self._facts.pop(number)
        self._staging.complete(number, facts, offsets, digests)
        reused = bool(facts.get("reused"))
        self._observer.on_case(self._names[number], len(self._staging.done), len(self._names), reused)


def _check(dataset: Any, settings: StoreSettings, anonymous: bool | str, config: Any, n_workers: int) -> None:
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


def _demand_folder(target: Path) -> None:
    """Find out that the store cannot be written before all files are read, not after."""
    if target.is_dir():
        raise ArtifactError(f"{target} is a folder", expected="the name of a file", file=str(target))
    if not target.parent.is_dir():
        raise ArtifactError(
            f"{target} cannot be written: there is no folder {target.parent}",
            file=str(target),
            to_do="make the folder first, or correct the path",
        )


def _job_digest(dataset: Any, settings: StoreSettings, config: Any, load: Any, on_case: Any) -> str:
    """Return what tells this work from any other; functions are told apart by their address where nothing else can."""
    work = {
        "eisen": __version__,
        "settings": repr(settings),
        "config": config_digest(config),
        "chain": _chain(dataset),
        "load": _name_of(load),
        "on_case": _name_of(on_case),
        "cases": len(dataset),
    }
    return hashlib.sha256(json.dumps(work, sort_keys=True).encode()).hexdigest()


def _chain(dataset: Any) -> str:
    inner = getattr(dataset, "dataset", None)
    own = f"{type(dataset).__qualname__}({getattr(dataset, 'transform', None)!r})"
    return own if inner is None else f"{_chain(inner)} > {own}"


def _name_of(function: Any) -> str:
    code = getattr(function, "__code__", None)
    if function is None or code is None:
        return repr(function)
    return f"{function.__qualname__} {hashlib.sha256(code.co_code).hexdigest()} {code.co_consts!r}"


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
