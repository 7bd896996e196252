"""The same tiny training in six frameworks, bare and with what a real run has: a metric, a log and three hooks.

Each function returns a `Loop`: something with a data source that knows when its first batch was asked for, and a
function that does one epoch over it.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

__all__ = [
    "Accuracy",
    "CountingHook",
    "Data",
    "Loop",
    "bare",
    "eisen_loop",
    "fabric",
    "ignite",
    "ignite_step",
    "lightning",
    "monai",
]

N_STEPS = 300
_FEATURES, _CLASSES, _BATCH = 10, 2, 16

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)


class Data:
    """Batches in memory; remembers when the first was asked for."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        image = torch.randn(_BATCH, _FEATURES, generator=generator)
        label = torch.randint(0, _CLASSES, (_BATCH,), generator=generator)
        self.batches = [{"image": image.clone(), "label": label.clone()} for _ in range(N_STEPS)]
        self.started = 0.0

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        self.started = time.process_time()
        return iter(self.batches)

    def __len__(self) -> int:
        return N_STEPS


@dataclass
class Loop:
    """One contender.

    Args:
        data: Where it takes its batches from.
        run: Does one epoch.
    """

    data: Data
    run: Callable[[], object]

    def __call__(self) -> float:
        """Return microseconds per step, from the first batch until the results of the epoch are there.

        Processor time: the same as wall time for one thread, and other jobs on the machine count less.
        """
        self.run()
        return (time.process_time() - self.data.started) / N_STEPS * 1e6


class Accuracy(nn.Module):
    """Share of right predictions."""

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return a tensor without axes."""
        return (logits.argmax(1) == labels).float().mean()


class CountingHook:
    """Listens to every batch and every epoch."""

    def __init__(self) -> None:
        self.n_batches = self.n_epochs = 0

    def on_batch_end(self, _event: object) -> None:
        """Count a batch."""
        self.n_batches += 1

    def on_epoch_end(self, _event: object) -> None:
        """Count an epoch."""
        self.n_epochs += 1

    __call__ = on_batch_end


def _parts() -> tuple[Data, nn.Module, nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    net = nn.Linear(_FEATURES, _CLASSES)
    return Data(), net, nn.CrossEntropyLoss(), torch.optim.SGD(net.parameters(), lr=1e-3)


def bare() -> Loop:
    """Plain PyTorch."""
    data, net, loss, optimizer = _parts()

    def run() -> None:
        for batch in data:
            optimizer.zero_grad()
            value = loss(net(batch["image"]), batch["label"])
            value.backward()
            optimizer.step()

    return Loop(data, run)


def eisen_loop(full: bool = False) -> Loop:
    """Eisen's `Training`."""
    from eisen.utils import EisenModuleWrapper
    from eisen.utils.logging import LoggingHook
    from eisen.utils.workflows import Training

    data, net, loss, optimizer = _parts()
    model = EisenModuleWrapper(net, ["image"], ["logits"])
    losses = [EisenModuleWrapper(loss, ["logits", "label"], ["loss"])]
    metrics = [EisenModuleWrapper(Accuracy(), ["logits", "label"], ["accuracy"])] if full else None
    training = Training(model, data, losses, optimizer, metrics, gpu=False)
    if full:
        LoggingHook(training.id, "Training", None)
        for _ in range(3):
            training.subscribe(CountingHook())
    return Loop(data, training.run)


def ignite(full: bool = False) -> Loop:
    """PyTorch-Ignite's ready-made supervised trainer."""
    from ignite.engine import Events, create_supervised_trainer
    from ignite.metrics import Accuracy as IgniteAccuracy

    data, net, loss, optimizer = _parts()

    def unpack(batch: dict[str, Tensor], **_: Any) -> tuple[Tensor, Tensor]:
        return batch["image"], batch["label"]

    give = {"output_transform": lambda _x, y, logits, _loss: (logits, y)} if full else {}
    engine = create_supervised_trainer(net, optimizer, loss, prepare_batch=unpack, **give)
    if full:
        IgniteAccuracy().attach(engine, "accuracy")
        engine.add_event_handler(Events.EPOCH_COMPLETED, lambda: print(engine.state.metrics))
        for _ in range(3):
            engine.add_event_handler(Events.ITERATION_COMPLETED, CountingHook())
    return Loop(data, lambda: engine.run(data, max_epochs=1))


def ignite_step() -> Loop:
    """PyTorch-Ignite's `Engine` around the step of plain PyTorch, written out."""
    from ignite.engine import Engine

    data, net, loss, optimizer = _parts()

    def step(_: Engine, batch: dict[str, Tensor]) -> None:
        optimizer.zero_grad()
        loss(net(batch["image"]), batch["label"]).backward()
        optimizer.step()

    engine = Engine(step)
    return Loop(data, lambda: engine.run(data, max_epochs=1))


def monai(full: bool = False) -> Loop:
    """MONAI's `SupervisedTrainer`."""
    from ignite.engine import Events
    from ignite.metrics import Accuracy as IgniteAccuracy
    from monai.engines import SupervisedTrainer
    from monai.handlers import StatsHandler

    data, net, loss, optimizer = _parts()
    metric = IgniteAccuracy(output_transform=lambda out: (out["pred"], out["label"])) if full else None
    trainer = SupervisedTrainer(
        torch.device("cpu"),
        1,
        data,
        net,
        optimizer,
        loss,
        decollate=False,
        key_train_metric={"accuracy": metric} if full else None,
        train_handlers=[StatsHandler(iteration_log=False)] if full else None,
    )
    if full:
        for _ in range(3):
            trainer.add_event_handler(Events.ITERATION_COMPLETED, CountingHook())

    def run() -> None:
        trainer.state.epoch = trainer.state.iteration = 0
        trainer.run()

    return Loop(data, run)


def fabric() -> Loop:
    """Lightning Fabric: a loop of one's own with three calls exchanged. It has no hooks."""
    from lightning.fabric import Fabric

    data, net, loss, optimizer = _parts()
    helper = Fabric(accelerator="cpu", devices=1)
    net, optimizer = helper.setup(net, optimizer)

    def run() -> None:
        for batch in data:
            optimizer.zero_grad()
            value = loss(net(batch["image"]), batch["label"])
            helper.backward(value)
            optimizer.step()

    return Loop(data, run)


def lightning(full: bool = False) -> Loop:
    """Lightning's `Trainer`, progress bar, logger and checkpoints off."""
    from lightning import Callback, LightningModule, Trainer

    data, net, loss, _ = _parts()
    accuracy = Accuracy()

    class Module(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def training_step(self, batch: dict[str, Tensor], _: int) -> Tensor:
            logits = self.net(batch["image"])
            value: Tensor = loss(logits, batch["label"])
            if full:
                self.log("loss", value, on_step=False, on_epoch=True, batch_size=_BATCH)
                self.log("accuracy", accuracy(logits, batch["label"]), on_step=False, on_epoch=True, batch_size=_BATCH)
            return value

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=1e-3)

    class Counter(Callback):
        def __init__(self) -> None:
            self.n_batches = 0

        def on_train_batch_end(self, *_: Any) -> None:
            self.n_batches += 1

        @property
        def state_key(self) -> str:
            return str(id(self))

    def run() -> None:
        off = {"logger": False, "enable_progress_bar": False, "enable_checkpointing": False}
        callbacks = [Counter() for _ in range(3)] if full else []
        trainer = Trainer(accelerator="cpu", max_epochs=1, enable_model_summary=False, callbacks=callbacks, **off)
        trainer.fit(Module(), data)

    return Loop(data, run)
