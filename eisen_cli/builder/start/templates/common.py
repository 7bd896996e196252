"""What all templates say in General, and how they train."""

from __future__ import annotations

from typing import Any

from eisen_cli.builder.start.choices import Choices
from eisen_cli.builder.start.draft import Draft

__all__ = ["begin", "close", "train_with"]

_SEED = 0


def begin(draft: Draft, choices: Choices, best: str) -> None:
    """Set what all phases share.

    Args:
        draft: The configuration.
        choices: What was chosen.
        best: What the best epoch is judged by.
    """
    draft.about("epochs", draft.hyper("General", "Epochs", choices.epochs))
    draft.about("batch_size", draft.hyper("General", "BatchSize", choices.batch_size))
    draft.hyper("General", "NumWorkers", 0 if choices.source.format == "arrays" else 2)
    draft.hyper("General", "Seed", _SEED, "A seed, so that the run can be repeated bit for bit.")
    draft.hyper("General", "Device", "auto")
    draft.hyper("General", "Best", best, "The weights of the epoch that is best in validation are kept.")


def train_with(draft: Draft, rate: float) -> None:
    """Add optimizer and schedule.

    Args:
        draft: The configuration.
        rate: The highest learning rate.
    """
    why = "AdamW: quick, and little to tune."
    draft.about("rate", draft.add("Training", "Optimizer", "torch.optim.AdamW", why, lr=rate, weight_decay=0.01))
    why = "One cycle: the learning rate rises, then falls to nothing, so that the last epochs polish."
    cycle: dict[str, Any] = {"max_lr": rate, "pct_start": 0.15, "cycle_momentum": False}
    draft.add("Training", "Scheduler", "torch.optim.lr_scheduler.OneCycleLR", why, **cycle)


_ORDER = ("Hyperparameters", "Datasets", "Sampler", "Readers", "Transforms", "Losses", "Metrics", "Optimizer")
_PHASES = ("General", "Training", "Validation", "Testing", "Prediction", "Evaluation")


def close(draft: Draft) -> Draft:
    """Bring phases and sections into the order in which people read them."""
    for phase, part in draft.data.items():
        if phase != "Evaluation":
            known = {name: part[name] for name in _ORDER if name in part}
            draft.data[phase] = {**known, **{name: value for name, value in part.items() if name not in known}}
    draft.data = {phase: draft.data[phase] for phase in _PHASES if phase in draft.data}
    return draft
