from .savemodel import SaveTorchModel as SaveTorchModel
from .savemodel import SaveTorchModelHook as SaveTorchModelHook
