"""The part ``"Evaluation"`` of a configuration: how test cases are measured one by one."""

from __future__ import annotations

from typing import Any

__all__ = ["EVALUATION", "evaluation_schema"]

EVALUATION: dict[str, dict[str, Any]] = {
    "metrics": {
        "description": 'Metrics as they are spelt: ["DICE", "HDRFDST(percentile=95)"], the name of a group, or "all".',
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
    },
    "labels": {
        "description": 'Values of labels to their names: {"1": "anterior", "3+4": "merged"}. Default: .Labels.',
        "type": "object",
        "additionalProperties": {"type": "string"},
    },
    "kind": {
        "description": "What the model predicts.",
        "enum": ["segmentation", "image", "classification"],
        "default": "segmentation",
    },
    "policy": {
        "description": 'Cases without a value: "count" them, or charge what was missed the "worst" value.',
        "anyOf": [{"type": "string"}, {"type": "object"}],
        "default": "count",
    },
    "prediction": {"description": "Output of the model. Default: what metrics and losses look at.", "type": "string"},
    "reference": {"description": "Field with the reference. Default: the same.", "type": "string"},
}
"""What the part may say, each with its JSON schema."""


def evaluation_schema() -> dict[str, Any]:
    """Return the JSON schema of the part.

    Example:
        >>> evaluation_schema()["required"]
        ['metrics']
    """
    return {
        "type": "object",
        "description": "How eisen test, validate and crossval measure each case, label by label.",
        "properties": EVALUATION,
        "required": ["metrics"],
        "additionalProperties": False,
    }
