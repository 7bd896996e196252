"""How the pages look: colours, sizes of text, the frame around every page, and small shared pieces."""

__all__: list[str] = []
