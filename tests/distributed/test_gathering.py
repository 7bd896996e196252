"""Bringing batches together: processes played by threads, so that many cases take no time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from eisen._core.errors import ArgumentError
from eisen.datasets import ListDataset
from eisen.datasets.loading import Loader
from eisen.datasets.sharing import Share
from eisen.ops.metrics import Accuracy
from eisen.utils import EisenModuleWrapper
from eisen.utils.distributed import Distribution
from eisen.utils.events import EpochEnd
from eisen.utils.workflows import Validation
from eisen.utils.workflows.gathering import demand_mergeable, whole_batch
from eisen.utils.workflows.streams import Streams


class Threads:
    """Values that threads show each other."""

    def __init__(self, size: int) -> None:
        self.barrier = threading.Barrier(size, timeout=60)
        self.values: list[Any] = [None] * size


class Played(Distribution):
    """A process played by a thread."""

    kind = "ddp"

    def __init__(self, rank: int, size: int, threads: Threads) -> None:
        self.rank, self.size, self._threads = rank, size, threads

    def gather(self, value: Any) -> list[Any]:
        self._threads.values[self.rank] = value
        self._threads.barrier.wait()
        values = list(self._threads.values)
        self._threads.barrier.wait()
        return values

    def broadcast(self, value: Any) -> Any:
        return self.gather(value)[0]

    def any_of(self, *flags: bool) -> list[bool]:
        return [any(column) for column in zip(*self.gather(flags), strict=True)]


def in_threads(size: int, work: Callable[[Distribution], Any]) -> list[Any]:
    """Return what each process returns."""
    threads, found, errors = Threads(size), [None] * size, []

    def do(rank: int) -> None:
        try:
            found[rank] = work(Played(rank, size, threads))
        except Exception as error:
            errors.append(error)
            threads.barrier.abort()

    workers = [threading.Thread(target=do, args=(rank,)) for rank in range(size)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if errors:
        raise errors[0]
    return found


def cases(n: int) -> ListDataset:
    rng = np.random.default_rng(5)
    return ListDataset(
        [{"scores": rng.random(3), "label": int(rng.integers(3)), "weight": rng.random()} for _ in range(n)]
    )


class Scaled(torch.nn.Module):
    """A value per case with many digits, or their mean."""

    def __init__(self, per_case: bool) -> None:
        super().__init__()
        self.per_case = per_case

    def forward(self, scores, weight):
        values = (scores.float().sum(1) * weight.float()).exp()
        return values if self.per_case else values.mean()


def epoch(loader: Loader, distribution: Distribution | None, metrics: list[Any]) -> tuple[Any, ...]:
    """Return what hooks hear at the end of a validation."""
    model = EisenModuleWrapper(torch.nn.Identity(), ["scores"], ["predictions"])
    loss = EisenModuleWrapper(Scaled(per_case=False), ["predictions", "weight"], ["loss"])
    workflow = Validation(model, loader, [loss], metrics, device="cpu")
    heard: list[Any] = []
    if distribution is not None:
        workflow.distribute(distribution)
    if distribution is None or distribution.is_main:  # as hooks do
        workflow.on(EpochEnd)(lambda event: heard.append(event.message))
    workflow.run()
    aggregator = workflow.epoch_aggregator
    message = heard[0] if heard else None
    return aggregator.losses, aggregator.metrics, aggregator.n_batches, message


def metrics_of() -> list[Any]:
    from torchmetrics.classification import MulticlassAUROC
    from torchmetrics.regression import MeanSquaredError

    class Spread(MeanSquaredError):
        def update(self, scores, weight):
            super().update(scores[:, 0].contiguous().float(), weight.float())

    return [
        EisenModuleWrapper(Scaled(per_case=True), ["predictions", "weight"], ["per_case"]),
        EisenModuleWrapper(Accuracy(3), ["predictions", "label"], ["accuracy"]),
        EisenModuleWrapper(MulticlassAUROC(3), ["predictions", "label"], ["auroc"]),
        EisenModuleWrapper(Spread(), ["predictions", "weight"], ["spread"]),
    ]


@pytest.mark.filterwarnings("ignore:No (positive|negative) samples:UserWarning")
# With 7 cases the last batch is smaller, with 1 there are processes without any batch, with 6 there is none too many.
@pytest.mark.parametrize("n_cases", [7, 1, 6])
@pytest.mark.parametrize("size", [2, 3])
def test_a_validation_of_several_processes_is_that_of_one_bit_for_bit(n_cases, size, monkeypatch):
    monkeypatch.setattr(Accuracy, "compute", lambda self: self.value(self.total))  # threads have no torch.distributed
    one = epoch(Loader(cases(n_cases), 2), None, metrics_of())

    def work(distribution: Distribution) -> Any:
        loader = Loader(cases(n_cases), 2)
        loader.divide(distribution.rank, distribution.size, "batches", even=True)
        return epoch(loader, distribution, metrics_of())

    many = in_threads(size, work)
    for losses, metrics, n_batches, _ in many:
        assert losses == one[0]
        assert n_batches == one[2] == -(-n_cases // 2)
        for name in ("per_case", "auroc", "spread"):
            assert metrics[name] == one[1][name]
    heard = many[0][3]
    for kind in ("inputs", "losses", "metrics"):
        found, expected = heard[kind], one[3][kind]
        pairs = [(found, expected)] if isinstance(found, dict) else zip(found, expected, strict=True)
        for mine, his in pairs:
            for name in set(his) - {"scores", "accuracy"}:
                assert np.array_equal(mine[name], his[name]), name


def test_values_per_case_go_back_to_their_places_and_means_are_weighted():
    pieces = [(Share(0, (0, 3), 5), np.array([[0.0], [3.0]])), (Share(0, (1, 4), 5), np.array([[1.0], [4.0]]))]
    pieces.append((Share(0, (2,), 5), np.array([[2.0]])))
    assert whole_batch(pieces).ravel().tolist() == [0, 1, 2, 3, 4]
    means = [(share, values.mean()) for share, values in pieces]
    assert whole_batch(means) == pytest.approx(2.0, abs=1e-15)


def test_a_class_that_one_process_has_not_seen_does_not_lower_its_mean():
    pieces = [(Share(0, (0, 2), 3), np.array([0.5, np.nan, 0.2])), (Share(0, (1,), 3), np.array([0.8, 0.4, np.nan]))]
    assert whole_batch(pieces, n_classes=3).tolist() == pytest.approx([0.6, 0.4, 0.2])


def test_streaming_metrics_can_be_put_down_and_taken_up_by_another_number_of_processes():
    from torchmetrics.classification import BinaryAUROC

    rng = np.random.default_rng(1)
    batches = [(torch.from_numpy(rng.random(4)), torch.tensor([0, 1, 1, 0])) for _ in range(7)]

    def part(distribution: Distribution, first: int, last: int, before: Any) -> Any:
        metric = BinaryAUROC()
        streams = Streams([metric], distribution)
        if before is not None:
            streams.restore(before)
        for number in range(first, last):
            if number % distribution.size == distribution.rank:
                streams.before_batch()
                metric(*batches[number])
                streams.after_batch(Share(number, (), 0))
        states = streams.pause()
        streams.finish()
        return states, metric.compute().item()

    states = in_threads(2, lambda group: part(group, 0, 4, None))[0][0]
    found = in_threads(3, lambda group: part(group, 4, 7, states))
    whole = BinaryAUROC()
    for batch in batches:
        whole.update(*batch)
    assert {value for _, value in found} == {whole.compute().item()}


def test_a_metric_that_cannot_be_added_up_over_processes_is_refused():
    class Count(torch.nn.Module):
        def forward(self, scores):
            return scores.sum()

        def reset(self):
            pass

        def compute(self):
            return 1.0

    with pytest.raises(ArgumentError, match="Count adds up over an epoch, but not over several processes"):
        demand_mergeable([EisenModuleWrapper(Count(), ["scores"], ["n"])])


@pytest.mark.parametrize("by", ["cases", "batches"])
@pytest.mark.parametrize("size", [2, 3, 8])
def test_every_case_is_counted_once(by, size):
    data = ListDataset([{"number": n} for n in range(11)])
    seen: list[tuple[int, int]] = []
    lengths = set()
    for rank in range(size):
        loader = Loader(data, 3, shuffle=True, seed=4)
        loader.divide(rank, size, by, even=True)
        batches = list(loader)
        lengths.add(len(batches))
        for batch in (batch for batch in batches if batch.share.counts):
            seen += [(batch.share.number, number) for number in batch["number"].tolist()]
    expected = [
        (i, n) for i, batch in enumerate(Loader(data, 3, shuffle=True, seed=4)) for n in batch["number"].tolist()
    ]
    assert sorted(seen) == sorted(expected)
    assert len(lengths) == 1, "or processes would wait for each other in vain"


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("first", [0, 1, 2, 3])
def test_a_pass_can_begin_late_on_any_number_of_processes(size, first):
    seen = []
    for rank in range(size):
        loader = Loader(ListDataset([{"number": n} for n in range(7)]), 2)
        loader.divide(rank, size, "batches", even=True)
        loader.start_at(first)
        for batch in loader:
            if size == 1 or batch.share.counts:
                seen += batch["number"].tolist()
    assert sorted(seen) == list(range(2 * first, 7))


def test_weights_make_the_mean_over_processes_the_mean_over_cases():
    data = ListDataset([{"number": float(n)} for n in range(7)])
    size, total = 3, 0.0
    for rank in range(size):
        loader = Loader(data, 4)
        loader.divide(rank, size)
        *_, last = loader
        total += last.share.weight * last["number"].mean().item() / size
    assert total == pytest.approx((4 + 5 + 6) / 3)


def test_a_division_that_makes_no_sense_is_refused():
    loader = Loader(ListDataset([{"number": 1}]), 1)
    with pytest.raises(ArgumentError, match="rank is 2 of 2"):
        loader.divide(2, 2)
    with pytest.raises(ArgumentError, match="by is 'voxels'"):
        loader.divide(0, 2, "voxels")
