from __future__ import annotations

import json

import pytest

import eisen.datasets
import eisen.datasets.json
import eisen.datasets.msd

NAMES = [
    "ABCDataset",
    "ABCsDataset",
    "BIDSDataset",
    "BalancedSampler",
    "Brats2020",
    "CAMUS",
    "CLASSES",
    "CachedDataset",
    "CaseSampler",
    "ConcatDataset",
    "DicomTreeDataset",
    "EMIDEC",
    "EisenDataset",
    "EisenDatasetSplitter",
    "FolderDataset",
    "JsonDataset",
    "KaggleCovid19",
    "ListDataset",
    "Loader",
    "MSDDataset",
    "MedMNISTDataset",
    "MedSegCovid19",
    "NnUNetDataset",
    "PANDA",
    "PatchCamelyon",
    "RSNABoneAgeChallenge",
    "RSNAIntracranialHemorrhageDetection",
    "RandomShapesDataset",
    "SlicesDataset",
    "StoreDataset",
    "SubsetDataset",
    "TableDataset",
    "UCSDCovid19",
    "WeightedSampler",
    "label_dict_to_array",
    "make_phantoms",
    "read_bone_age_kaggle_label_csv",
    "read_csv",
    "read_rsna_kaggle_label_csv",
]


def test_exactly_these_names_are_public():
    assert sorted(eisen.datasets.__all__) == NAMES
    assert dir(eisen.datasets) == NAMES


def test_star_import_does_not_replace_the_users_json():
    space = {"json": json}
    exec("from eisen.datasets import *", space)
    assert space["json"] is json
    assert set(NAMES) <= set(space)


def test_old_dotted_paths_lead_to_the_same_class():
    assert eisen.datasets.json.JsonDataset is eisen.datasets.JsonDataset
    assert eisen.datasets.msd.MSDDataset is eisen.datasets.MSDDataset


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Nothing"):
        eisen.datasets.Nothing  # noqa: B018
