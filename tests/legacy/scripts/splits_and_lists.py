# ruff: noqa
# Splitting, lists, datasets of users.
import numpy as np
import torch
from eisen.datasets import MSDDataset
from eisen.utils import EisenDatasetSplitter, ListDataset, merge_two_dicts, read_json_from_file
from torch.utils.data import ConcatDataset, DataLoader, Dataset, Subset, random_split


class Patches(Dataset):
    """Returns dictionaries, keeps its transform in an attribute, has no base class of eisen."""

    def __init__(self, data_dir, transform=None):
        self.data_dir = data_dir
        self.transform = transform

    def __len__(self):
        return 10

    def __getitem__(self, index):
        item = {"image": np.full((1, 4, 4), index, dtype=np.float32), "label": index % 2}
        if self.transform:
            item = self.transform(item)
        return item


def add_one(data):
    data["image"] += 1
    return data


np.random.seed(3)
splitter = EisenDatasetSplitter(0.8, 0.1, 0.1, transform_train=add_one)
train, valid, test = splitter(Patches("./data"))
assert (len(train), len(valid), len(test)) == (8, 1, 1)
assert isinstance(train, ListDataset)
first = [int(train[i]["image"].max()) for i in range(8)]
again = [int(train[i]["image"].max()) for i in range(8)]
assert first == again and len(set(first)) == 8
assert set(np.array(first) - 1) | {int(valid[0]["image"].max()), int(test[0]["image"].max())} == set(range(10))

np.random.seed(3)
same = EisenDatasetSplitter(0.8, 0.1, 0.1, transform_train=add_one)(Patches("./data"))[0]
assert [int(same[i]["image"].max()) for i in range(8)] == first

train, valid, test = EisenDatasetSplitter(fraction_train=0.5, fraction_valid=0.5)(
    MSDDataset("./data/decathlon", "dataset.json", "training")
)
assert (len(train), len(valid), len(test)) == (2, 2, 0)

items = ListDataset([{"image": torch.zeros(2)}, {"image": torch.ones(2)}], transform=add_one)
assert len(items) == 2 and items[torch.tensor(1)]["image"].tolist() == [2.0, 2.0]
batch = next(iter(DataLoader(items, batch_size=2, num_workers=0)))
assert batch["image"].shape == (2, 2)

dataset = MSDDataset("./data/decathlon", "dataset.json", "training")
assert dataset[0]["image"].startswith("./imagesTr/")
dataset.transform = lambda data: {"name": data["image"]}
assert list(dataset[0]) == ["name"]
assert list(MSDDataset("./data/decathlon", "dataset.json", "test")[0]) == ["image"]
half, rest = random_split(dataset, [2, 2])
assert len(ConcatDataset([half, rest, Subset(dataset, [0])])) == 5

assert merge_two_dicts({"a": 1, "b": 1}, {"b": 2}) == {"a": 1, "b": 2}
assert read_json_from_file("./data/decathlon/dataset.json")["name"] == "Heart"
for missing in ({"json_file": "none.json", "phase": "training"}, {"json_file": "dataset.json", "phase": "validation"}):
    try:
        MSDDataset("./data/decathlon", **missing)
    except (FileNotFoundError, KeyError) as error:
        print(type(error).__name__)
    else:
        raise SystemExit("this should have been an error")
try:
    next(iter(dataset))
    dataset[99]
except IndexError:
    pass
