from .batch_size import find_batch_size as find_batch_size
from .plots import plot_rates as plot_rates
from .plots import plot_sizes as plot_sizes
from .rates import RateFinding as RateFinding
from .rates import find_lr as find_lr
from .rates import range_test as range_test
from .sizes import SizeFinding as SizeFinding
from .sizes import SizeTrial as SizeTrial
