"""The way of the fields through a phase, what a dry run found there, and the view that shows both."""

__all__: list[str] = []
