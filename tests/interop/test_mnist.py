"""The blog's example, digits and a network of torchvision: as a script and as a configuration."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eisen.config import read_config
from eisen.experiments import Run

pytest.importorskip("torchvision")
EXAMPLES = Path(__file__).parents[2] / "examples"


def write_idx(path: Path, array: Any) -> None:
    """Write an array of bytes in the format of MNIST's files: type and number of axes, sizes, values."""
    header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    path.write_bytes(header + array.astype("uint8").tobytes())
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten bright bars, one per digit, in MNIST's files: a network learns them in a few batches."""
    folder = tmp_path_factory.mktemp("mnist")
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(1)
    for name, n in (("train", 96), ("t10k", 32)):
        labels = rng.integers(0, 10, n)
        images = rng.integers(0, 60, (n, 28, 28))
        for image, label in zip(images, labels, strict=True):
            image[2 * label + 3 : 2 * label + 6] += 180
        write_idx(raw / f"{name}-images-idx3-ubyte", images)
        write_idx(raw / f"{name}-labels-idx1-ubyte", labels)
    return folder


@pytest.mark.slow
def test_the_script_trains_and_leaves_model_and_summaries(digits: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES / "mnist_resnet18.py"), str(digits), "1", str(tmp_path / "out")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "cross_entropy" in done.stdout
    assert (tmp_path / "out" / "models" / "model.pt").stat().st_size > 1e7
    tags = tags_of(tmp_path / "out" / "summaries" / "Validation")
    assert "label_Vs_predictions/confusion_matrix" in tags["images"]


def test_the_configuration_trains_and_validates(digits: Path, tmp_path: Path) -> None:
    small = ["General.NumWorkers=0", "General.Threads=1"]
    rows = Run(read_config(EXAMPLES / "mnist_resnet18.json", small), digits, tmp_path).train(epochs=1).rows
    assert [row.phase for row in rows] == ["Training", "Validation"]
    assert set(rows[1].metrics) >= {"accuracy"}
    assert (tmp_path / "summaries" / "Training").is_dir()


def tags_of(folder: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder)).Reload().Tags()
