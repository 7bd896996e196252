from __future__ import annotations

import subprocess
import sys

import pytest

import eisen.io
import eisen.io.imaging

CLASSES = ["LoadITKFromFilename", "LoadNiftiFromFilename", "LoadPILImageFromFilename", "WriteNiftiToFile"]


@pytest.mark.parametrize("name", CLASSES)
def test_old_dotted_paths_lead_to_the_same_class(name):
    assert getattr(eisen.io.imaging, name) is getattr(eisen.io, name)


@pytest.mark.parametrize("module", [eisen.io, eisen.io.imaging])
def test_the_old_spelling_of_the_nifti_reader_works_and_warns(module):
    with pytest.warns(DeprecationWarning, match="LoadNiftiFromFilename"):
        assert module.LoadNiftyFromFilename is eisen.io.LoadNiftiFromFilename


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="LoadNothing"):
        eisen.io.imaging.LoadNothing  # noqa: B018


def test_importing_the_readers_loads_no_heavy_library():
    code = "import sys, eisen.io.imaging; print({'torch', 'SimpleITK', 'nibabel', 'scipy', 'PIL'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"
