# ruff: noqa
# Mixed precision, as the blog announced it; on a machine that may not have a GPU.
import torch
from eisen.models.segmentation import UNet
from eisen.ops.losses import DiceLoss
from eisen.ops.metrics import DiceMetric
from eisen.utils import EisenModuleWrapper
from eisen.utils.logging import LoggingHook
from eisen.utils.workflows import TrainingAMP, TrainingApexAMP

loader = [{"image": torch.rand(2, 1, 16, 16), "label": torch.ones(2, 1, 16, 16)}] * 2
model = EisenModuleWrapper(UNet(1, 1, n_filters=16), ["image"], ["predictions"])
loss = EisenModuleWrapper(DiceLoss(), ["predictions", "label"], ["dice_loss"])
metric = EisenModuleWrapper(DiceMetric(), ["predictions", "label"], ["dice_metric"])
optimizer = torch.optim.Adam(model.parameters(), 0.001)

workflow = TrainingAMP(model, loader, [loss], optimizer, [metric])
hook = LoggingHook(workflow.id, "Training", None)
for _ in range(2):
    workflow.run()
assert workflow.epoch == 2 and next(model.parameters()).dtype == torch.float32

try:
    TrainingApexAMP(model, loader, [loss], optimizer, metrics=None)
except Exception as error:
    print(error)
    assert "Apex" in str(error)
