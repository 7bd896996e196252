from .base import ForeignStep as ForeignStep
from .batchgenerators import BatchgeneratorsStep as BatchgeneratorsStep
from .monai import MONAIStep as MONAIStep
from .torchio import TorchIOStep as TorchIOStep
