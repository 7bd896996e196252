# ruff: noqa
# Volumetric segmentation with the medical segmentation decathlon, as the tutorials of Eisen 0.0.9 did it.
import os

import torch
from eisen.datasets import MSDDataset
from eisen.io import LoadNiftiFromFilename
from eisen.models.segmentation import VNet
from eisen.ops.losses import DiceLoss
from eisen.ops.metrics import DiceMetric
from eisen.transforms import (
    AddChannelDimension,
    CropCenteredSubVolumes,
    MapValues,
    NiftiToNumpy,
    ResampleNiftiVolumes,
    ThresholdValues,
)
from eisen.utils import EisenModuleWrapper
from eisen.utils.artifacts import SaveTorchModelHook
from eisen.utils.logging import LoggingHook, TensorboardSummaryHook
from eisen.utils.workflows import Testing, Training, Validation
from torch.optim import Adam
from torch.utils.data import DataLoader
from torchvision.transforms import Compose

PATH_DATA = "./data/decathlon"
PATH_ARTIFACTS = "./results"
NUM_EPOCHS = 2
os.makedirs(PATH_ARTIFACTS, exist_ok=True)

tform = Compose(
    [
        LoadNiftiFromFilename(["image", "label"], PATH_DATA),
        ResampleNiftiVolumes(["image"], [1.0, 1.0, 1.0], "linear"),
        ResampleNiftiVolumes(["label"], [1.0, 1.0, 1.0], "nearest"),
        NiftiToNumpy(["image", "label"]),
        CropCenteredSubVolumes(["image", "label"], [16, 16, 16]),
        MapValues(["image"], min_value=0, max_value=1),
        ThresholdValues(["label"], threshold=0.5),
        AddChannelDimension(["image", "label"]),
    ]
)
dataset = MSDDataset(PATH_DATA, "dataset.json", "training", transform=tform)
data_loader = DataLoader(dataset, batch_size=2, shuffle=True, num_workers=0)

model = EisenModuleWrapper(
    VNet(input_channels=1, output_channels=1, n_filters=16, normalization="groupnorm"),
    input_names=["image"],
    output_names=["predictions"],
)
loss = EisenModuleWrapper(DiceLoss(dim=[1, 2, 3, 4]), ["predictions", "label"], ["dice_loss"])
metric = EisenModuleWrapper(DiceMetric(dim=[1, 2, 3, 4]), ["predictions", "label"], ["dice_metric"])
optimizer = Adam(model.parameters(), 0.001)

training = Training(
    model=model, losses=[loss], data_loader=data_loader, optimizer=optimizer, metrics=[metric], gpu=True
)
validation = Validation(model=model, losses=[loss], data_loader=data_loader, metrics=[metric], gpu=True)
testing = Testing(model, data_loader, [metric])

hooks = [
    LoggingHook(training.id, "Training", PATH_ARTIFACTS),
    TensorboardSummaryHook(training.id, "Training", PATH_ARTIFACTS),
    LoggingHook(validation.id, "Validation", PATH_ARTIFACTS),
    SaveTorchModelHook(validation.id, "Validation", PATH_ARTIFACTS, select_best_loss=True, save_history=True),
    LoggingHook(testing.id, "Testing", PATH_ARTIFACTS),
]

for _ in range(NUM_EPOCHS):
    training.run()
    validation.run()
testing.run()
hooks[1].writer.close()

assert training.epoch == validation.epoch == NUM_EPOCHS
assert not hasattr(testing, "epoch")
assert len(dataset.json_dataset) == len(dataset)
assert dataset.attributes["name"] == "Heart"
assert os.listdir(os.path.join(PATH_ARTIFACTS, "summaries", "Training"))

saved = torch.load(os.path.join(PATH_ARTIFACTS, "models", "model.pt"))
assert "block_one.conv.0.weight" in saved and "out_conv.weight" in saved
fresh = VNet(1, 1, 16, 3, "groupnorm")
fresh.load_state_dict(saved)
