# ruff: noqa
# Hooks of users: PyDispatcher, a receiver with a parameter called message, objects kept and not kept.
import json

import numpy as np
import torch
from eisen import (
    EISEN_BEST_MODEL_LOSS,
    EISEN_BEST_MODEL_METRIC,
    EISEN_END_BATCH_EVENT,
    EISEN_END_EPOCH_EVENT,
)
from eisen.models.segmentation import UNet
from eisen.ops.losses import DiceLoss
from eisen.ops.metrics import DiceMetric
from eisen.utils import EisenModuleWrapper
from eisen.utils.workflows import Testing, Training, Validation
from pydispatch import dispatcher


class JsonHistoryHook:
    def __init__(self, workflow_id, phase, artifacts_dir, every=1):
        self.workflow_id = workflow_id
        self.phase = phase
        self.artifacts_dir = artifacts_dir
        self.history = []
        self.order = []
        self.batches = 0
        dispatcher.connect(self.end_batch, signal=EISEN_END_BATCH_EVENT, sender=workflow_id)
        dispatcher.connect(self.end_epoch, signal=EISEN_END_EPOCH_EVENT, sender=workflow_id)
        dispatcher.connect(self.best_loss, signal=EISEN_BEST_MODEL_LOSS, sender=workflow_id)
        dispatcher.connect(self.best_metric, signal=EISEN_BEST_MODEL_METRIC, sender=workflow_id)

    def end_batch(self, message):
        self.batches += 1
        assert set(message) == {"inputs", "outputs", "losses", "metrics", "epoch", "model"}
        assert isinstance(message["inputs"]["image"], torch.Tensor)
        assert message["inputs"]["case"] == ["a", "b"]
        assert message["outputs"]["predictions"].shape == message["inputs"]["label"].shape
        for entry in message["losses"]:
            for key in entry.keys():
                entry[key].item()

    def end_epoch(self, message):
        self.order.append("epoch")
        assert isinstance(message["inputs"]["image"], np.ndarray) and "case" not in message["inputs"]
        assert message["inputs"]["weight"].shape == (4,)
        self.history.append(
            {
                "epoch": message["epoch"],
                "losses": {k: float(np.mean(v)) for entry in message["losses"] for k, v in entry.items()},
                "metrics": {k: v.tolist() for entry in message["metrics"] for k, v in entry.items()},
            }
        )
        with open("%s/%s.json" % (self.artifacts_dir, self.phase), "w") as file:
            json.dump(self.history, file)

    def best_loss(self, message):
        self.order.append("loss")
        torch.save(message["model"].module.state_dict(), self.artifacts_dir + "/mine.pt")

    def best_metric(self, message):
        self.order.append("metric")
        assert message["model"].output_names == ["predictions"]


def batch():
    return {
        "image": torch.rand(2, 1, 16, 16),
        "label": (torch.rand(2, 1, 16, 16) > 0.5).float(),
        "case": ["a", "b"],
        "weight": torch.ones(2),
    }


loader = [batch(), batch()]
model = EisenModuleWrapper(UNet(1, 1, n_filters=16), ["image"], ["predictions"])
loss = EisenModuleWrapper(DiceLoss(), ["predictions", "label"], ["dice_loss"])
metric = EisenModuleWrapper(DiceMetric(), ["predictions", "label"], ["dice_metric"])
training = Training(model, loader, [loss], torch.optim.Adam(model.parameters(), 0.001), [metric])
validation = Validation(model, loader, [loss], [metric])
testing = Testing(model, loader, [metric], gpu=False)

hook = JsonHistoryHook(training.id, "Training", ".")
valid_hook = JsonHistoryHook(validation.id, "Validation", ".")
test_hook = JsonHistoryHook(testing.id, "Testing", ".")
JsonHistoryHook(training.id, "Forgotten", ".")  # nobody keeps it, so PyDispatcher does not either
for _ in range(2):
    training.run()
    validation.run()
testing.run()

assert hook.batches == 4 and [row["epoch"] for row in hook.history] == [0, 1]
assert hook.order[:3] == ["loss", "metric", "epoch"]
assert len(hook.history[0]["metrics"]["dice_metric"]) == 2
assert [row["epoch"] for row in valid_hook.history] == [0, 1]
assert test_hook.order == ["metric", "epoch"] and test_hook.history[0]["epoch"] == 0
UNet(1, 1, n_filters=16).load_state_dict(torch.load("mine.pt"))
dispatcher.disconnect(hook.end_batch, signal=EISEN_END_BATCH_EVENT, sender=training.id)
training.run()
assert hook.batches == 4 and len(hook.history) == 3
