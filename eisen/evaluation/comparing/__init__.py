"""Which of several methods is better, and how sure that is."""

__all__: list[str] = []
