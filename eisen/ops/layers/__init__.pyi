from .activation import Activation as Activation
from .activation import output_activation as output_activation
from .blocks import conv_unit as conv_unit
from .checks import check_counts as check_counts
from .checks import check_images as check_images
from .norm import Normalization as Normalization
from .norm import normalization as normalization
