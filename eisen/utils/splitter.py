"""The old home of `ListDataset` and `EisenDatasetSplitter`; they live in `eisen.datasets`."""

from eisen.datasets import EisenDatasetSplitter, ListDataset

__all__ = ["EisenDatasetSplitter", "ListDataset"]
