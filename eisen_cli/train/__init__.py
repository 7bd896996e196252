"""Training from the command line and from scripts."""

from __future__ import annotations

from eisen_cli.train.train import SUPPORTED_PHASES, eisen_training, train

__all__ = ["SUPPORTED_PHASES", "eisen_training", "train"]
