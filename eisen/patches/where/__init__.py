"""Where the patches of a case are, computed from their number."""

__all__: list[str] = []
