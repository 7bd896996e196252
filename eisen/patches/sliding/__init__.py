"""Networks that look at volumes through overlapping windows."""

__all__: list[str] = []
