from .combined import DiceCELoss as DiceCELoss
from .dice import DiceLoss as DiceLoss
