# ruff: noqa
# Training until the validation no longer gets better; the best model of the loss and of the metric.
import os

import torch
from eisen.models.segmentation import HighRes2DNet, UNet3D
from eisen.ops.losses.dice import DiceLoss
from eisen.ops.metrics.dice import DiceMetric
from eisen.utils import EisenModuleWrapper
from eisen.utils.artifacts import SaveTorchModel, SaveTorchModelHook
from eisen.utils.logging.logs import LoggingHook
from eisen.utils.workflows import PatienceHook, Training, Validation

torch.manual_seed(0)
loader = [{"image": torch.rand(2, 1, 12, 12), "label": (torch.rand(2, 1, 12, 12) > 0.5).float()} for _ in range(2)]
model = EisenModuleWrapper(HighRes2DNet(1, 1, initial_out_channels_power=2), ["image"], ["predictions"])
losses = [
    EisenModuleWrapper(DiceLoss(weight=0.5), ["predictions", "label"], ["dice_loss"]),
    EisenModuleWrapper(torch.nn.BCELoss(), ["predictions", "label"], ["bce_loss"]),
]
metrics = [EisenModuleWrapper(DiceMetric(), ["predictions", "label"], ["dice_metric"])]
optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
training = Training(model, loader, losses, optimizer, metrics)
validation = Validation(model, loader, losses, metrics)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)

patience = PatienceHook(validation.id, patience=3)
logging_hook = LoggingHook(validation.id, "Validation", None)
save = SaveTorchModelHook(validation.id, "Validation", ".", select_best_loss=False)
epochs = 0
while not patience.is_stop():
    training.run()
    validation.run()
    scheduler.step(validation.epoch_aggregator.best_avg_loss)
    epochs += 1
    assert epochs < 20, "a plateau uses up the patience"
assert patience.patience == 3 and patience.patience_counter >= 3
patience.reset()
assert patience.patience_counter == 0 and os.path.exists("./models/model.pt")

net = UNet3D(1, 2, n_filters=4, outputs_activation="softmax", normalization="batchnorm")
os.makedirs("./bare", exist_ok=True)
SaveTorchModel("./bare")(net, filename="unet3d.pt")
net.load_state_dict(torch.load("./bare/unet3d.pt"))
net.eval()
with torch.no_grad():
    assert net(torch.zeros(1, 1, 32, 32, 32)).shape == (1, 2, 32, 32, 32)
