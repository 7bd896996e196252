"""The batch transform of a workflow: called on the device, once per batch, in every mode."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from eisen._core.errors import EisenError
from eisen.transforms import BatchCompose
from eisen.utils.events import BatchEnd
from eisen.utils.workflows import Testing, Training, TrainingAMP, Validation


class Doubled:
    """Doubles x, and writes down the epochs."""

    def __init__(self) -> None:
        self.epochs: list[int] = []

    def set_epoch(self, epoch: int) -> None:
        self.epochs.append(epoch)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        return {**batch, "x": 2 * batch["x"]}


@pytest.mark.parametrize("kind", [Training, TrainingAMP, Validation, Testing])
def test_model_hooks_and_losses_see_the_transformed_batch(kind: Any, model: Any, mse: Any, batches: Any) -> None:
    step = Doubled()
    extra = {} if kind is Testing else {"losses": [mse]}
    if issubclass(kind, Training):
        extra["optimizer"] = torch.optim.SGD(model.parameters(), lr=0.0)
    workflow = kind(model, batches, **extra, device="cpu", batch_transform=step)
    seen: list[torch.Tensor] = []
    workflow.subscribe(lambda event: seen.append(event.inputs["x"]), BatchEnd)
    before = [batch["x"].clone() for batch in batches]
    workflow.run()
    assert all(torch.equal(x, 2 * old) for x, old in zip(seen, before, strict=True))
    assert step.epochs == [0]


def test_it_is_told_the_epoch(make_training: Any) -> None:
    step = Doubled()
    training = make_training(batch_transform=step)
    training.run()
    training.run()
    assert step.epochs == [0, 1]


def test_a_batch_that_is_given_by_hand_is_prepared_by_hand(make_training: Any, batches: Any) -> None:
    training = make_training(batch_transform=Doubled())
    batch = batches[0]
    assert torch.equal(training.prepare(batch)["x"], 2 * batch["x"])


def test_what_goes_wrong_in_it_names_cases_and_step(make_training: Any) -> None:
    def broken(data: dict[str, Any]) -> dict[str, Any]:
        raise ValueError("no luck")

    with pytest.raises(EisenError, match="no luck") as caught:
        make_training(batch_transform=BatchCompose([broken])).run()
    assert caught.value.card.step == "step 1 of 1: broken"
    assert caught.value.card.case
