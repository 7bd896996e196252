"""What a cached case was made with, and in which words that differs from what it would be made with now."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from eisen._core.digest import json_digest
from eisen._core.errors import ArgumentError
from eisen._core.version import __version__
from eisen.storage.cache.code import code_of, library_versions
from eisen.storage.cache.describe import describe

__all__ = ["Recipe"]

_VERSION = 1
_MOST = 6
_LONGEST = 80


@dataclass(frozen=True)
class Recipe:
    """Everything but the case itself that a cached case depends on.

    Args:
        facts: Data set, steps, code and versions, as JSON knows them.
        dataset: How people call the data set; no part of what is compared.

    Example:
        >>> from eisen.transforms import CropCenteredSubVolumes
        >>> small, large = (Recipe.of([], [CropCenteredSubVolumes(["image"], [n, n, n])]) for n in (16, 24))
        >>> small.digest == large.digest, small.differences(large)
        (False, ['step 1 (CropCenteredSubVolumes): size was [16, 16, 16], is [24, 24, 24]'])
    """

    facts: dict[str, Any]
    dataset: str = field(default="", compare=False)

    @classmethod
    def of(cls, dataset: Sequence[Any], steps: Sequence[Any], things: Sequence[Any] = (), name: str = "") -> Self:
        """Return the recipe of a data set and the steps behind it.

        Args:
            dataset: The data set and those inside of it, outermost first, each as `describe` gives it.
            steps: The steps whose result is kept.
            things: Classes and functions whose code counts, besides those of the steps.
            name: How people call the data set.

        Raises:
            ArgumentError: If one of them holds something nobody can compare.
        """
        described = []
        for number, step in enumerate(steps, start=1):
            try:
                described.append(describe(step))
            except ArgumentError as error:
                name = getattr(step, "__name__", type(step).__name__)
                error.note(step=f"step {number} of {len(steps)}: {name}")
                raise
        code = code_of([*things, *_classes(steps)])
        facts = {
            "format": _VERSION,
            "eisen": __version__,
            "dataset": list(dataset),
            "steps": described,
            "code": code,
            "libraries": library_versions(),
        }
        return cls(json.loads(json.dumps(facts)), name)  # as it will be read back: lists, no tuples

    @property
    def digest(self) -> str:
        """24 characters that no other recipe has."""
        return json_digest(self.facts)[:24]

    @property
    def summary(self) -> str:
        """The steps in one line."""
        names = [_name(step) for step in self.facts["steps"]]
        return " > ".join(names) or "as read"

    def outdated(self) -> list[str]:
        """Return what has changed in eisen and the libraries since: then it will never be used again."""
        now = {"format": _VERSION, "eisen": __version__, "libraries": library_versions()}
        then = {key: self.facts.get(key) for key in now}
        code = {name: digest for name, digest in self.facts.get("code", {}).items() if name.startswith("eisen/")}
        present = {name: digest for name, digest in code_of([]).items() if name in code}
        return [*_versions(then, now), *_code({n: code[n] for n in present}, present)]

    def differences(self, newer: Recipe) -> list[str]:
        """Return what is different in another recipe, in words, the most telling first.

        Args:
            newer: The other recipe.
        """
        then, now = self.facts, newer.facts
        found = [
            *_steps(then["steps"], now["steps"], "step"),
            *_steps(then["dataset"], now["dataset"], "data set"),
            *_versions(then, now),
            *_code(then["code"], now["code"]),
        ]
        return found if len(found) <= _MOST else [*found[:_MOST], f"and {len(found) - _MOST} more"]

    def save(self, folder: Path) -> None:
        """Write it into a folder of the cache, with the command that made it."""
        from eisen._core.atomic import atomic_write

        program = Path(sys.argv[0]).name
        words = ["eisen" if program == "__main__.py" else program, *sys.argv[1:]]
        made_by = {"command": shlex.join(words)[:500], "in": str(Path.cwd()), "dataset": self.dataset}
        with atomic_write(folder / "recipe.json", "w") as file:
            file.write(json.dumps({"recipe": self.facts, "made_by": made_by}, indent=1) + "\n")

    @classmethod
    def load(cls, folder: Path) -> tuple[Self, dict[str, str]] | None:
        """Return the recipe in a folder of the cache and the command that made it; None where there is none."""
        try:
            content = json.loads((folder / "recipe.json").read_text(encoding="utf-8"))
            facts, made_by = content["recipe"], content["made_by"]
            if isinstance(facts["steps"], list) and isinstance(facts["dataset"], list):
                return cls(facts, str(made_by["dataset"])), {str(key): str(value) for key, value in made_by.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass
        return None


def _classes(steps: Sequence[Any]) -> list[Any]:
    """Return the classes and functions of steps, also of those inside of others."""
    found: list[Any] = []
    seen: set[int] = set()
    todo = list(steps)
    while todo:
        step = todo.pop()
        if id(step) in seen:
            continue
        seen.add(id(step))
        found.append(step if hasattr(step, "__code__") else type(step))
        inner = [*getattr(step, "transforms", ()), *getattr(step, "__dict__", {}).values()]
        todo += [part for part in inner if callable(part) and not isinstance(part, type)]
    return found


def _name(step: Any) -> str:
    return str(step.get("type", "?")).rpartition(".")[2] if isinstance(step, Mapping) else str(step)


def _steps(then: Sequence[Any], now: Sequence[Any], word: str) -> Iterator[str]:
    """Yield how two lists of described objects differ."""
    names, new_names = [_name(step) for step in then], [_name(step) for step in now]
    if names != new_names:
        yield f"the {word}s were {' > '.join(names) or 'none'}, are {' > '.join(new_names) or 'none'}"
        return
    for number, (old, new) in enumerate(zip(then, now, strict=True), start=1):
        if old != new:
            title = f"{word} {number} ({names[number - 1]})" if word == "step" else f"{word} {names[number - 1]}"
            yield from (f"{title}: {change}" for change in _changes(old, new))


def _changes(then: Any, now: Any, path: str = "") -> Iterator[str]:
    """Yield how two descriptions differ, each with the parameter it is about."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        yield from _changed_entries(then, now, path)
    elif _are_nested(then) and _are_nested(now) and len(then) == len(now):
        for number, (old, new) in enumerate(zip(then, now, strict=True)):
            if old != new:
                yield from _changes(old, new, f"{path}[{number}]")
    elif path.endswith("code"):
        yield f"{path.removesuffix('code').rstrip('.') or 'its'} code has changed"
    else:
        yield f"{path or 'value'} was {_short(then)}, is {_short(now)}"


def _changed_entries(then: Mapping[str, Any], now: Mapping[str, Any], path: str) -> Iterator[str]:
    if "digest" in then and "digest" in now and then.get("file") == now.get("file"):
        what = f"the content of {then['file']}" if "file" in then else "the numbers"
        yield f"{path or 'value'}: {what} changed"
        return
    for key in dict.fromkeys([*then, *now]):
        if then.get(key) != now.get(key):
            yield from _changes(then.get(key), now.get(key), _inside(path, key))


def _are_nested(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(item, (list, Mapping)) for item in value)


def _inside(path: str, key: str) -> str:
    return path if key in ("params", "items") else f"{path}.{key}" if path else key


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _versions(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    if then.get("format") != now.get("format"):
        yield "the format of the cache is another one"
    if then.get("eisen") != now.get("eisen"):
        yield f"eisen was {then.get('eisen')}, is {now.get('eisen')}"
    old, new = then.get("libraries") or {}, now.get("libraries") or {}
    for name in dict.fromkeys([*old, *new]):
        if old.get(name) != new.get(name):
            yield f"{name} was {old.get(name, 'absent')}, is {new.get(name, 'absent')}"


def _code(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in dict.fromkeys([*then, *now]):
        if then.get(name) != now.get(name):
            yield f"the code in {name} {'has changed' if name in then and name in now else 'is new or gone'}"
