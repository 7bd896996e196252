"""What ``eisen demo`` does, one chapter after the other."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eisen._core.atomic import atomic_write
from eisen_cli.show.progress import RunDisplay, shortest, show_result
from eisen_cli.show.screen import Screen
from eisen_cli.show.tables import show_rows

if TYPE_CHECKING:
    from eisen.config import Experiment
    from eisen.experiments import Run, RunResult

__all__ = ["CONFIGURATION", "Demo"]

CONFIGURATION = "phantom.json"
"""Name of the configuration, in this package and in the folder of the demonstration."""

_N_CHAPTERS = 4


class Demo:
    """Draws phantoms, trains, evaluates and paints, in one folder.

    Args:
        screen: Where to write.
        folder: Where data, configuration, results and picture go.
        seed: Another number gives other phantoms and other weights.
    """

    def __init__(self, screen: Screen, folder: Path, seed: int = 0) -> None:
        self.screen, self.folder, self.seed = screen, folder, seed
        self.data, self.artifacts = folder / "data", folder / "artifacts"
        self.config, self.picture = folder / CONFIGURATION, folder / "overlay.png"

    def tell(self, epochs: int | None, n_cases: int, size: int) -> dict[str, Any]:
        """Go through all chapters and return what came out, for machines.

        Args:
            epochs: Passes over the data; None leaves it to the configuration.
            n_cases: Training cases to draw.
            size: Voxels across a slice.

        Raises:
            KeyboardInterrupt: If Ctrl-C ended the training.
        """
        self._chapter(1, f"drawing {n_cases} training and {_n_validation(n_cases)} validation phantoms")
        self.prepare(n_cases, size)
        self._chapter(2, f"training what {shortest(self.config)} describes")
        trained = self._train(epochs)
        self._chapter(3, "segmenting the validation phantoms with the best model")
        scores = self._evaluate()
        self._chapter(4, f"painting {shortest(self.picture)}")
        mean = self._paint(scores)
        commands = self._what_next(mean)
        outcome = {"folder": self.folder, "picture": self.picture, "mean_dice": mean, "dice": scores}
        return {**outcome, "best": trained.best, "seconds": trained.seconds, "try_next": commands}

    def prepare(self, n_cases: int, size: int) -> None:
        """Draw the phantoms and write the configuration.

        Args:
            n_cases: Training cases to draw.
            size: Voxels across a slice.
        """
        from eisen.datasets import make_phantoms

        make_phantoms(self.data, n_cases, _n_validation(n_cases), n_test=2, seed=self.seed, size=size)
        text = resources.files("eisen_cli.demo").joinpath(CONFIGURATION).read_text(encoding="utf-8")
        with atomic_write(self.config, "w") as file:
            file.write(text)

    def _train(self, epochs: int | None) -> RunResult:
        with RunDisplay(self.screen) as display:
            result = self._run(epochs=epochs, observer=display).train()
        if result.interrupted:
            raise KeyboardInterrupt
        show_result(self.screen, result)
        return result

    def _evaluate(self) -> dict[str, dict[str, float]]:
        """Predict the validation cases on their native grids and compare; return Dice by case and organ."""
        from eisen_cli.demo.slices import dice_per_class, read_canonical

        listed = ["Prediction.Datasets[0].params.json_file=dataset_val.json"]
        phase = ["Prediction.Datasets[0].params.phase=training"]
        with RunDisplay(self.screen) as display:
            predicted = self._run([*listed, *phase], observer=display).predict().predictions
        names = self._labels()
        scores = {}
        for path in predicted:
            truth, found = (read_canonical(file).values for file in (self._reference(path), path))
            scores[path.name] = {names[value]: dice for value, dice in dice_per_class(truth, found).items()}
        _show_scores(self.screen, scores)
        return scores

    def _paint(self, scores: dict[str, dict[str, float]]) -> float:
        """Paint the case in the middle of the ranking, neither the best nor the worst; return the mean of all."""
        from eisen_cli.demo.overlay import draw_overlay

        means = {name: sum(dice.values()) / len(dice) for name, dice in scores.items()}
        middle = sorted(means, key=means.__getitem__)[len(means) // 2]
        prediction = self.artifacts / "predictions" / middle
        image = self.data / "imagesTr" / middle
        title = middle.removesuffix(".nii.gz")
        draw_overlay(image, self._reference(prediction), prediction, self._labels(), self.picture, title)
        return sum(means.values()) / len(means)

    def _what_next(self, mean: float) -> list[str]:
        """Say how good it is and which commands to try now."""
        commands = [shlex.join(["eisen", *words]) for words in self._next_words()]
        self.screen.line()
        self.screen.line(f"mean validation Dice {mean:.3f}; look at {shortest(self.picture)}", style="good")
        self.screen.line()
        self.screen.line("Three commands to try next:", style="title")
        for command, why in zip(commands, _REASONS, strict=True):
            self.screen.line(f"  # {why}", style="quiet")
            self.screen.line(f"  {command}", style="accent")
        return commands

    def _next_words(self) -> list[list[str]]:
        config, data, artifacts = (shortest(path) for path in (self.config, self.data, self.artifacts))
        where = [config, "--data_dir", data]
        other = ["--artifact_dir", shortest(self.folder / "artifacts_adam")]
        return [
            ["check", *where],
            ["predict", *where, "--artifact_dir", artifacts],
            ["train", config, "10", "--data_dir", data, *other, "--set", "Training.Optimizer[0].type=torch.optim.Adam"],
        ]

    def _run(self, overrides: Sequence[str] = (), *, epochs: int | None = None, observer: RunDisplay) -> Run:
        from eisen.experiments import Run

        return Run(self._experiment(overrides, epochs), self.data, self.artifacts, observer=observer)

    def _experiment(self, overrides: Sequence[str] = (), epochs: int | None = None) -> Experiment:
        from eisen_cli.session import open_experiment

        return open_experiment(self.screen, self.config, overrides, self.seed, epochs)

    def _labels(self) -> dict[int, str]:
        labels = self._experiment().hyper.labels or {}
        return {value: name for value, name in labels.items() if value}

    def _reference(self, prediction: Path) -> Path:
        return self.data / "labelsTr" / prediction.name

    def _chapter(self, number: int, title: str) -> None:
        self.screen.line()
        self.screen.line(f"{number}/{_N_CHAPTERS}  {title}", style="title")


_REASONS = (
    "see what every step does to a case",
    "segment the two phantoms without a reference",
    "train again with another optimizer, for 10 epochs",
)


def _n_validation(n_cases: int) -> int:
    return max(n_cases // 3, 1)


def _show_scores(screen: Screen, scores: dict[str, dict[str, float]]) -> None:
    organs = list(dict.fromkeys(organ for dice in scores.values() for organ in dice))
    rows = [
        [name, *(f"{dice[organ]:.3f}" if organ in dice else "–" for organ in organs)] for name, dice in scores.items()
    ]
    show_rows(screen, ["Dice", *organs], rows, right=range(1, len(organs) + 1))
