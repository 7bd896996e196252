from .base import EisenDataset as EisenDataset
from .json import JsonDataset as JsonDataset
from .lists import ListDataset as ListDataset
from .loading import Loader as Loader
from .msd import MSDDataset as MSDDataset
from .phantom import make_phantoms as make_phantoms
from .splitter import EisenDatasetSplitter as EisenDatasetSplitter
