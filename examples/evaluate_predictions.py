"""Measure predictions of phantoms, write tables and a report: python examples/evaluate_predictions.py OUT

The predictions are made here: label maps that are shifted a little, one that misses a label, and a case for which there
is no prediction at all. Watch what that does to the means, with and without a charge for what was missed.
"""

import sys
from pathlib import Path

import numpy as np

from eisen.evaluation import Extras, SegmentationEvaluator, aggregate, write_report
from eisen.evaluation.matching import match
from eisen.evaluation.writers import print_statistics, write_results
from eisen.io import write_nifti

out = Path(sys.argv[1])
random, affine = np.random.default_rng(0), np.diag([1.0, 1.0, 2.0, 1.0])
grid = np.indices((48, 40, 24)) - np.array([24, 20, 12]).reshape(3, 1, 1, 1)
labels = {1: "anterior", 2: "posterior", (1, 2): "hippocampus"}

for folder in ("labels", "predictions"):
    (out / folder).mkdir(parents=True, exist_ok=True)
for number in range(8):
    size = random.uniform(0.8, 1.2)
    body = (grid[0] / 16) ** 2 + (grid[1] / 9) ** 2 + (grid[2] / 6) ** 2 < size
    reference = (body * np.where(grid[0] < 0, 1, 2)).astype("uint8")
    prediction = np.roll(reference, random.integers(-2, 3, 2), axis=(0, 1))
    if number == 3:
        prediction[prediction == 2] = 0
    write_nifti(out / "labels" / f"phantom_{number}.nii.gz", reference, affine)
    if number != 5:
        write_nifti(out / "predictions" / f"phantom_{number}_pred.nii.gz", prediction, affine)

files = match(out / "predictions", out / "labels")
print("\n".join(files.missing()))
evaluator = SegmentationEvaluator(["DICE", "PRCISON", "SNSVTY", "PREDVOL", "REFVOL"], labels)
results = evaluator.evaluate_many(files.inputs())

print("\nmeans of what has a value")
print_statistics(aggregate(results))
print("\nwith the worst value for what was missed")
print_statistics(aggregate(results, policy="worst"))
for path, what in write_results(results, out / "results"):
    print(f"{path.name}: {what}")
write_report(results, out / "results" / "report.html", Extras("Phantoms", labels=evaluator.labels))
