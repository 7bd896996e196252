"""DICOM: single files, series as volumes, segmentation objects; read, checked and written."""

from eisen._core.optional import exports

__getattr__, __dir__, __all__ = exports(__name__, __file__)
