"""Where the arrays of a file are, and the fastest way to any part of them."""

__all__: list[str] = []
