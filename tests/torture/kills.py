"""Kill a training at random instants, resume it until it is done, and compare every bit with one that was left alone.

    python tests/torture/kills.py --kills 200

Each training runs in a process of its own, started by a server that has everything imported, and is ended by SIGKILL
together with its data workers.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

N_EPOCHS = 3


def entry(type_, **params):
    return {"type": type_, "params": params}


def write_data(root, n=7):
    """Write small scans with labels, and lists of them."""
    import nibabel
    import numpy as np

    rng = np.random.default_rng(0)
    cases = []
    for i in range(n):
        label = np.zeros((8, 8, 8), np.uint8)
        label[2:6, 2 : 4 + i % 3, 2:6] = 1
        image = (label + 0.2 * rng.normal(size=label.shape)).astype(np.float32)
        for kind, array in (("image", image), ("label", label)):
            nibabel.save(nibabel.Nifti1Image(array, np.eye(4)), root / f"{kind}_{i}.nii")
        cases.append({"image": f"image_{i}.nii", "label": f"label_{i}.nii"})
    (root / "train.json").write_text(json.dumps(cases[:5]))
    (root / "val.json").write_text(json.dumps(cases[5:]))


def configuration(n_workers):
    """A training with everything that has a state: average, schedule, augmentation, dropout, accumulation, hooks."""
    fields = ["image", "label"]
    settings = {".BatchSize": 1, ".NumWorkers": n_workers, ".Seed": 5, ".Device": "cpu", ".Threads": 1, ".EMA": 0.9}
    settings |= {".Accumulate": 2, ".ClipNorm": 1.0, ".CheckpointEvery": 1, ".Best": "max dice - 0.1 * loss"}
    wires = {"input_names": ["logits", "label"]}
    loss = entry("eisen.ops.losses.DiceLoss", **wires, output_names=["loss"])
    metrics = [entry("eisen.ops.metrics.DiceMetric", **wires, output_names=["dice"])]
    metrics += [entry("eisen.ops.metrics.Accuracy", **wires, output_names=["accuracy"], n_classes=2)]
    steps = [
        entry("eisen.transforms.NiftiToNumpy", fields=fields),
        entry("eisen.transforms.AddChannelDimension", fields=fields),
    ]
    noise = [
        entry("eisen.transforms.RandomFlip", fields=fields),
        entry("eisen.transforms.RandomNoise", fields=["image"]),
    ]
    common = {"Readers": [entry("eisen.io.LoadNiftiFromFilename", fields=fields)], "Losses": [loss], "Metrics": metrics}
    data = lambda name: [entry("eisen.datasets.JsonDataset", json_file=name)]  # noqa: E731
    hooks = [entry("eisen.utils.logging.JSONLinesHook")]
    model = entry("kill_parts.Net", input_names=["image"], output_names=["logits"])
    return {
        "General": {"Hyperparameters": [entry(k, value=v) for k, v in settings.items()], "Models": [model]},
        "Training": {
            **common,
            "Datasets": data("train.json"),
            "Transforms": steps + noise,
            "Optimizer": [entry("torch.optim.Adam", lr=0.02)],
            "Scheduler": [entry("torch.optim.lr_scheduler.OneCycleLR", max_lr=0.02)],
            "Hooks": hooks,
        },
        "Validation": {**common, "Datasets": data("val.json"), "Transforms": steps, "Hooks": hooks},
    }


def train(config, data, artifacts):
    """Run, or go on with, a training; the entry point of the processes that are killed."""
    if os.getpgid(0) != os.getpid():
        os.setsid()
    sys.path.append(str(Path(__file__).parent))
    import warnings

    warnings.simplefilter("ignore")
    from eisen.config import read_config
    from eisen.experiments import Run

    Run(read_config(config), data, artifacts, resume=True).train(N_EPOCHS)


@dataclass
class Torture:
    """Counts what happened.

    Args:
        folder: Where everything is done.
        seed: Of the instants.
    """

    folder: Path
    seed: int = 0
    kills: int = 0
    chains: int = 0
    unreadable: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    within: int = 0

    def __post_init__(self):
        self.random = random.Random(self.seed)
        self.data = self.folder / "data"
        self.data.mkdir(parents=True)
        write_data(self.data)
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(self._modules())

    def _modules(self):
        """Return what a training imports, so that the server has it already and a kill hardly ever hits an import."""
        config = self.folder / "config.json"
        config.write_text(json.dumps(configuration(0)))
        code = "import json, kills, sys; kills.train(*sys.argv[1:]); print(json.dumps(list(sys.modules)))"
        command = [sys.executable, "-W", "ignore", "-c", code, str(config), str(self.data), str(self.folder / "first")]
        paths = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
        done = subprocess.run(
            command, env={**os.environ, "PYTHONPATH": paths}, check=True, capture_output=True, text=True
        )
        return [name for name in json.loads(done.stdout.splitlines()[-1]) if name != "__main__"]

    def run(self, n_kills, n_workers):
        """Kill so many times, and finish the training that was under way."""
        config = self.folder / f"config_{n_workers}.json"
        config.write_text(json.dumps(configuration(n_workers)))
        reference, goal = self.folder / f"whole_{n_workers}", self.kills + n_kills
        self._start(config, reference).join()
        started = time.perf_counter()
        second = self.folder / f"again_{n_workers}"
        self._start(config, second).join()
        seconds = time.perf_counter() - started
        self.compare(reference, second)
        while self.kills < goal:
            self._chain(config, reference, seconds, goal)

    def _chain(self, config, reference, seconds, goal):
        artifacts = self.folder / f"chain_{self.chains}"
        self.chains += 1
        while True:
            process = self._start(config, artifacts)
            patience = None if self.kills >= goal else self.random.uniform(0.0, seconds)
            process.join(patience)
            if process.exitcode is not None:
                if process.exitcode:
                    self.differences.append(f"{artifacts.name}: a resumed run ended with {process.exitcode}")
                    return
                break
            os.killpg(process.pid, signal.SIGKILL) if self._leads(process.pid) else process.kill()
            process.join()
            self.kills += 1
            self._check_readable(artifacts)
        self.compare(reference, artifacts)
        shutil.rmtree(artifacts)

    def _start(self, config, artifacts):
        process = self.context.Process(target=train, args=(str(config), str(self.data), str(artifacts)))
        process.start()
        return process

    @staticmethod
    def _leads(pid):
        try:
            return os.getpgid(pid) == pid
        except ProcessLookupError:
            return False

    def _check_readable(self, artifacts):
        from eisen.experiments.checkpoint import load_checkpoint

        path = artifacts / "checkpoint.pt"
        if not path.exists():
            return
        try:
            state, source = load_checkpoint(path)
        except Exception as error:
            self.unreadable.append(f"{artifacts.name}: {error}")
            return
        self.within += bool(state["within"])
        if source != path:
            self.unreadable.append(f"{artifacts.name}: {path.name} is damaged")

    def compare(self, reference, artifacts):
        """Note every difference between two finished runs."""
        from eisen.experiments.checkpoint import load_weights

        for name in ("checkpoint.pt", "models/best.pt"):
            self.differences += different(load_weights(reference / name), load_weights(artifacts / name), name)
        if (reference / "history.jsonl").read_bytes() != (artifacts / "history.jsonl").read_bytes():
            self.differences.append(f"{artifacts.name}: history.jsonl")
        for name in ("metrics_training.jsonl", "metrics_validation.jsonl"):
            if timeless(reference / name) != timeless(artifacts / name):
                self.differences.append(f"{artifacts.name}: {name}")
        left = [path.name for path in artifacts.rglob("*.part")]
        if left:
            self.differences.append(f"{artifacts.name}: left behind {left}")


def timeless(path):
    """Return the rows of a log without the time they took."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def different(first, second, where):
    """Return the places in which two checkpoints differ in any bit."""
    import torch

    if isinstance(first, dict) and isinstance(second, dict):
        if list(map(str, first)) != list(map(str, second)):
            return [f"{where}: {sorted(map(str, set(first) ^ set(second)))}"]
        return [each for key in first for each in different(first[key], second[key], f"{where}/{key}")]
    if isinstance(first, (list, tuple)) and isinstance(second, (list, tuple)) and len(first) == len(second):
        pairs = enumerate(zip(first, second, strict=True))
        return [each for i, (a, b) in pairs for each in different(a, b, f"{where}/{i}")]
    if isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor):
        same = first.dtype == second.dtype and first.shape == second.shape
        same = same and first.numpy().tobytes() == second.numpy().tobytes()
    else:
        same = first == second
    return [] if same else [where]


def main():
    """Torture, print what happened, and exit with 1 if anything was lost or differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        torture = Torture(Path(folder), options.seed)
        for n_workers, share in ((0, options.kills // 2), (2, options.kills - options.kills // 2)):
            torture.run(share, n_workers)
            print(f"{n_workers} workers: {torture.kills} kills in {torture.chains} trainings so far", flush=True)
    print(f"kills                    {torture.kills}")
    print(f"of them within an epoch  {torture.within}")
    print(f"unreadable checkpoints   {len(torture.unreadable)} {torture.unreadable[:5]}")
    print(f"differing values         {len(torture.differences)} {torture.differences[:5]}")
    return bool(torture.unreadable or torture.differences)


if __name__ == "__main__":
    sys.exit(main())
