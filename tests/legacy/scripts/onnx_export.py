# ruff: noqa
# Saving a model as ONNX, by a hook and by hand.
import os

import onnxruntime
import torch
from eisen.models import UNet
from eisen.ops.losses import DiceLoss
from eisen.utils import EisenModuleWrapper
from eisen.utils.artifacts import SaveONNXModel, SaveONNXModelHook
from eisen.utils.workflows import Training

ARTIFACTS = "./results"
os.makedirs(ARTIFACTS, exist_ok=True)
loader = [{"image": torch.rand(2, 1, 16, 16), "label": torch.ones(2, 1, 16, 16)}]
model = EisenModuleWrapper(UNet(1, 1, n_filters=16), ["image"], ["predictions"])
loss = EisenModuleWrapper(DiceLoss(), ["predictions", "label"], ["dice_loss"])
training = Training(model, loader, [loss], torch.optim.Adam(model.parameters(), 0.001))
hook = SaveONNXModelHook(training.id, "Training", ARTIFACTS, [1, 1, 16, 16], select_best_loss=True, save_history=False)
training.run()
path = os.path.join(ARTIFACTS, "onnx_models", "model.onnx")
session = onnxruntime.InferenceSession(path)
assert [i.name for i in session.get_inputs()] == ["input"] and [o.name for o in session.get_outputs()] == ["output"]
result = session.run(None, {"input": torch.rand(3, 1, 16, 16).numpy()})[0]
assert result.shape == (3, 1, 16, 16)

SaveONNXModel(ARTIFACTS, (1, 3))(torch.nn.Linear(3, 2), "by_hand.onnx")
assert os.path.exists(os.path.join(ARTIFACTS, "by_hand.onnx"))
assert training.model.module.training, "saving does not end the training mode"
try:
    SaveONNXModelHook(training.id, "Training", "./nowhere", [1, 1, 16, 16])
except ValueError as error:
    print(error)
