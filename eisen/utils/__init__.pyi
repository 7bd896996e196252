from .helpers import merge_two_dicts as merge_two_dicts
from .helpers import read_json_from_file as read_json_from_file
from .splitter import EisenDatasetSplitter as EisenDatasetSplitter
from .splitter import ListDataset as ListDataset
from .wrappers import EisenDatasetWrapper as EisenDatasetWrapper
from .wrappers import EisenModuleWrapper as EisenModuleWrapper
from .wrappers import EisenTransformWrapper as EisenTransformWrapper
