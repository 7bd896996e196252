# Nothing here: the parts live in eisen.ops.layers, eisen.ops.losses and eisen.ops.metrics.
