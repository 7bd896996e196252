"""The command lines that the page runs, as one would type them."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eisen._core.errors import ArgumentError

__all__ = ["COMMANDS", "Order"]

COMMANDS = ("train", "validate", "test", "predict", "review")
"""What the page can run."""


@dataclass(frozen=True)
class Order:
    """One command and where it works.

    Args:
        command: One of `COMMANDS`.
        config: The configuration.
        data_dir: Folder of the data.
        artifact_dir: Folder for the results.
        epochs: How many epochs, those before a resume included; None: as the configuration says.
        resume: Continue from the checkpoint in the artifact folder.
        force: Continue although something has changed since.
        devices: ``"auto"`` or how many processes; empty for one.
        seed: Replaces ``.Seed``.
        overrides: ``PATH=VALUE`` texts.

    Example:
        >>> order = Order("train", Path("a.json"), Path("data"), Path("runs/a"), epochs=3, resume=True)
        >>> order.text
        'eisen train a.json 3 --data_dir data --artifact_dir runs/a --resume'
    """

    command: str
    config: Path
    data_dir: Path
    artifact_dir: Path
    epochs: int | None = None
    resume: bool = False
    force: bool = False
    devices: str = ""
    seed: int | None = None
    overrides: Sequence[str] = field(default_factory=tuple)

    def __post_init__(self) -> None:
        if self.command not in COMMANDS:
            raise ArgumentError(f"the page cannot run {self.command!r}", expected=f"one of {', '.join(COMMANDS)}")
        if self.epochs is not None and self.epochs < 1:
            raise ArgumentError(f"epochs is {self.epochs}", expected="a whole number from 1")
        if self.devices and self.devices != "auto" and not (self.devices.isdecimal() and int(self.devices)):
            raise ArgumentError(f"devices is {self.devices!r}", expected="a number from 1, or auto")
        for text in self.overrides:
            if "=" not in text.strip("="):
                raise ArgumentError(
                    f"{text!r} overrides nothing",
                    expected="PATH=VALUE in each line",
                    to_do="e.g. Training.Optimizer[0].params.lr=1e-3",
                )

    @property
    def words(self) -> list[str]:
        """Everything behind ``eisen``."""
        words = [self.command, str(self.config)]
        if self.command == "train" and self.epochs is not None:
            words.append(str(self.epochs))
        words += ["--data_dir", str(self.data_dir), "--artifact_dir", str(self.artifact_dir)]
        if self.command == "train":
            words += ["--resume"] * self.resume + ["--force"] * (self.resume and self.force)
            words += ["--devices", self.devices] if self.devices else []
        words += [] if self.seed is None else ["--seed", str(self.seed)]
        for text in self.overrides:
            words += ["--set", text]
        return words

    @property
    def text(self) -> str:
        """The command as it can be pasted into a terminal."""
        return shlex.join(["eisen", *self.words])

    @property
    def argv(self) -> list[str]:
        """What is started, with the Python of this process."""
        return [sys.executable, "-m", "eisen_cli", *self.words]

    def facts(self) -> dict[str, Any]:
        """Return what has to be known to repeat it."""
        return {"command": self.command, "words": self.words, "devices": self.devices, "text": self.text}
