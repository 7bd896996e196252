"""A store that knows where everything is and holds no pixels: python examples/patches_metadata_only.py FOLDER

Shapes, files and geometry are in the store, pixels stay in the files they came from. Patches are cut as from any store.
FOLDER holds phantoms that eisen.datasets.make_phantoms wrote.
"""

import sys
from pathlib import Path

import numpy as np

from eisen import datasets, io, patches, storage
from eisen import transforms as tf

folder, both = Path(sys.argv[1]), ["image", "label"]
read = tf.Compose([io.LoadNiftiFromFilename(both, folder), tf.NiftiToNumpy(both), tf.AddChannelDimension(both)])
scans = datasets.MSDDataset(folder, "dataset_val.json", "training", read)
storage.create_store(scans, folder / "with.h5")
storage.create_store(scans, folder / "without.h5", pixels=False)
sizes = {name: (folder / name).stat().st_size for name in ("with.h5", "without.h5")}
print(f"with pixels {sizes['with.h5'] / 1e3:.0f} kB, without {sizes['without.h5'] / 1e3:.0f} kB")

full, light = (
    patches.PatchDataset(datasets.StoreDataset(folder, name), patches.Grid([12, 12, 6], overlap=0.5)) for name in sizes
)
assert len(full) == len(light)  # counted from the shapes, no pixel is read
for number in range(0, len(full), 7):
    assert np.array_equal(full[number]["image"], light[number]["image"])
print(f"{len(full)} patches, the same from both")
