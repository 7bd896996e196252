"""Sliding windows: what putting 125 windows together costs beyond computing them, in time and in memory.

A volume of 192^3 with 3 channels, windows of 64^3 with half overlap and Gaussian weights, a network that does next to
nothing. "bare" calls the network on every window and throws the result away: that time is the network's, the rest is
the bookkeeping's. All contenders give the same result up to rounding, which is checked first. One thread.

Memory is the peak of a process of its own beyond what it had before, for the blended result (float32) and for a label
map (its arg-max), which `SlidingWindow.slabs` makes without the whole result ever being there.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import _one_thread  # isort: skip

# threads have to be set before the others are loaded
import argparse
import itertools
import subprocess
from collections.abc import Callable

import torch
from _harness import measure, show
from monai.inferers import sliding_window_inference

from eisen.patches import SlidingWindow

_SIZE, _WINDOW = 192, 64
_AT_MOST = 0.6  # of MONAI's overhead


def network(window: torch.Tensor) -> torch.Tensor:
    """Do next to nothing, as a network: the result is new memory."""
    return window * 0.5


def contenders(image: torch.Tensor) -> dict[str, Callable[[], torch.Tensor | None]]:
    """Return what is compared, by name."""
    sliding = SlidingWindow([_WINDOW] * 3, overlap=0.5)
    starts = sliding.tiling(image.shape[2:]).lanes[0].starts

    def bare() -> None:
        for a, b, c in itertools.product(starts, repeat=3):
            network(image[:, :, a : a + _WINDOW, b : b + _WINDOW, c : c + _WINDOW])

    def monai() -> torch.Tensor:
        with torch.no_grad():
            return sliding_window_inference(image, (_WINDOW,) * 3, 1, network, overlap=0.5, mode="gaussian")

    return {"bare loop": bare, "eisen": lambda: sliding(network, image), "MONAI": monai}


def labels_in_slabs(image: torch.Tensor) -> torch.Tensor:
    """Return the label map without ever having the whole result."""
    sliding = SlidingWindow([_WINDOW] * 3, overlap=0.5)
    labels = torch.empty(image.shape[:1] + image.shape[2:], dtype=torch.uint8)
    for slab in sliding.slabs(network, image):
        labels[..., slab.start : slab.stop] = slab.values.argmax(1)
    return labels


def peak_mb(name: str) -> float:
    """Return how far the memory of this process grows beyond what it has, in MB."""
    image = torch.rand(1, 3, _SIZE, _SIZE, _SIZE)
    small = torch.rand(1, 3, 80, 80, 80)
    work = {key: (lambda x, k=key: contenders(x)[k]()) for key in ("eisen", "MONAI")}
    work |= {"eisen labels": labels_in_slabs, "MONAI labels": lambda x: work["MONAI"](x).argmax(1).to(torch.uint8)}
    work[name](small)  # libraries load what they need
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    before = _status("VmRSS")
    result = work[name](image)
    assert result is not None
    return (_status("VmHWM") - before) / 1000


def _status(key: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(f"{key}:")))


def main() -> None:
    """Check that all agree, measure, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--peak", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peak:
        print(peak_mb(arguments.peak))
        return
    image = torch.rand(1, 3, _SIZE, _SIZE, _SIZE)
    all_of_them = contenders(image)
    ours, theirs = all_of_them["eisen"](), all_of_them["MONAI"]()
    assert ours is not None
    assert theirs is not None
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    del ours, theirs
    timed = {name: _one_thread.cpu_ms(work) for name, work in all_of_them.items()}
    results = measure(timed, rounds=arguments.rounds)
    show("Sliding window, 125 windows of 64^3, 3 channels", results, unit="ms", baseline="bare loop")
    over = {name: results[name].over(results["bare loop"]).median for name in ("eisen", "MONAI")}
    least = {name: results[name].fastest - results["bare loop"].fastest for name in ("eisen", "MONAI")}
    print(
        f"beyond the bare loop: {over['eisen']:.1f} ms of MONAI's {over['MONAI']:.1f} = "
        f"{over['eisen'] / over['MONAI']:.2f} (fastest rounds {least['eisen'] / least['MONAI']:.2f}; "
        f"target <= {_AT_MOST})"
    )
    output = 3 * _SIZE**3 * 4 / 1e6
    for title, names, result in (
        ("blended result", ("eisen", "MONAI"), output),
        ("label map", ("eisen labels", "MONAI labels"), _SIZE**3 / 1e6),
    ):
        peaks = [_peak_of(name) for name in names]
        beyond = [peak - result for peak in peaks]
        print(
            f"peak memory, {title} ({result:.0f} MB): {peaks[0]:.0f} of MONAI's {peaks[1]:.0f} MB = "
            f"{peaks[0] / peaks[1]:.2f}; beyond the result itself {beyond[0]:.0f} of {beyond[1]:.0f} MB = "
            f"{beyond[0] / beyond[1]:.2f}"
        )


def _peak_of(name: str) -> float:
    done = subprocess.run([sys.executable, __file__, "--peak", name], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


if __name__ == "__main__":
    main()
