"""Parts of cases, and whole cases again: python examples/extraction_assembly.py FOLDER OUT

FOLDER holds phantoms of eisen.datasets.make_phantoms. They go into a store; what a network says about slices, slabs,
patches and the slices of three planes becomes volumes again, written to OUT where the scans are in the body.
"""

import sys
from pathlib import Path

import numpy as np
from torch import nn

from eisen import datasets, io
from eisen import transforms as tf
from eisen.patches import CaseAssembler, Grid, PatchDataset, Slabs, Slices, Whole
from eisen.storage import create_store

folder, out, both = Path(sys.argv[1]), Path(sys.argv[2]), ["image", "label"]
out.mkdir(parents=True, exist_ok=True)
read = [io.LoadNiftiFromFilename(both, folder), tf.NiftiToNumpy(both), tf.AddChannelDimension(both)]
steps = tf.Compose([*read, tf.ZScoreNormalization(["image"])])
create_store(datasets.MSDDataset(folder, "dataset_val.json", "training", steps), out / "store.h5")
cases = datasets.StoreDataset(out, "store.h5")

# A mean of 3 x 3 (x 3) stands for the network: what it says about a voxel depends on the neighbours it is shown.
network = {2: nn.AvgPool2d(3, stride=1, padding=1), 3: nn.AvgPool3d(3, stride=1, padding=1)}
planes = {"planes": [0, 1, 2], "merge": {"smooth": "median", "label": "majority"}}
ways = {
    "raw": (Whole(), {}),
    "slices": (Slices(axis=2), {}),
    "slabs": (Slabs(5, axis=2, stride=3), {}),
    "2.5-D": (Slices(axis=[0, 1, 2]), planes),
    "patches": (Grid([10, 10, 10], overlap=0.5), {"weights": "gaussian"}),
}
whole = {}
for name, (where, options) in ways.items():
    patches = PatchDataset(cases, where)
    assembler = CaseAssembler(patches, policy={"label": "majority"}, **options)
    for batch in datasets.Loader(patches, batch_size=1, shuffle=True, seed=0):
        smooth = network[batch["image"].ndim - 2](batch["image"])
        assembler.add_batch({"smooth": smooth, "label": batch["label"]}, batch)
        for number, case in assembler.drain():  # each case as soon as the last of its patches is there
            whole[name, number] = case
            io.write_nifti(out / f"{name}_{number}.nii.gz", case["smooth"][0], case["smooth_meta"].affine)
    gaps = [np.abs(whole[name, n]["smooth"] - whole["raw", n]["smooth"]).mean() for n in range(len(cases))]
    same = all(np.array_equal(whole[name, n]["label"], cases[n]["label"]) for n in range(len(cases)))
    print(
        f"{name:>8}: {len(patches):3} parts, labels unchanged: {same}, {max(gaps):.3f} from the network on all at once"
    )
