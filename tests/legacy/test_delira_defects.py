"""The defects of Delira that are not to come back: one test for each, or where it is tested.

 1  subsets show the wrong cases, folds leak   tests/datasets/test_around.py, tests/experiments/splits
 2  early stopping cannot stop                 tests/utils/test_stopping.py
 3  stratified folds with validation raise     tests/experiments/splits
 4  best by training metric, best begins at 0  here, tests/experiments/test_records.py
 5  resume repeats an epoch and forgets        tests/torture, tests/experiments
 6  the multi-GPU class cannot be built        tests/utils/test_parallel.py, tests/distributed
 7  testing stays in training mode             here
 8  only the first of several outputs counts   here
 9  workers repeat random numbers              here, tests/datasets/test_loading.py
10  seeding breaks Python's generator          here
11  every training value is called validation  tests/utils/test_batch_logging.py
12  AUROC of two columns raises                here
13  one run changes the next                   tests/experiments/test_sampler_and_datasets.py
14  results of folds are only in memory        tests/experiments/campaigns
15  importing writes into the package          here
16  labels become floats                       here
17  tests that check shapes only               this table
"""

from __future__ import annotations

import random as python_random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import eisen
from eisen._core import random
from eisen.datasets import ListDataset, Loader
from eisen.experiments.best import Best
from eisen.experiments.records import EpochRow
from eisen.ops.metrics import AUROC
from eisen.utils import EisenModuleWrapper
from eisen.utils.events import EpochEnd
from eisen.utils.workflows import Testing, Training, Validation


def test_4_validation_decides_and_negative_metrics_can_be_the_best():
    best = Best()
    rows = [(0.9, -3.0), (0.8, -1.0), (1.0, -2.0)]
    judged = [
        best.update([EpochRow("Training", n, {}, {"score": train}), EpochRow("Validation", n, {}, {"score": value})])
        for n, (train, value) in enumerate(rows)
    ]
    assert judged == [True, True, False]
    assert (best.epoch, best.phase, best.value) == (1, "Validation", -1.0)


class Spy(torch.nn.Module):
    """Notes in which mode it was called."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.seen = []

    def forward(self, x):
        self.seen.append((self.training, torch.is_grad_enabled()))
        return self.layer(x), self.layer(x) + 1


@pytest.mark.parametrize("kind", [Validation, Testing])
def test_7_evaluation_mode_and_no_gradients(kind):
    spy = Spy().train()
    model = EisenModuleWrapper(spy, ["x"], ["a", "b"])
    kind(model, [{"x": torch.zeros(2, 1)}], device="cpu", **({"losses": None} if kind is Validation else {})).run()
    assert spy.seen == [(False, False)]


def test_8_all_outputs_of_all_batches_are_there():
    model = EisenModuleWrapper(Spy(), ["x"], ["a", "b"])
    testing = Testing(model, [{"x": torch.ones(2)[:, None]}] * 3, device="cpu")
    testing.model.module.forward = lambda x: (x[:, 0], x[:, 0] + 1)
    ends = []
    testing.on(EpochEnd)(ends.append)
    testing.run()
    outputs = ends[0].message["outputs"]
    assert outputs["a"].tolist() == [1.0] * 6
    assert outputs["b"].tolist() == [2.0] * 6


def test_9_no_two_cases_have_the_same_random_numbers_whatever_the_workers():
    def noisy(case):
        return {"numpy": np.random.random(), "python": python_random.random(), "torch": torch.rand(1)}

    cases = ListDataset([{"n": n} for n in range(12)], noisy)
    batches = [batch for loader in [Loader(cases, 3, n_workers=3)] for _ in range(2) for batch in loader]
    for kind in ("numpy", "python", "torch"):
        values = torch.cat([batch[kind].reshape(-1) for batch in batches]).tolist()
        assert len(set(values)) == 24, kind


def test_10_seeding_seeds_and_breaks_nothing():
    seeding = python_random.seed
    for _ in range(2):
        random.seed(5)
        first = python_random.random(), np.random.random(), torch.rand(1).item()
        random.seed(5)
        assert (python_random.random(), np.random.random(), torch.rand(1).item()) == first
    assert python_random.seed == seeding
    python_random.seed(1)


def test_12_auroc_of_two_columns():
    truth = torch.tensor([0, 0, 1, 1])
    score = torch.tensor([0.1, 0.4, 0.35, 0.8])
    two = torch.stack([1 - score, score], dim=1)
    value = AUROC(2, activation="none")(two, truth)
    assert float(torch.as_tensor(value).reshape(-1)[-1]) == pytest.approx(0.75)


def test_15_importing_writes_nothing():
    folder = Path(eisen.__file__).parent

    def files():
        return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if "__pycache__" not in path.parts}

    before = files()
    code = "import eisen.utils, eisen.datasets, eisen.config; eisen.utils.EisenModuleWrapper"
    subprocess.run([sys.executable, "-c", code], check=True)
    after = files()
    assert {path for path in after if path not in before and path.suffix not in (".py", ".pyi")} == set()


def test_16_labels_stay_whole_numbers_up_to_the_loss():
    seen = []

    class CrossEntropy(torch.nn.CrossEntropyLoss):
        def forward(self, logits, label):
            seen.append(label.dtype)
            return super().forward(logits, label)

    cases = ListDataset([{"x": np.ones(2, "float32"), "label": np.int64(n % 2)} for n in range(4)])
    net = torch.nn.Linear(2, 2)
    model = EisenModuleWrapper(net, ["x"], ["logits"])
    loss = EisenModuleWrapper(CrossEntropy(), ["logits", "label"], ["ce"])
    Training(model, Loader(cases, 2), [loss], torch.optim.SGD(net.parameters(), 0.1), gpu=False).run()
    assert set(seen) == {torch.int64}
