"""What metrics are computed from: a prediction and its reference, with everything they share computed once."""

__all__: list[str] = []
