"""The steps that all templates share: opening files, one scale of intensities, one size, random changes."""

from __future__ import annotations

from eisen_cli.builder.start.choices import Choices
from eisen_cli.builder.start.draft import Draft
from eisen_cli.builder.start.source import Source

__all__ = ["augment", "normalize", "open_files", "resample", "to_size"]

_READERS = {
    "nifti": ("eisen.io.LoadNiftiFromFilename", "eisen.transforms.NiftiToNumpy"),
    "itk": ("eisen.io.LoadITKFromFilename", "eisen.transforms.ITKToNumpy"),
    "picture": ("eisen.io.LoadPILImageFromFilename", "eisen.transforms.PilToNumpy"),
    "dicom": ("eisen.io.LoadDICOMSeries", "eisen.transforms.NiftiToNumpy"),
}
_T = "eisen.transforms."


def open_files(draft: Draft, phase: str, choices: Choices, maps: list[str]) -> None:
    """Add what opens the files of a phase and makes arrays of them, channels first.

    Args:
        draft: The configuration.
        phase: The phase.
        choices: What was chosen.
        maps: Further fields with files of one channel: label maps, or the image to be made.
    """
    source = choices.source
    if source.format == "arrays":
        return
    images = list(source.images)
    reader, convert = _READERS[source.format]
    draft.about("reader", draft.add(phase, "Readers", reader, fields=[*images, *maps]))
    single = maps if source.in_file else [*images, *maps]
    if source.in_file:
        draft.add(phase, "Transforms", convert, fields=images, multichannel=True)
    if single:
        draft.add(phase, "Transforms", convert, fields=single)
    stacked = len(images) > 1 and not source.in_file
    if channels := [field for field in single if not (stacked and field in images)]:
        draft.add(phase, "Transforms", _T + "AddChannelDimension", fields=channels)
    if stacked:
        draft.about(
            "channels", draft.add(phase, "Transforms", _T + "StackImagesChannelwise", fields=images, dst_field="image")
        )
        draft.add(phase, "Transforms", _T + "DropFields", fields=images)
    if source.values and maps:
        mapping = {str(old): new for old, new in source.values.items()}
        place = draft.add(phase, "Transforms", _T + "RemapLabels", fields=maps, mapping=mapping)
        draft.about("values", place)


def resample(draft: Draft, phase: str, choices: Choices, fields: list[str]) -> None:
    """Add what brings all cases to one voxel size, if one was chosen."""
    if choices.spacing_mm is not None and choices.source.dimensions == 3:
        spacing = [float(number) for number in choices.spacing_mm]
        why = "One voxel size, so that a structure has the same size in voxels in every case."
        place = draft.add(phase, "Transforms", _T + "Resample", why * (phase == "Training"), fields=fields)
        draft.data[phase]["Transforms"][place[-1]]["params"]["spacing_mm"] = spacing
        draft.about("spacing", place)


def normalize(draft: Draft, phase: str, choices: Choices, fields: list[str]) -> None:
    """Add what brings the intensities of all images to one scale."""
    is_first = phase == "Training"
    kind, low, high = choices.normalization, choices.low, choices.high
    if kind == "z-score":
        why = "Mean 0 and deviation 1 per image, since the scale differs from scanner to scanner."
        params = {"fields": fields, "percentiles": [0.5, 99.5]} | (
            {"channelwise": True} if choices.source.n_channels > 1 else {}
        )
        place = draft.add(phase, "Transforms", _T + "ZScoreNormalization", why * is_first, **params)
    elif kind == "window":
        why = "A window of Hounsfield units: what lies outside would only take range away from the organs."
        params = {"fields": fields, "low": low, "high": high}
        place = draft.add(phase, "Transforms", _T + "IntensityWindow", why * is_first, **params)
    else:
        why = "A fixed range to 0..1, since all images have the same scale already."
        params = {"fields": fields, "mean": low, "std": high - low}
        place = draft.add(phase, "Transforms", _T + "FixedMeanStdNormalization", why * is_first, **params)
    draft.about("normalization", place)


def to_size(draft: Draft, phase: str, choices: Choices, fields: list[str]) -> None:
    """Add what gives all images one number of pixels, unless they have it."""
    size = [int(number) for number in choices.size]
    if choices.source.shape == tuple(size):
        return
    why = "All images get the same number of pixels, as a batch needs."
    axes = {"spatial_dims": 2} if choices.source.dimensions == 2 else {}
    params = {"fields": fields, "size": size, "anti_aliasing": True, **axes}
    draft.about("size", draft.add(phase, "Transforms", _T + "Resize", why * (phase == "Training"), **params))


def augment(draft: Draft, choices: Choices, fields: list[str]) -> None:
    """Add the random changes of training.

    Args:
        draft: The configuration.
        choices: What was chosen.
        fields: The image, and what has to move with it.
    """
    if choices.augmentation == "none":
        return
    source, image = choices.source, [fields[0]]
    axes = {"spatial_dims": 2} if source.dimensions == 2 else {}
    place = draft.add(
        "Training",
        "Transforms",
        _T + "RandomAffine",
        "Turned, zoomed and shifted a little: people do not lie in a scanner like each other.",
        **_affine(choices, fields, source),
        **axes,
    )
    draft.about("augmentation", place)
    if choices.mirror:
        flips = {"fields": fields, "axes": [0, 1] if source.dimensions == 2 else [0, 1, 2], **axes}
        draft.add("Training", "Transforms", _T + "RandomFlip", "Mirror images are as likely as the original.", **flips)
    _intensities(draft, choices, image)


def _affine(choices: Choices, fields: list[str], source: Source) -> dict[str, object]:
    is_strong = choices.augmentation == "strong"
    smallest = min(choices.size) if choices.size else 32
    move = round(max(1.0, min(8.0, smallest / 12)), 1)
    bend = {"elastic_mm": round(move * 0.75, 1), "control_points": 6} if is_strong else {}
    rotation = 15 if is_strong or source.dimensions == 2 else 10
    params = {"fields": fields, "rotation_degrees": rotation, "scale": 0.15 if is_strong else 0.1}
    return {**params, "translation_mm": move, **bend, "p": 0.8 if is_strong else 0.5}


def _intensities(draft: Draft, choices: Choices, image: list[str]) -> None:
    spread = 1.0 if choices.normalization == "z-score" else 0.3
    scale = {"fields": image, "scale": 0.15, "shift": round(0.15 * spread, 3)}
    why = "Brightness and contrast vary a little, as they do between scanners."
    draft.add("Training", "Transforms", _T + "RandomIntensityScaleShift", why, **scale)
    if choices.augmentation == "strong":
        gamma = {"fields": image, "gamma": [0.75, 1.35], "p": 0.5}
        draft.add(
            "Training", "Transforms", _T + "RandomGamma", "Tissues keep their order, not their distance.", **gamma
        )
        noise = {"fields": image, "std": [0, round(0.1 * spread, 3)], "p": 0.5}
        draft.add("Training", "Transforms", _T + "RandomNoise", "Noise, as a shorter scan would have.", **noise)
