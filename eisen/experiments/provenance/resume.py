"""Whether a run may be continued: what has changed since its checkpoint is said, or stops it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from eisen._core.errors import TrainingError
from eisen.experiments.provenance.compare import KINDS, Change, changes
from eisen.experiments.provenance.fingerprints import Fingerprint

__all__ = ["check_resume"]

_SHOWN = 10


def check_resume(
    old: Fingerprint | Mapping[str, Any] | None,
    new: Fingerprint | Mapping[str, Any],
    force: bool,
    say: Callable[[str], None],
) -> None:
    """Say everything that has changed since a checkpoint, and refuse to go on with another experiment.

    Refused without `force`: another model, loss, optimizer, transform, seed, split; data of Training or Validation
    that changed; modules of eisen or of the user that changed. Only said: epochs, workers, threads, device, ranks,
    times, hooks that only look on, parts of the configuration that training does not use, versions, machine.

    Args:
        old: Fingerprint of the checkpoint (`Fingerprint.of`); None or empty when it has none.
        new: Fingerprint of the run that continues it.
        force: Go on all the same.
        say: Is told every change, one line each.

    Raises:
        TrainingError: If something serious changed and `force` is False; the card names all of it.

    Example:
        >>> check_resume({"seed": 3}, {"seed": 4}, True, print)
        the configuration has changed since the checkpoint: seed: 3 -> 4
        >>> check_resume({"seed": 3}, {"seed": 4}, False, lambda line: None)
        Traceback (most recent call last):
        ...
        eisen._core.errors.TrainingError: the configuration has changed since the checkpoint: seed: 3 -> 4
         expected  what the checkpoint was made with
            to do  --force goes on with it; or put it back as it was, or start anew in another folder
    """
    facts = old.facts if isinstance(old, Fingerprint) else old
    if not facts:
        say("the checkpoint does not say what it was made with; changes cannot be noticed")
        return
    found = changes(old or {}, new)
    for line in _told(found):
        say(line)
    serious = [change for change in found if change.serious]
    if serious and not force:
        raise TrainingError(
            "; ".join(_told(serious)),
            expected="what the checkpoint was made with",
            to_do="--force goes on with it; or put it back as it was, or start anew in another folder",
        )


def _told(found: Sequence[Change]) -> Iterator[str]:
    """Yield one line per change, and of each kind the first ones only."""
    for kind in KINDS:
        of_kind = [change for change in found if change.kind == kind]
        for change in of_kind[:_SHOWN]:
            yield f"the {change.subject} has changed since the checkpoint: {change}"
        if len(of_kind) > _SHOWN:
            yield f"the {of_kind[0].subject} has changed since the checkpoint: {len(of_kind) - _SHOWN} changes more"
