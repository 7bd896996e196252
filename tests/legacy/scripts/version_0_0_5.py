# ruff: noqa
# Names and signatures of the releases up to 0.0.8, as they still stand in scripts and documentation.
import numpy as np
import torch
from eisen.datasets.abcs import ABCDataset
from eisen.datasets.generic import JsonDataset
from eisen.io import LoadNiftyFromFilename
from eisen.models.segmentation.unet import UNet
from eisen.transforms.imaging import CropCenteredSubVolumes, NiftiToNumpy
from eisen.utils import EisenAutoModelParallelModuleWrapper, EisenModuleWrapper
from eisen.utils.logging import TensorboardSummaryHook
from eisen.utils.workflows import Testing, Training, Validation
from torch.utils.data import DataLoader
from torchvision.transforms import Compose

tform = Compose(
    [
        LoadNiftyFromFilename(["volume"], "./data/mixed"),
        NiftiToNumpy(["volume"]),
        CropCenteredSubVolumes(["volume"], [16, 16, 1]),
        lambda data: {"image": np.moveaxis(data["volume"], -1, 0)},
    ]
)
loader = DataLoader(JsonDataset("./data/mixed", "volumes.json", tform), batch_size=2)
model = EisenModuleWrapper(UNet(1, 1, 16), ["image"], ["predictions"])
loss = EisenModuleWrapper(torch.nn.MSELoss(), ["predictions", "image"], ["mse"])
optimizer = torch.optim.Adam(model.parameters())
training = Training(model, loader, [loss], optimizer, metrics=[loss], data_parallel=True)
validation = Validation(model, loader, [loss], metrics=[], data_parallel=False, gpu=False)
testing = Testing(model, loader, [loss], data_parallel=False)
hook = TensorboardSummaryHook(training.id, "Training", ".", comparison_pairs=None)
for workflow in (training, validation, testing):
    workflow.run()
hook.writer.close()
split = EisenAutoModelParallelModuleWrapper(UNet(1, 1, 16), number_gpus=1, split_size=1)
assert split(torch.rand(2, 1, 16, 16)).shape == (2, 1, 16, 16)
ABCDataset("./data/abcs", training=True)
