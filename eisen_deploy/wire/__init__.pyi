from .arrays import array_map as array_map
from .arrays import array_of as array_of
from .npy import is_npy as is_npy
from .npy import read_npy as read_npy
from .npy import write_npy as write_npy
from .reading import Limits as Limits
from .reading import read_message as read_message
from .writing import write_message as write_message
