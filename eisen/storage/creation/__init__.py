"""Writing a store: cases are read side by side, and the file has its name when it is complete."""

__all__: list[str] = []
