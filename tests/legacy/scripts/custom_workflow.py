# ruff: noqa
# Workflows of users: single methods overridden, and a loop of their own with the epoch aggregator.
import logging

import eisen
import torch
from eisen.utils import EisenModuleWrapper
from eisen.utils.logging import LoggingHook
from eisen.utils.workflows import Training
from eisen.utils.workflows.workflows import EpochDataAggregator, GenericWorkflow
from pydispatch import dispatcher
from torch import Tensor


class TwoPasses(Training):
    """Runs the model twice, as for consistency losses, and adds a term to the losses."""

    def get_output_dictionary(self, batch):
        outputs = super().get_output_dictionary(batch)
        noisy = self.model(**{"x": batch["x"] + 0.1 * torch.randn_like(batch["x"])})
        outputs["noisy"] = noisy["y"]
        return outputs

    def compute_losses(self, args):
        losses = super().compute_losses(args)
        losses.append({"consistency": ((args["y"] - args["noisy"]) ** 2).mean()})
        return losses

    def compute_metrics(self, args):
        return [{"error": (args["y"] - args["target"]).abs().mean()}]


class AdversarialTraining(GenericWorkflow):
    """A loop of its own: every second batch does not count, signals are sent by hand."""

    def __init__(self, model, data_loader, losses, optimizer, metrics=None, gpu=True):
        super(AdversarialTraining, self).__init__(model, gpu)
        self.data_loader = data_loader
        self.losses = losses
        self.optimizer = optimizer
        self.metrics = metrics if metrics is not None else []
        self.epoch_aggregator = EpochDataAggregator(self.id)
        self.epoch = 0

    def run(self):
        logging.info("INFO: Training epoch {}".format(self.epoch))
        self.model.train()
        with self.epoch_aggregator as ea:
            for i, batch in enumerate(self.data_loader):
                if i % 2:
                    continue
                if self.gpu:
                    for key in list(batch.keys()):
                        if isinstance(batch[key], Tensor):
                            batch[key] = batch[key].cuda()
                outputs, losses, metrics = self.__call__(batch)
                output_dictionary = {
                    "inputs": batch,
                    "outputs": outputs,
                    "losses": losses,
                    "metrics": metrics,
                    "model": self.model,
                    "epoch": self.epoch,
                }
                dispatcher.send(message=output_dictionary, signal=eisen.EISEN_END_BATCH_EVENT, sender=self.id)
                ea(output_dictionary)
        self.epoch += 1


class Listener:
    def __init__(self, workflow_id):
        self.batches, self.epochs = [], []
        dispatcher.connect(self.end_batch, signal=eisen.EISEN_END_BATCH_EVENT, sender=workflow_id)
        dispatcher.connect(self.end_epoch, signal=eisen.EISEN_END_EPOCH_EVENT, sender=workflow_id)

    def end_batch(self, message):
        self.batches.append(message["losses"][0])

    def end_epoch(self, message):
        self.epochs.append({name: value.mean() for row in message["losses"] for name, value in row.items()})


loader = [{"x": torch.rand(4, 2), "target": torch.rand(4, 1)} for _ in range(4)]
net = torch.nn.Linear(2, 1)
model = EisenModuleWrapper(net, ["x"], ["y"])
loss = EisenModuleWrapper(torch.nn.MSELoss(), ["y", "target"], ["mse"])

for workflow_class in (TwoPasses, AdversarialTraining):
    before = net.weight.clone()
    workflow = workflow_class(model, loader, [loss], torch.optim.SGD(model.parameters(), 0.1))
    listener = Listener(workflow.id)
    logging_hook = LoggingHook(workflow.id, "Training", None)
    for _ in range(3):
        workflow.run()
    assert len(listener.epochs) == 3 and not torch.equal(before, net.weight)
    assert workflow.epoch_aggregator.best_avg_loss < float("inf")
    assert set(workflow.epoch_aggregator.epoch_data) >= {"losses", "metrics", "model", "epoch"}
    assert len(listener.batches) == (12 if workflow_class is TwoPasses else 6)
assert set(TwoPasses(model, loader, [loss], None)(loader[0])[0]) == {"y", "noisy"}

outputs, losses, metrics = workflow({"x": torch.ones(1, 2), "target": torch.ones(1, 1)})
assert list(outputs) == ["y"] and list(losses[0]) == ["mse"] and metrics == []
