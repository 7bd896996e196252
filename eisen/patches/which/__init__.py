"""Which patches of a case are taken."""

__all__: list[str] = []
