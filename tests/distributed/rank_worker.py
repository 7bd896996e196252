"""What each process of the tests does; started by torchrun, or alone: python rank_worker.py FOLDER SCENARIO..."""

from __future__ import annotations

import copy
import json
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "experiments" / "parts"), str(HERE.parents[1])]

import torch  # noqa: E402

from eisen.config import read_config  # noqa: E402
from eisen.experiments import Observer, Run  # noqa: E402
from eisen.experiments.progress import progress, request_stop  # noqa: E402
from eisen.utils.distributed import place_of  # noqa: E402


class Stopper(Observer):
    """Asks to stop after a number of batches, as a batch system does."""

    def __init__(self, after: int) -> None:
        self.left = after

    def on_batch(self, done: int, n_batches: int) -> None:
        del done, n_batches
        self.left -= 1
        if self.left == 0:
            signal.raise_signal(signal.SIGTERM)


class Asker(Observer):
    """Asks to stop as the run page does, after the first batch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_batch(self, done: int, n_batches: int) -> None:
        del n_batches
        if done == 1:
            request_stop(self.folder, "the test")


class Scenarios:
    """The runs of a test, by name. Each returns what is compared."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.place = folder, place_of()
        self.config = json.loads((folder / "config.json").read_text(encoding="utf-8"))

    def run(self, name: str, out: str, **hyper: Any) -> Run:
        config = copy.deepcopy(self.config)
        options = {key: hyper.pop(key) for key in ("resume", "force", "model", "observer") if key in hyper}
        config["General"]["Models"][0]["params"].update(hyper.pop("net", {}))
        config["General"]["Hyperparameters"] += [
            {"type": f".{key}", "params": {"value": value}} for key, value in hyper.items()
        ]
        path = self.folder / f"{name}-{self.place.rank}-{self.place.size}.json"
        path.write_text(json.dumps(config), encoding="utf-8")
        return Run(read_config(path), self.folder / "data", self.folder / out, **options)

    def train(self) -> Any:
        """Train with one process or several; the main one leaves everything in a folder."""
        out = f"train-{self.place.size}"
        return rows(self.run("train", out).train(2))

    def accumulate(self) -> Any:
        """Gradients of two batches at a time, clipped, with an average, and weights that take no part."""
        run = self.run(
            "accumulate", f"accumulate-{self.place.size}", Accumulate=2, ClipNorm=0.1, EMA=0.5, net={"spare": True}
        )
        return rows(run.train(2))

    def fsdp(self) -> Any:
        """Weights spread over the processes."""
        return rows(self.run("fsdp", f"fsdp-{self.place.size}", Distribution="fsdp").train(2))

    def adversaries(self) -> Any:
        """Train two networks against each other; every process has to end with the same weights."""
        from eisen.experiments.provenance import weights_digest

        config = json.loads((HERE.parents[1] / "examples" / "gan_phantom_2d.json").read_text(encoding="utf-8"))
        for phase in ("Training", "Validation"):
            config[phase]["Datasets"][0]["params"]["n_cases"] = 96
        path = self.folder / f"adversaries-{self.place.rank}-{self.place.size}.json"
        path.write_text(json.dumps(config), encoding="utf-8")
        run, trainers = Run(read_config(path), self.folder, self.folder / f"adversaries-{self.place.size}"), []
        make = run._trainer
        run._trainer = lambda *options: trainers.append(make(*options)) or trainers[-1]  # type: ignore[method-assign]
        found = rows(run.train(1))
        return [found, weights_digest(trainers[0].model.state_dict())]

    def leave(self) -> None:
        """Leave checkpoints: after an epoch, with whole and with spread weights, and in the middle of another."""
        self.run("train", f"left-whole-{self.place.size}").train(1)
        self.run("fsdp", f"left-spread-{self.place.size}", Distribution="fsdp").train(1)
        self.stop("train", f"left-middle-{self.place.size}")

    def elsewhere(self) -> Any:
        """Go on with the checkpoints that another number of processes has left, and spread the weights again."""
        found = {}
        for left in sorted(self.folder.glob("left-*")):
            for kind in ("ddp", "fsdp") if not self.place.is_alone else ("ddp",):
                out = f"on-{self.place.size}-{kind}-{left.name}"
                if self.place.is_main:
                    shutil.copytree(left, self.folder / out)
                run = self.run(kind, out, Distribution=kind, resume=True, force=True)
                found[out] = rows(run.train(2))[-2:]
        return found

    def stopped(self) -> Any:
        """Stop in the middle of the second epoch, at the wish of one process, and go on; with dropout."""
        self.run("dropout", f"whole-{self.place.size}", net={"dropout": 0.5}).train(2)
        out = f"stopped-{self.place.size}"
        self.stop("dropout", out, net={"dropout": 0.5})
        return rows(self.run("dropout", out, net={"dropout": 0.5}, resume=True).train(2))

    def asked(self) -> Any:
        """Stop because of a file that the main process sees."""
        out = f"asked-{self.place.size}"
        progress._EVERY_S = 0.0
        result = self.run("train", out, observer=Asker(self.folder / out)).train(2)
        return result.interrupted, result.n_epochs

    def stop(self, name: str, out: str, **hyper: Any) -> None:
        """Train until the second batch of the second epoch; the last process hears the signal."""
        run = self.run(name, out, **hyper)
        if self.place.rank == self.place.size - 1:
            per_epoch = 3 + -(-3 // self.place.size)
            _listen(run, Stopper(per_epoch + 2))
        result = run.train(2)
        assert result.interrupted, "all have to hear of it"
        assert result.n_epochs == 1

    def validate(self) -> Any:
        """Measure the weights that the test has left."""
        return rows(self.run("validate", f"validate-{self.place.size}", model=self.folder / "weights.pt").validate())

    def predict(self) -> Any:
        """Predict with the weights that the test has left."""
        run = self.run("predict", f"predict-{self.place.size}", model=self.folder / "weights.pt")
        return sorted(path.name for path in run.predict().predictions)


def _listen(run: Run, observer: Observer) -> None:
    """Let an observer hear what happens, also in a process that otherwise tells nobody."""
    session = run._session

    def observed(command: str, **options: Any) -> Any:
        made = session(command, **options)
        made.observer = observer
        return made

    run._session = observed  # type: ignore[method-assign]


def rows(result: Any) -> list[Any]:
    """Return losses and metrics, which all processes have to agree on."""
    return [[row.phase, row.epoch, row.losses, row.metrics, row.n_batches] for row in result.rows]


def main() -> None:
    """Do the scenarios and write what this process has found."""
    torch.set_num_threads(1)
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    scenarios = Scenarios(folder)
    found = {name: getattr(scenarios, name)() for name in names}
    place = scenarios.place
    path = folder / f"found-{names[0]}-{place.size}-{place.rank}.json"
    path.write_text(json.dumps(found), encoding="utf-8")
    if not place.is_alone:
        from eisen.utils.distributed import present_distribution

        present_distribution().barrier()
        present_distribution().close()


if __name__ == "__main__":
    main()
