# ruff: noqa
# A module of a user, named in configurations: a network, a metric, a transform, a hook.
import json

import eisen
import torch
from eisen.utils.workflows import Training
from pydispatch import dispatcher


class SmallClassifier(torch.nn.Module):
    def __init__(self, input_channels, classes=2):
        super().__init__()
        self.conv = torch.nn.Conv2d(input_channels, 4, 3)
        self.head = torch.nn.Linear(4, classes)

    def forward(self, images):
        return self.head(torch.relu(self.conv(images)).mean(dim=(2, 3)))


class MeanError(torch.nn.Module):
    def forward(self, predictions, labels):
        return (predictions.argmax(dim=1) - labels).abs().float().mean()


class AddNoise:
    def __init__(self, fields, sigma=0.1):
        self.fields = fields
        self.sigma = sigma

    def __call__(self, data):
        for field in self.fields:
            data[field] = data[field] + self.sigma
        return data


class HistoryHook:
    def __init__(self, wid, stage, folder, name="history"):
        self.path = folder + "/" + name + "_" + stage + ".json"
        self.rows = []
        dispatcher.connect(self.end_epoch, signal=eisen.EISEN_END_EPOCH_EVENT, sender=wid)

    def end_epoch(self, message):
        means = {name: float(values.mean()) for row in message["losses"] for name, values in row.items()}
        self.rows.append(dict(means, epoch=message["epoch"]))
        with open(self.path, "w") as file:
            json.dump(self.rows, file)


class TrainingWithPenalty(Training):
    def __init__(self, model, data_loader, losses, optimizer, metrics=None, gpu=False, penalty=0.0):
        super(TrainingWithPenalty, self).__init__(model, data_loader, losses, optimizer, metrics, gpu)
        self.penalty = penalty

    def compute_losses(self, args):
        losses = super(TrainingWithPenalty, self).compute_losses(args)
        size = sum((weight**2).sum() for weight in self.model.parameters())
        return losses + [{"penalty": self.penalty * size}]
