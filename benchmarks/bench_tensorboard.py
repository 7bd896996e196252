"""What TensorboardSummaryHook costs of an epoch: volumes as films along three axes, outlines, comparison per voxel.

An epoch is 50 steps of a small V-Net on two volumes of 64 x 64 x 64 voxels, one thread. The cost of the hook does not
grow with the number of steps. Target: less than 5 % of the epoch.

    python benchmarks/bench_tensorboard.py
"""

from __future__ import annotations

import tempfile
import time
from statistics import median

import torch
from _harness import Result, quiet, show

from eisen.models import VNet
from eisen.ops.losses import DiceCELoss
from eisen.utils import EisenModuleWrapper
from eisen.utils.events import EpochEnd
from eisen.utils.logging import TensorboardSummaryHook
from eisen.utils.workflows import Training

STEPS, SIDE, CLASSES = 50, 64, 3


def training() -> Training:
    """Return a workflow whose data are in memory."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(2, 1, SIDE, SIDE, SIDE, generator=generator)
    label = (images > 1).to(torch.uint8) + (images > 2).to(torch.uint8)
    network = VNet(1, CLASSES, n_filters=4, outputs_activation="none")
    model = EisenModuleWrapper(network, ["image"], ["logits"])
    loss = EisenModuleWrapper(DiceCELoss(), ["logits", "label"], ["loss"])
    batches = [{"image": images, "label": label}] * STEPS
    return Training(model, batches, [loss], torch.optim.SGD(network.parameters(), 0.01), device="cpu")


class Timed(TensorboardSummaryHook):
    """Measures itself; the difference of two epochs would drown in the noise of the epochs."""

    seconds = 0.0

    def on_epoch_end(self, event: EpochEnd) -> None:
        """Write the summaries, and keep how long that took."""
        started = time.process_time()
        super().on_epoch_end(event)
        self.seconds = time.process_time() - started


def main() -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, quiet():
        workflow = training()
        pairs, overlays = [["label", "logits"]], [["image", "label"], ["image", "logits"]]
        hook = Timed(workflow.id, "Training", folder, pairs, show_all_axes=True, overlays=overlays)

        def epoch() -> float:
            started = time.process_time()
            workflow.run()
            return time.process_time() - started - hook.seconds

        shares = []
        for _ in range(4):
            alone = epoch()
            shares.append((alone, hook.seconds))
        hook.writer.close()
    rows = {"epoch": [alone for alone, _ in shares[1:]], "the hook": [own for _, own in shares[1:]]}
    show(
        "TensorBoard", {name: Result(name, tuple(values)) for name, values in rows.items()}, unit="s", baseline="epoch"
    )
    share = median(own / alone for alone, own in shares[1:])
    print(f"the hook takes {100 * share:.1f} % of an epoch (target: 5 %), as long as {share * STEPS:.1f} steps")


if __name__ == "__main__":
    main()
