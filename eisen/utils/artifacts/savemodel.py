"""The savers under the path that configurations name: ``eisen.utils.artifacts.savemodel.SaveTorchModelHook``."""

from eisen.utils.artifacts.onnx import SaveONNXModel, SaveONNXModelHook
from eisen.utils.artifacts.weights import SaveTorchModel, SaveTorchModelHook

__all__ = ["SaveONNXModel", "SaveONNXModelHook", "SaveTorchModel", "SaveTorchModelHook"]
