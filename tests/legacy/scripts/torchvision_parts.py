# ruff: noqa
# Classification with the parts of torchvision, in the way of the blog: nothing imported from eisen but eisen.
import os

import eisen
import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.models import resnet18


class Digits(Dataset):
    """What torchvision.datasets.MNIST gives, without the download."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        pixels = np.random.RandomState(index).randint(0, 255, (28, 28)).astype("uint8")
        return Image.fromarray(pixels), index % 4


class Classes(torch.nn.Module):
    def forward(self, logits):
        return torch.argmax(logits, dim=1)


class LogitsAndClasses(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.network = resnet18(num_classes=4)
        self.classes = Classes()

    def forward(self, image):
        logits = self.network(image)
        return logits, self.classes(logits)


tform = transforms.Compose(
    [
        eisen.utils.EisenTransformWrapper(transforms.ToTensor(), ["image"]),
        eisen.utils.EisenTransformWrapper(transforms.Normalize((0.1307,), (0.3081,)), ["image"]),
        eisen.transforms.RepeatTensor(["image"], (3, 1, 1)),
    ]
)
mnist_training_dataset = eisen.utils.EisenDatasetWrapper(Digits(), ["image", "label"], tform)
loader_training = DataLoader(mnist_training_dataset, batch_size=4, shuffle=True)

model = eisen.utils.EisenModuleWrapper(LogitsAndClasses(), ["image"], ["logits", "predictions"])
loss = eisen.utils.EisenModuleWrapper(torch.nn.CrossEntropyLoss(), ["logits", "label"], ["loss"])
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

training_workflow = eisen.utils.workflows.Training(
    model=model, losses=[loss, loss], data_loader=loader_training, optimizer=optimizer, metrics=[], gpu=True
)
os.makedirs("./results", exist_ok=True)
training_tb_hook = eisen.utils.logging.TensorboardSummaryHook(
    training_workflow.id, "Training", "./results", comparison_pairs=[["label", "predictions"]]
)
blog_hook = eisen.utils.logging.TensorboardSummaryHook(
    training_workflow.id, "Blog", "./results", comparison_pairs=[["label", "logits"]]
)
for epoch in range(2):
    training_workflow.run()
training_tb_hook.writer.close()
blog_hook.writer.close()

inference = eisen.utils.EisenModuleWrapper(resnet18(num_classes=10), ["image"], ["logits"])
assert inference(torch.zeros(2, 3, 28, 28))["logits"].shape == (2, 10)
assert inference(image=torch.zeros(2, 3, 28, 28), label=3)["logits"].shape == (2, 10)
matrix = eisen.utils.logging.plot_confusion_matrix(np.eye(2, dtype=int), ["cat", "dog"], normalize=True)
assert matrix.dtype == np.uint8 and matrix.shape[-1] == 4
assert isinstance(eisen.__version__, str) and eisen.EPS == 1e-5
assert eisen.models.UNet is eisen.models.segmentation.unet.UNet
