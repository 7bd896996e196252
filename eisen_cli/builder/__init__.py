"""The visual experiment builder and the pages of runs: ``eisen build`` and ``eisen board``."""

__all__: list[str] = []
