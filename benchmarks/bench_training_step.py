"""What a 3-D U-Net costs per training step in eisen, with everything on, over a bare loop, and in Lightning and MONAI.

Everything: a Dice metric, a log of every epoch as CSV, three hooks that hear every batch, a checkpoint at the end of
the epoch. The bare loop computes the metric and has none of the rest, and the peers have theirs. Lightning writes its
checkpoints and logs its own way; MONAI's trainer logs through ignite. The same network, loss, optimizer, data and
threads for all.

Then the same network in eisen with one switch each: bf16, torch.compile, channels-last. On a CPU without instructions
for bf16 eisen says so and computes in fp32.

    python benchmarks/bench_training_step.py [--sizes 64 128] [--rounds 5]
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from _harness import measure, quiet, show
from torch import Tensor, nn

warnings.filterwarnings("ignore")
Batch = dict[str, Tensor]
TARGET = 0.02
"""Largest share that eisen may add to a bare step."""


class Counter:
    """Listens to every batch."""

    n_batches = 0

    def on_batch_end(self, _event: object) -> None:
        self.n_batches += 1

    __call__ = on_batch_end


def network() -> nn.Module:
    """The U-Net of performance.md: 16-32-64-128 channels."""
    from monai.networks.nets import UNet

    torch.manual_seed(0)
    return UNet(3, 1, 2, channels=(16, 32, 64, 128), strides=(2, 2, 2), num_res_units=1)


class Batches:
    """The same batch again and again; no list, for Lightning takes that for several loaders."""

    def __init__(self, size: int, n: int) -> None:
        generator = torch.Generator().manual_seed(0)
        image = torch.randn(1, 1, size, size, size, generator=generator)
        self.batch, self.n = {"image": image, "label": (image > 0).long()[:, 0]}, n

    def __iter__(self) -> Iterator[Batch]:
        return (dict(self.batch) for _ in range(self.n))

    def __len__(self) -> int:
        return self.n


def dice(logits: Tensor, label: Tensor) -> Tensor:
    """Dice of the foreground."""
    found, true = logits[:, 1] > logits[:, 0], label.bool()  # an arg-max would cost a third of the step
    return 2 * (found & true).sum() / (found.sum() + true.sum()).clamp(min=1)


class DiceOfForeground(nn.Module):
    """The same as a module."""

    def forward(self, logits: Tensor, label: Tensor) -> Tensor:
        return dice(logits, label)


def per_step(run: Callable[[], object], n: int) -> Callable[[], float]:
    """Return a function that runs an epoch and returns milliseconds per step."""

    def cost() -> float:
        start = time.perf_counter()
        run()
        return (time.perf_counter() - start) / n * 1e3

    return cost


def bare(size: int, n: int, _folder: Path, *, measures: bool = True) -> Callable[[], float]:
    net, loss, data = network(), nn.CrossEntropyLoss(), Batches(size, n)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)

    def run() -> None:
        net.train()
        for batch in data:
            optimizer.zero_grad()
            logits = net(batch["image"])
            loss(logits, batch["label"]).backward()
            optimizer.step()
            if measures:
                with torch.no_grad():
                    dice(logits, batch["label"])

    return per_step(run, n)


def ours(size: int, n: int, folder: Path, **options: Any) -> Callable[[], float]:
    from eisen.experiments.checkpoint import save_checkpoint
    from eisen.utils import EisenModuleWrapper
    from eisen.utils.logging import CSVHook, LoggingHook
    from eisen.utils.workflows import Training

    net = network()
    model = EisenModuleWrapper(net, ["image"], ["logits"])
    losses = [EisenModuleWrapper(nn.CrossEntropyLoss(), ["logits", "label"], ["loss"])]
    metrics = [EisenModuleWrapper(DiceOfForeground(), ["logits", "label"], ["dice"])]
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    training = Training(model, Batches(size, n), losses, optimizer, metrics, device="cpu", **options)
    hooks = [LoggingHook(training.id, "Training", folder), CSVHook(training.id, "Training", folder)]
    for _ in range(3):
        training.subscribe(Counter())

    def run() -> None:
        training.run()
        state = {"model": net.state_dict(), "optimizer": optimizer.state_dict(), "workflow": training.state_dict()}
        save_checkpoint(folder / "checkpoint.pt", {**state, "epoch": training.epoch, "hooks": len(hooks)})

    return per_step(run, n)


def monai(size: int, n: int, folder: Path) -> Callable[[], float]:
    from ignite.engine import Events
    from ignite.metrics import Average
    from monai.engines import SupervisedTrainer
    from monai.handlers import CheckpointSaver, StatsHandler

    net, loss = network(), nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    metric = Average(output_transform=lambda out: dice(out["pred"], out["label"]))
    saver = CheckpointSaver(str(folder), {"net": net, "opt": optimizer}, save_interval=1, n_saved=2)
    trainer = SupervisedTrainer(
        torch.device("cpu"),
        1,
        Batches(size, n),
        net,
        optimizer,
        loss,
        decollate=False,
        key_train_metric={"dice": metric},
        train_handlers=[StatsHandler(iteration_log=False), saver],
    )
    for _ in range(3):
        trainer.add_event_handler(Events.ITERATION_COMPLETED, Counter())

    def run() -> None:
        trainer.state.epoch = trainer.state.iteration = 0
        trainer.run()

    return per_step(run, n)


def lightning(size: int, n: int, folder: Path) -> Callable[[], float]:
    from lightning import Callback, LightningModule, Trainer
    from lightning.pytorch.callbacks import ModelCheckpoint
    from lightning.pytorch.loggers import CSVLogger

    net, loss, data = network(), nn.CrossEntropyLoss(), Batches(size, n)

    class Module(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def training_step(self, batch: Batch, _: int) -> Tensor:
            logits = self.net(batch["image"])
            value: Tensor = loss(logits, batch["label"])
            self.log("loss", value, on_step=False, on_epoch=True, batch_size=1)
            self.log("dice", dice(logits, batch["label"]).float(), on_step=False, on_epoch=True, batch_size=1)
            return value

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.AdamW(self.parameters(), lr=1e-3)

    class Listener(Callback):
        def on_train_batch_start(self, _trainer: Any, _module: Any, _batch: Any, number: int) -> None:
            if number == 0:
                self.start = time.perf_counter()

        def on_train_batch_end(self, *_: Any) -> None:
            pass

    def cost() -> float:  # from its first batch on: its start-up is not counted
        listener, saver = Listener(), ModelCheckpoint(folder, save_top_k=-1)
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=1,
            enable_model_summary=False,
            enable_progress_bar=False,
            logger=CSVLogger(folder),
            callbacks=[listener, saver],
        )
        trainer.fit(Module(), data)
        return (time.perf_counter() - listener.start) / n * 1e3

    return cost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if not all(map(find_spec, ("monai", "lightning"))):
        raise SystemExit("this benchmark needs its peers: pip install 'eisen[bench]'")
    logging.disable(logging.WARNING)
    contenders = {
        "bare loop": bare,
        "bare, no metric": partial(bare, measures=False),
        "eisen, everything on": ours,
        "Lightning": lightning,
        "MONAI": monai,
    }
    switches: dict[str, Any] = {"bf16": {"precision": "bf16"}, "compile": {"compile": True}}
    switches["channels-last"] = {"channels_last": True}
    for size in options.sizes:
        n = 8 if size <= 64 else 3
        with tempfile.TemporaryDirectory() as name:
            folders = iter(Path(name) / str(i) for i in range(10))

            def ready(make: Any, size: int = size, n: int = n, folders: Any = folders) -> Callable[[], float]:
                (folder := next(folders)).mkdir()
                return make(size, n, folder)  # type: ignore[no-any-return]

            with quiet():
                results = measure({name: ready(make) for name, make in contenders.items()}, options.rounds)
            limit = {"eisen, everything on": TARGET * results["bare loop"].fastest}
            title = f"U-Net step, 1x1x{size}^3"
            show(title, results, unit="ms/step", baseline="bare loop", targets=limit, by_fastest=True)
            if size == options.sizes[0]:
                with quiet():
                    made = {name: ready(partial(ours, **option)) for name, option in switches.items()}
                    results = measure({"fp32": ready(ours), **made}, options.rounds)
                show(f"Switches, 1x1x{size}^3", results, unit="ms/step", baseline="fp32")


if __name__ == "__main__":
    main()
