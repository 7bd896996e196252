"""The counterpart of pymia's example of creating a dataset runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import h5py

EXAMPLE = Path(__file__).parents[2] / "examples" / "create_store.py"


def test_the_example_makes_a_store(tmp_path: Path) -> None:
    out = tmp_path / "store.h5"
    done = subprocess.run([sys.executable, EXAMPLE, out], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "4 cases, 12 arrays verified, 0 damaged" in done.stdout
    with h5py.File(out) as file:
        record = json.loads(file["meta/record"].asstr()[()])
        assert record["fields"]["image"]["entries"] == ["T1", "T2"]
        assert list(file["meta/cases"].asstr()[:]) != []
        assert file["values/age"][:].tolist() == [41, 42, 43, 44]
        assert json.loads(file["values/person"].asstr()[0]) == {"age": "41", "height": "1.61", "sex": "f"}
        assert file["data/image/0"].shape == (2, 31, 32, 20)
        assert json.loads(file["meta/files/image"].asstr()[0]) == ["Subject_1/t1.nii.gz", "Subject_1/t2.nii.gz"]
