"""What happens to a data point between the file and the network: convert, resample, crop, normalise, augment, check.

Every transform takes a data point (a plain dict) and returns a new one; values are never changed in place. Array users
find the same arithmetic, without dicts, in `eisen.transforms.functional`.
"""

from eisen._core.optional import exports

__getattr__, __dir__, __all__ = exports(__name__, __file__)
