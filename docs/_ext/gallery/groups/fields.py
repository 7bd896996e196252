"""Steps that keep the books: names of fields, channels, constants."""

from __future__ import annotations

from gallery import scenes
from gallery.entry import Entry
from gallery.panels import Look
from gallery.shows import printed, table

TITLE = "Fields"
INTRODUCTION = (
    "A data point is a dict. These steps change which fields it has, not what is in them; the tables show "
    "the data point."
)

_STACKED = [(Look("stack", channel=i), "after", f"channel {i}") for i in range(3)]

ENTRIES = [
    Entry("RenameFields", {"fields": ["image"], "new_fields": ["mr"]}, scenes.mr, table()),
    Entry("CopyFields", {"fields": ["image"], "new_fields": ["image_raw"]}, scenes.mr, table()),
    Entry("FilterFields", {"fields": ["image", "image_meta"]}, scenes.volume, table()),
    Entry("DropFields", {"fields": ["site", "label"]}, scenes.volume, table()),
    Entry("CreateConstantFlags", {"fields": ["modality", "is_train"], "values": ["MR", True]}, scenes.mr, table()),
    Entry("AddChannelDimension", {"fields": ["image", "label"]}, scenes.volume, table()),
    Entry(
        "StackImagesChannelwise",
        {"fields": ["t1", "t2", "pd"], "dst_field": "stack"},
        scenes.named_sequences,
        table(*_STACKED),
    ),
    Entry("RepeatTensor", {"fields": ["image"], "reps": [3, 1, 1, 1]}, scenes.mr, table()),
    Entry("GetShape", {"fields": ["image", "label"]}, scenes.mr, printed()),
    Entry("GetContent", {"fields": ["site"]}, scenes.volume, printed()),
]
