# ruff: noqa
# Data and model parallel training, on whatever machine.
import eisen.utils
import torch
from eisen.models.segmentation import UNet
from eisen.ops.losses import DiceLoss
from eisen.utils import EisenModuleWrapper, ModelParallel, PipelineExecutionStreamer
from eisen.utils.artifacts import SaveTorchModelHook
from eisen.utils.workflows import Training

loader = [{"image": torch.rand(4, 1, 16, 16), "label": torch.ones(4, 1, 16, 16)}] * 2
loss = EisenModuleWrapper(DiceLoss(), ["predictions", "label"], ["dice_loss"])

# data parallel: the network is wrapped first
net = UNet(1, 1, n_filters=16)
model = EisenModuleWrapper(torch.nn.DataParallel(net), input_names=["image"], output_names=["predictions"])
training = Training(model, loader, [loss], torch.optim.Adam(model.parameters()), gpu=True)
hook = SaveTorchModelHook(training.id, "Training", ".")
training.run()
saved = torch.load("./models/model.pt")
assert all(key.startswith("module.") for key in saved) and len(saved) == 82
UNet(1, 1, n_filters=16).load_state_dict({key[len("module.") :]: value for key, value in saved.items()})

# model parallel: one line
model = UNet(1, 1, n_filters=16)
model = eisen.utils.ModelParallel(model, split_size=2)
wrapped = EisenModuleWrapper(model, ["image"], ["predictions"])
training = Training(wrapped, loader, [loss], torch.optim.Adam(wrapped.parameters()))
training.run()
assert wrapped(image=loader[0]["image"])["predictions"].shape == (4, 1, 16, 16)
assert len(list(model.parameters())) == 82

stages = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 5))
streamer = PipelineExecutionStreamer([stages[0], stages[1]], split_size=2)
assert torch.allclose(streamer(torch.ones(5, 3)), stages(torch.ones(5, 3)))
assert ModelParallel(stages, 2, None, None)(torch.ones(5, 3)).shape == (5, 5)
