"""Numbers, text and a point cloud beside the patches of an image: python examples/patches_non_image.py FOLDER

FOLDER holds phantoms that eisen.datasets.make_phantoms wrote.
"""

import sys

import numpy as np

from eisen import datasets, io, patches, storage
from eisen import transforms as tf

folder, both = sys.argv[1], ["image", "label"]


def facts(case):
    """Add what is known about a patient: an age, a report, and the centres of the organs in millimetres."""
    label, affine = case["label"][0], case["image_meta"].affine
    centres = [np.argwhere(label == k).mean(0) for k in (1, 2, 3)]
    points = np.stack([affine[:3] @ [*centre, 1] for centre in centres])
    return {
        **case,
        "age": 40 + int(label.sum() % 30),
        "report": f"{int((label == 1).sum())} voxels of liver",
        "points": points,
    }


read = [io.LoadNiftiFromFilename(both, folder), tf.NiftiToNumpy(both), tf.AddChannelDimension(both), facts]
scans = datasets.MSDDataset(folder, "dataset_val.json", "training", tf.Compose(read))
wanted = [*both, "age", "report", "points"]
storage.create_store(scans, f"{folder}/facts.h5", fields=wanted)

store = datasets.StoreDataset(folder, "facts.h5")
random = patches.PatchDataset(store, patches.Anywhere([12, 12, 6]), patches.Balanced(), n_per_case=2)
for batch in datasets.Loader(random, batch_size=2):
    assert batch["points"].shape == (2, 3, 3)  # not on the grid of the image: not cut
    for age, report, region in zip(batch["age"].tolist(), batch["report"], batch["patch_region"], strict=True):
        print(f"{age:.0f} years, {report}: {region}")
