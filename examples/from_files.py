"""Patches straight from image files: python examples/from_files.py FOLDER OUT

FOLDER holds phantoms of eisen.datasets.make_phantoms. A store without pixels knows the names, shapes and geometry of
all cases, so that patches can be placed and drawn without opening a file; the pixels stay where they are. Files
without any store work too: cases are then read whole, and the last few are kept.
"""

import sys
from pathlib import Path

import numpy as np

from eisen import datasets, io
from eisen import transforms as tf
from eisen.patches import CaseAssembler, Grid, PatchDataset
from eisen.storage import create_store

folder, out, both = Path(sys.argv[1]), Path(sys.argv[2]), ["image", "label"]
out.mkdir(parents=True, exist_ok=True)
read = tf.Compose([io.LoadNiftiFromFilename(both, folder), tf.NiftiToNumpy(both), tf.AddChannelDimension(both)])
scans = datasets.MSDDataset(folder, "dataset_val.json", "training", read)
create_store(scans, out / "names_only.h5", pixels=False)
scan_bytes = sum(path.stat().st_size for path in folder.glob("*Tr/*"))
print(f"{(out / 'names_only.h5').stat().st_size} bytes for {len(scans)} cases, the scans have {scan_bytes}")

where = Grid([8, 8, 8], overlap=0.5)
sources = {
    "store without pixels": datasets.StoreDataset(out, "names_only.h5"),
    "files alone": scans,
}
for name, cases in sources.items():
    patches = PatchDataset(cases, where)
    assembler = CaseAssembler(patches, policy={"label": "majority"})
    for batch in datasets.Loader(patches, batch_size=4):  # in order: each file is read once
        assembler.add_batch({field: batch[field] for field in both}, batch)
        for number, case in assembler.drain():
            same = all(np.array_equal(case[field], scans[number][field]) for field in both)
            print(f"{name}: {len(patches)} patches, case {number} whole again and unchanged: {same}")
