"""Window and level: which intensities are black and white."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AUTO", "CT", "FULL", "Intensities", "preset_names", "window_of"]

AUTO, FULL = "Automatic", "Full range"
CT = {"Soft tissue": (40, 400), "Lung": (-600, 1500), "Bone": (400, 1800), "Brain": (40, 80)}
"""Centre and width in Hounsfield units."""
_AIR, _TISSUE = -300.0, 100.0


@dataclass(frozen=True)
class Intensities:
    """What is known about the intensities of an image.

    Args:
        low: Percentile 2.
        high: Percentile 98.
        least: The smallest.
        most: The largest.
    """

    low: float = 0.0
    high: float = 1.0
    least: float = 0.0
    most: float = 1.0

    @property
    def may_be_ct(self) -> bool:
        """Whether they can be Hounsfield units: there is air, and there is tissue."""
        return self.least <= _AIR and self.most >= _TISSUE

    @property
    def step(self) -> float:
        """A small step of a slider."""
        span = max(self.most - self.least, 1e-9)
        return 1.0 if span > 50 else span / 500


def preset_names(intensities: Intensities) -> list[str]:
    """Return the windows that make sense for an image.

    Example:
        >>> preset_names(Intensities(least=0, most=812))
        ['Automatic', 'Full range']
        >>> preset_names(Intensities(least=-1024, most=1900))[2:]
        ['Soft tissue', 'Lung', 'Bone', 'Brain']
    """
    return [AUTO, FULL, *(CT if intensities.may_be_ct else ())]


def window_of(name: str, intensities: Intensities) -> tuple[float, float]:
    """Return the intensities that become black and white.

    Args:
        name: One of `preset_names`.
        intensities: Of the image.

    Example:
        >>> window_of("Lung", Intensities())
        (-1350.0, 150.0)
    """
    if name in CT:
        centre, width = CT[name]
        return centre - width / 2, centre + width / 2
    if name == FULL:
        return intensities.least, max(intensities.most, intensities.least + 1e-6)
    return intensities.low, intensities.high
