"""One file with all cases: python examples/create_store.py [OUT.h5]

Each case has two MR sequences, a label map, a mask and a text file with age, height and sex. The sequences become one
image with two channels, normalised; the text file is read by a function of ours; a number is computed from the mask.
The same with pymia: SubjectFile, Load, Callback, Hdf5Writer and IntensityNormalization.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

from eisen import transforms as tf
from eisen.datasets import FolderDataset
from eisen.io import LoadNiftiFromFilename, write_nifti
from eisen.storage import StoreObserver, create_store, summarise_store

SEQUENCES, MAPS = ["t1", "t2"], ["label", "mask"]


def write_subjects(folder: Path, n_subjects: int = 4) -> None:
    """Write what a hospital would have given us."""
    random = np.random.default_rng(0)
    affine = np.diag([-1.0, 1.0, 2.0, 1.0])
    for number in range(1, n_subjects + 1):
        case = folder / f"Subject_{number}"
        case.mkdir()
        shape = (30 + number, 32, 20)
        mask = np.zeros(shape, "uint8")
        mask[5:-5, 5:-5, 4:-4] = 1
        for name in SEQUENCES:
            write_nifti(case / f"{name}.nii.gz", (mask * random.integers(300, 900, shape)).astype("int16"), affine)
        write_nifti(case / "mask.nii.gz", mask, affine)
        write_nifti(case / "label.nii.gz", mask * (random.random(shape) > 0.7), affine)
        (case / "person.txt").write_text(f"age: {40 + number}\nheight: 1.{60 + number}\nsex: {'mf'[number % 2]}\n")


def load(field: str, value: object, point: dict) -> object:  # noqa: ARG001 - not needed here
    """Load an entry: the text file becomes a dict, everything else has been read already."""
    if field != "person":
        return value
    lines = (data_dir / str(value)).read_text(encoding="utf-8").splitlines()
    return dict(line.split(": ") for line in lines)


def on_case(name: str, point: dict) -> dict:  # noqa: ARG001 - not needed here
    """Say what else is written for a case."""
    voxel_ml = np.prod(point["mask_meta"].spacing) / 1000
    return {"brain_ml": float(point["mask"].sum() * voxel_ml), "age": int(point["person"]["age"])}


class Progress(StoreObserver):
    """Prints a line per case."""

    def on_case(self, name: str, done: int, n_cases: int, reused: bool) -> None:  # noqa: ARG002 - nothing is used again here
        print(f"[{done}/{n_cases}] {name}")


data_dir = Path(tempfile.mkdtemp())
write_subjects(data_dir)
out = Path(sys.argv[1]) if len(sys.argv) > 1 else data_dir / "store.h5"

chain = tf.Compose(
    [
        LoadNiftiFromFilename([*SEQUENCES, *MAPS], data_dir),
        tf.NiftiToNumpy(SEQUENCES),
        tf.StackImagesChannelwise(SEQUENCES, "image"),
        tf.ZScoreNormalization(["image"]),
    ]
)
files = {name: f"*/{name}.nii.gz" for name in (*SEQUENCES, *MAPS)} | {"person": "*/person.txt"}
subjects = FolderDataset(data_dir, files, transform=chain)
create_store(
    subjects,
    out,
    fields=["image", "label", "mask", "person"],
    names={"image": ["T1", "T2"]},
    load=load,
    on_case=on_case,
    observer=Progress(),
)

summary = summarise_store(out, verify=True)
for field in summary.fields:
    print(f"{field.name:>9}: {field.kind}, {field.dtype}, channels {list(field.entries)}, largest {field.largest}")
print(f"{len(summary.cases)} cases, {summary.verified} arrays verified, {len(summary.damaged)} damaged")
