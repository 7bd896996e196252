"""Scripts as users of the original have them: they run unchanged, and say no more than what is listed here."""

from __future__ import annotations

import logging
import runpy
import warnings
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent / "scripts"

WARNINGS = {
    "version_0_0_5": [
        "eisen.datasets.generic.JsonDataset is now eisen.datasets.json.JsonDataset",
        "eisen.io.LoadNiftyFromFilename is now eisen.io.imaging.LoadNiftiFromFilename",
        *["data_parallel is gone: leave it out, or write torch.nn.DataParallel(net)"] * 3,
        "EisenAutoModelParallelModuleWrapper is now ModelParallel(network, split_size, device_ids)",
        "ABCDataset is now called ABCsDataset",
    ]
}
"""What Python shows of a script to somebody who has changed no setting; the others show nothing."""


def as_python_starts() -> None:
    """Set the filters of warnings that a new interpreter has."""
    warnings.resetwarnings()
    warnings.filterwarnings("ignore", category=ResourceWarning)
    for kind in (DeprecationWarning, PendingDeprecationWarning, ImportWarning):
        warnings.filterwarnings("ignore", category=kind)
    warnings.filterwarnings("default", category=DeprecationWarning, module="__main__")


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.py")), ids=lambda path: path.stem)
def test_a_script_of_a_user_runs_unchanged(
    script: Path, old_world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "data").symlink_to(old_world)
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings(record=True) as seen, caplog.at_level(logging.WARNING):
        as_python_starts()
        runpy.run_path(str(script), run_name="__main__")
    assert [str(warning.message) for warning in seen] == WARNINGS.get(script.stem, [])
    said = {record.getMessage().partition(":")[0] for record in caplog.records}
    assert said <= {"there is no GPU", "this CPU has no instructions for bf16"}
