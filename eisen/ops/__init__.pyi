from . import layers as layers
from . import losses as losses
from . import metrics as metrics
