"""The first run of what will be packed: whether the chain that is left works, and what comes out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from eisen._core.errors import DataError, EisenError
from eisen_deploy.packaging.golden import CaseVoxels
from eisen_deploy.packaging.layout import ModelInput
from eisen_deploy.packaging.looks import Look
from eisen_deploy.packaging.synthetic import affine_of, drawn_case, sizes_to_try
from eisen_deploy.serving.messages import Refusal
from eisen_deploy.serving.packaged import PackagedModel

if TYPE_CHECKING:
    import torch

    from eisen.experiments.prediction.committee import Committee
    from eisen.experiments.prediction.kinds import Meaning

__all__ = ["Trial", "TrialModel", "activation_of", "case_of", "tried"]


@dataclass(frozen=True)
class Trial:
    """What is known after one image has gone through.

    Args:
        kind: What comes out of the model.
        activation: What turns its output into probabilities.
        channels: How many numbers it says per voxel, or per case.
        input_size: Of the input of the network: cases, channels, spatial axes.
        shape: Size of the image.
    """

    kind: Literal["labels", "image", "classes", "values"]
    activation: str
    channels: int
    input_size: tuple[int, ...]
    shape: tuple[int, ...]


def case_of(inputs: Sequence[ModelInput], looks: Mapping[str, Look], shape: Sequence[int], seed: int) -> CaseVoxels:
    """Return a drawn case.

    Args:
        inputs: The inputs of the package.
        looks: What their images look like.
        shape: How large they are.
        seed: Another number gives another case.
    """
    affines = {each.field: affine_of(looks[each.field], shape) for each in inputs if each.spatial_axes == 3}
    return CaseVoxels(drawn_case(looks, shape, seed), affines)


def tried(model: TrialModel, looks: Mapping[str, Look], phase: str) -> Trial:
    """Send a drawn image through the chain and the models.

    Args:
        model: The package as far as it is there.
        looks: What its images look like.
        phase: The phase whose chain it is, for the words of an error.

    Raises:
        EisenError: If it cannot be computed for any size; the card names the step that needs something else.
    """
    first: EisenError | None = None
    inputs = model.package.inputs
    window = model.phase.hyper.sliding_window
    for shape in sizes_to_try(looks[inputs[0].field].shape, [] if window is None else [window.window]):
        try:
            return _one(model, case_of(inputs, looks, shape, 0))
        except (EisenError, RuntimeError, Refusal) as error:
            first = first or _as_card(error)
    assert first is not None
    raise first.note(
        to_do=f"add a phase Prediction to the configuration, with the readers and transforms of {phase} that images "
        "alone can go through, and give it with --config"
    ) from first.__cause__


class TrialModel(PackagedModel):
    """A package that is not complete: its models are those of the run, with all that the configuration tells of them.

    Args:
        folder: Of the package.
        scratch: Folder for files.
        committee: The trained models.
    """

    def __init__(self, folder: Path, scratch: Path, committee: Committee) -> None:
        self._committee = committee
        super().__init__(folder, scratch, "cpu")

    def committee(self) -> Committee:
        """Return the models of the run."""
        return self._committee


def activation_of(meaning: Meaning, network: torch.nn.Module) -> str:
    """Return the activation that a package has to name so that outputs mean there what they mean here.

    Args:
        meaning: What they mean.
        network: The network.
    """
    from eisen.experiments.prediction.links import declared_activation

    link = meaning.link
    if link is None:
        return "auto"
    if not link.applied:
        return link.kind
    return "auto" if declared_activation(network) in ("sigmoid", "softmax") else "none"


def _one(model: TrialModel, case: CaseVoxels) -> Trial:
    from eisen.experiments.weights import bare_module

    committee = model.committee()
    network = bare_module(committee.members[0])
    waits, committee.waits = committee.waits, False  # slabs do not tell the number of channels
    try:
        with _watched(network) as seen:
            verdict = model.predict_arrays(case.voxels, case.affines).verdict
    finally:
        committee.waits = waits
    meaning = committee.meaning
    assert meaning is not None
    assert verdict.values is not None
    kind: Any = meaning.kind
    shape = next(iter(case.voxels.values())).shape[-model.package.inputs[0].spatial_axes :]
    return Trial(kind, activation_of(meaning, network), int(verdict.values.shape[0]), seen[0] if seen else (), shape)


@contextmanager
def _watched(network: torch.nn.Module) -> Iterator[list[tuple[int, ...]]]:
    """Note the sizes of what goes into a network; of cases, one."""
    seen: list[tuple[int, ...]] = []

    def note(_: Any, inputs: tuple[Any, ...]) -> None:
        if inputs and hasattr(inputs[0], "shape"):
            seen.append((1, *map(int, inputs[0].shape[1:])))

    handle = network.register_forward_pre_hook(note)
    try:
        yield seen
    finally:
        handle.remove()


def _as_card(error: Exception) -> EisenError:
    if isinstance(error, EisenError):
        return error
    facts = error.facts if isinstance(error, Refusal) else {}
    what = error.what if isinstance(error, Refusal) else f"the model failed: {type(error).__name__}: {error}"
    card = DataError(what.partition("\n")[0], expected=str(facts.get("expected", "")))
    card.__cause__ = error
    return card
