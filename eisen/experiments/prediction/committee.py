"""Several trained models that see an image from several sides, as one model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import torch

from eisen._core.errors import DataError, ShapeError
from eisen.experiments.prediction.kinds import Meaning
from eisen.experiments.prediction.links import Link, demand_finite
from eisen.experiments.prediction.pending import Pending
from eisen.experiments.prediction.steady import steadily
from eisen.ops.running import RunningMean
from eisen.ops.views import checked_views
from eisen.utils import EisenModuleWrapper
from eisen.utils.tta import looked_at

if TYPE_CHECKING:
    from eisen.patches import SlidingWindow

__all__ = ["DISAGREEMENT", "ENTROPY", "Committee"]

ENTROPY, DISAGREEMENT = "prediction entropy", "prediction disagreement"
"""Fields of a batch that say how unsure a prediction is."""


class Committee(torch.nn.Module):
    """The mean of what trained models say about an image and its mirror images, and how far they are apart.

    Probabilities are averaged, not logits, and a temperature acts on the mean: the mean of models that are each well
    calibrated is too unsure of itself (Rahaman and Thiery 2021, Uncertainty quantification and deep ensembles).

    Args:
        members: The models; all have the names of the first.
        meaning: Tells from the first output and the network what outputs mean.
        views: See `eisen.utils.tta.TestTimeAugmentation`; None: the image as it is.
        temperature: What the logits are divided by; None: nothing.
        returns_logits: Whether to return logits before the temperature instead of probabilities.
    """

    def __init__(
        self,
        members: Sequence[EisenModuleWrapper],
        meaning: Callable[[torch.Tensor, torch.nn.Module], Meaning],
        views: str | None = None,
        temperature: float | None = None,
        *,
        returns_logits: bool = False,
    ) -> None:
        super().__init__()
        self.members = torch.nn.ModuleList(members)
        self.views = None if views is None else checked_views(views)
        self.temperature = temperature
        self.returns_logits = returns_logits
        self.windows: SlidingWindow | None = None
        """Look at images through these windows; whoever predicts sets them."""
        self.waits = False
        """Whether to return a `Pending` instead of a prediction, if there are windows."""
        self.meaning: Meaning | None = None
        self._tell = meaning

    @property
    def is_alone(self) -> bool:
        """Whether there is one model and one view."""
        return len(self.members) == 1 and self.views is None

    def named(self) -> EisenModuleWrapper:
        """Return the committee as a model for a workflow: inputs and first output have the names of its members."""
        first = cast(EisenModuleWrapper, self.members[0])
        return EisenModuleWrapper(self, first.input_names, [first.output_names[0], ENTROPY, DISAGREEMENT])

    def forward(self, *inputs: Any) -> tuple[torch.Tensor | Pending, torch.Tensor, torch.Tensor]:
        """Return the mean prediction, and per case how unsure it is and how far the models, or views, are apart.

        Args:
            *inputs: What the models take.

        Returns:
            Predictions (N, C, ...) or (N, C), float32; the mean entropy of the probabilities in nats (N,), 0 where
            there are none; the mean standard deviation between models, or between views of a single model (N,).
        """
        if self.windows is not None and self.waits:
            unknown = torch.full((1,), torch.nan)
            return Pending(self, inputs), unknown, unknown
        return self.at_once(inputs)

    def at_once(self, inputs: tuple[Any, ...]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return what `forward` returns for models that do not wait."""
        return self.finished(self.seen(*inputs) if self.windows is None else self.windows(self.seen, *inputs))

    @property
    def sliding(self) -> SlidingWindow:
        """The windows, where there are some."""
        return cast("SlidingWindow", self.windows)

    def seen(self, *inputs: Any) -> tuple[torch.Tensor, ...]:
        """Return what a single model returns, or the mean opinion of several and their standard deviation.

        Opinions are probabilities where there are any. Those of a single model do not go through probabilities, which
        would round its logits.
        """
        if self.is_alone:
            return (self._output(self.members[0], inputs),)
        running = RunningMean(spread=True)
        for opinion in self._opinions(inputs):
            running.add(opinion)
        return running.mean, running.deviation

    def finished(self, seen: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return prediction, entropy and disagreement, from what was seen in the whole image or in a part of it."""
        values, link = seen[0], self._link
        apart = values.new_zeros(len(values)) if self.is_alone else seen[1].flatten(1).mean(1)
        if link is None:
            return values, torch.zeros_like(apart), apart
        has_probabilities = link.applied or not self.is_alone
        known = replace(link, applied=has_probabilities)
        prediction = self._computed(lambda v: known.probabilities(v, self.temperature), values)
        result = prediction
        if self.returns_logits:
            result = self._computed(known.logits, values) if has_probabilities else values
        return result, _entropy(prediction, link), apart

    def _computed(self, compute: Callable[[torch.Tensor], torch.Tensor], values: torch.Tensor) -> torch.Tensor:
        """Apply a function to all voxels; with windows so that they may come in any pieces."""
        return compute(values) if self.windows is None else steadily(compute, values)

    def _opinions(self, inputs: tuple[Any, ...]) -> Iterator[torch.Tensor]:
        """Yield the probabilities of every member, or of every view of a single one."""
        for member in self.members:
            if self.views is None:
                yield self._opinion(member, inputs)
                continue
            seen = self._views_of(member, inputs)
            if len(self.members) == 1:
                yield from seen
                continue
            mean = RunningMean()
            for values in seen:
                mean.add(values)
            yield mean.mean

    def _views_of(self, member: torch.nn.Module, inputs: tuple[Any, ...]) -> Iterator[torch.Tensor]:
        for view, seen in looked_at(cast(str, self.views), inputs):
            values = self._opinion(member, seen)
            yield view.undo(values) if values.ndim > 2 else values

    def _opinion(self, member: torch.nn.Module, inputs: tuple[Any, ...]) -> torch.Tensor:
        output = self._output(member, inputs)
        return output if self._link is None else self._link.probabilities(output)

    def _output(self, member: torch.nn.Module, inputs: tuple[Any, ...]) -> torch.Tensor:
        """Return the output (N, C, ...) of one model as float32, and learn from the first what outputs mean."""
        wrapper = cast(EisenModuleWrapper, member)
        output = wrapper.call_in_order(inputs)[wrapper.output_names[0]]
        if not isinstance(output, torch.Tensor) or output.ndim < 1:
            raise _no_prediction(wrapper, output)
        output = _for_cases(output.float(), inputs)
        demand_finite(output)
        if self.meaning is None:
            from eisen.experiments.weights import bare_module

            self.meaning = self._tell(output, bare_module(wrapper))
        return output

    @property
    def _link(self) -> Link | None:
        return cast(Meaning, self.meaning).link


def _entropy(probabilities: torch.Tensor, link: Link) -> torch.Tensor:
    """Return the mean entropy of each case in nats, (N,)."""
    surprise = torch.special.entr(probabilities)
    exclusive = link.kind == "softmax"
    whole = surprise.sum(1, keepdim=True) if exclusive else surprise + torch.special.entr(1 - probabilities)
    mean: torch.Tensor = whole.flatten(1).mean(1)
    return mean


def _for_cases(output: torch.Tensor, inputs: tuple[Any, ...]) -> torch.Tensor:
    """Return numbers per case as (N, C), also of networks that return (N,) or (N, C, 1, 1)."""
    if output.ndim == 1:
        return output.unsqueeze(1)
    image = next((value for value in inputs if isinstance(value, torch.Tensor) and value.ndim > 2), None)
    is_small = output.ndim > 2 and all(n == 1 for n in output.shape[2:])
    has_voxels = image is not None and any(n > 1 for n in image.shape[2:])
    return output.flatten(1) if is_small and has_voxels else output


def _no_prediction(wrapper: EisenModuleWrapper, output: Any) -> DataError:
    name = type(wrapper.module).__name__
    what = f"a {type(output).__name__}" if not isinstance(output, torch.Tensor) else "a number"
    return ShapeError(
        f"{name} returned {what} as '{wrapper.output_names[0]}'",
        expected="a tensor with one entry per case",
        to_do="give the prediction the first of the output_names of the model",
    )
