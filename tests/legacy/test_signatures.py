# ruff: noqa: E501 - a table has one row per signature
"""The signatures of the original: names, order and defaults of parameters, as positional callers rely on them.

The transforms have theirs in `tests/transforms/test_contract.py`. What is new comes after these parameters, by keyword.
"""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

import pytest

# Written from the contract of the original: path (without eisen.), parameters in order.
SIGNATURES = """
io.imaging.LoadITKFromFilename(fields, data_dir)
io.imaging.LoadNiftiFromFilename(fields, data_dir, canonical=False)
io.imaging.LoadDICOMFromFilename(fields, data_dir, store_data_array=True)
io.imaging.LoadPILImageFromFilename(fields, data_dir)
io.imaging.WriteNiftiToFile(fields, name_fields=None, filename_prefix='./')
datasets.json.JsonDataset(data_dir, json_file, transform=None)
datasets.msd.MSDDataset(data_dir, json_file, phase, transform=None)
datasets.camelyon.PatchCamelyon(data_dir, x_h5_file, y_h5_file, mask_h5_file=None, transform=None)
datasets.camus.CAMUS(data_dir, with_ground_truth, with_2CH=True, with_4CH=True, with_entire_sequences=False, transform=None)
datasets.rsna_ihd.RSNAIntracranialHemorrhageDetection(data_dir, training, transform=None)
datasets.rsna_bone_age.RSNABoneAgeChallenge(data_dir, training, transform=None)
datasets.med_seg_covid19.MedSegCovid19(data_dir, image_file, mask_file=None, transform=None)
datasets.ucsd_cls_covid19.UCSDCovid19(data_dir, positive_dir, negative_dir, transform=None)
datasets.panda.PANDA(data_dir, csv_file, training, transform=None)
datasets.kaggle_covid.KaggleCovid19(data_dir, csv_file, transform=None)
datasets.abcs.ABCsDataset(data_dir, training, flat_dir_structure=False, transform=None)
datasets.abcs.ABCDataset(data_dir, training, flat_dir_structure=False, transform=None)
datasets.emidec_challenge.EMIDEC(data_dir, training, transform=None)
datasets.Brats.Brats2020(data_dir, training, transform=None)
datasets.rsna_ihd.read_rsna_kaggle_label_csv(file)
datasets.rsna_ihd.label_dict_to_array(d)
datasets.rsna_bone_age.read_bone_age_kaggle_label_csv(file, training)
datasets.Brats.read_csv(file)
models.segmentation.vnet.VNet(input_channels=3, output_channels=2, n_filters=16, filter_size=3, normalization='none', outputs_activation='sigmoid')
models.segmentation.unet.UNet(input_channels, output_channels, n_filters=64, bilinear=False, outputs_activation='sigmoid', normalization='groupnorm')
models.segmentation.unet3D.UNet3D(input_channels, output_channels, n_filters=16, outputs_activation='sigmoid', normalization='groupnorm')
models.segmentation.highres3Dnet.HighRes2DNet(input_channels, output_channels, initial_out_channels_power=4, outputs_activation='sigmoid')
models.segmentation.highres3Dnet.HighRes3DNet(input_channels, output_channels, initial_out_channels_power=4, outputs_activation='sigmoid')
models.segmentation.highres3Dnet.HighResNet(input_channels, output_channels, initial_out_channels_power=4, outputs_activation='sigmoid', dimensions=None, layers_per_residual_block=2, residual_blocks_per_dilation=3, dilations=3, batch_norm=True, instance_norm=False, residual=True, padding_mode='constant', add_dropout_layer=False)
models.segmentation.highres3Dnet.HighResNet.get_receptive_field_world(self, spacing=1)
models.segmentation.obelisk.ObeliskMIDL(num_labels, full_res, outputs_activation='sigmoid')
models.segmentation.obelisk.ObeliskMIDL.forward(self, images, sample_grid=None)
ops.losses.dice.DiceLoss(weight=1.0, dim=None)
ops.losses.dice.DiceLoss.forward(self, predictions, labels)
ops.metrics.dice.DiceMetric(weight=1.0, dim=None)
ops.metrics.dice.DiceMetric.forward(self, predictions, labels)
utils.EisenModuleWrapper(module, input_names, output_names)
utils.EisenTransformWrapper(transform, fields)
utils.EisenDatasetWrapper(dataset, field_names, transform=None)
utils.ListDataset(data_list, transform=None)
utils.EisenDatasetSplitter(fraction_train, fraction_valid=None, fraction_test=None, transform_train=None, transform_valid=None, transform_test=None)
utils.ModelParallel(module, split_size, device_ids=None, output_device=None)
utils.PipelineExecutionStreamer(operations_sequence, split_size)
utils.InputArgumentPlacementChanger(gpu_name)
utils.InputArgumentPlacementChanger.__call__(self, module, args)
utils.EisenAutoModelParallelModuleWrapper(module, number_gpus, split_size)
utils.merge_two_dicts(x, y)
utils.read_json_from_file(path)
utils.workflows.workflows.GenericWorkflow(model, gpu=True)
utils.workflows.workflows.GenericWorkflow.get_output_dictionary(self, batch)
utils.workflows.workflows.GenericWorkflow.compute_losses(self, args)
utils.workflows.workflows.GenericWorkflow.compute_metrics(self, args)
utils.workflows.workflows.GenericWorkflow.run(self)
utils.workflows.workflows.convert_output_dict_to_cpu(output_dict)
utils.workflows.workflows.EpochDataAggregator(workflow_id)
utils.workflows.training.Training(model, data_loader, losses, optimizer, metrics=None, gpu=True)
utils.workflows.training.TrainingAMP(model, data_loader, losses, optimizer, metrics=None)
utils.workflows.training.TrainingApexAMP(model, data_loader, losses, optimizer, metrics=None, opt_level='O1')
utils.workflows.validation.Validation(model, data_loader, losses, metrics=None, gpu=True)
utils.workflows.testing.Testing(model, data_loader, metrics, gpu=False)
utils.workflows.hooks.PatienceHook(workflow_id, patience, select_best_loss=True)
utils.logging.logs.LoggingHook(workflow_id, phase, artifacts_dir)
utils.logging.summaries.TensorboardSummaryHook(workflow_id, phase, artifacts_dir, comparison_pairs=None, show_all_axes=False)
utils.logging.summaries.plot_confusion_matrix(cm, classes, normalize=False)
utils.artifacts.savemodel.SaveTorchModel(artifacts_dir)
utils.artifacts.savemodel.SaveTorchModel.__call__(self, model, filename='model.pt')
utils.artifacts.savemodel.SaveONNXModel(artifacts_dir, input_size)
utils.artifacts.savemodel.SaveONNXModel.__call__(self, model, filename='model.onnx')
utils.artifacts.savemodel.SaveTorchModelHook(workflow_id, phase, artifacts_dir, select_best_loss=True, save_history=False)
utils.artifacts.savemodel.SaveONNXModelHook(workflow_id, phase, artifacts_dir, input_size, select_best_loss=True, save_history=False)
""".strip().splitlines()

OPTIONAL_NOW = {
    "utils.EisenDatasetWrapper": "field_names",
    "utils.workflows.validation.Validation": "losses",
    "utils.workflows.testing.Testing": "metrics",
    "utils.logging.logs.LoggingHook": "artifacts_dir",
}
"""What had to be given and may now be left out: None."""


def found(path: str) -> Any:
    """Return a class, function or method of the library."""
    parts = ["eisen", *path.split(".")]
    thing, rest = import_module("eisen"), parts[1:]
    while rest:
        try:
            thing = getattr(thing, rest[0])
        except AttributeError:
            thing = import_module(".".join(parts[: len(parts) - len(rest) + 1]))
        rest = rest[1:]
    return thing


@pytest.mark.parametrize("row", SIGNATURES, ids=lambda row: row.partition("(")[0])
def test_a_signature_is_that_of_the_original(row: str) -> None:
    path, _, text = row.partition("(")
    scope: dict[str, Any] = {}
    exec(f"def old({text}: ...", scope)
    parameters = [*inspect.signature(scope["old"]).parameters.values()]
    present = [*inspect.signature(found(path)).parameters.values()]
    for old, new in zip(parameters, present, strict=False):
        default = None if OPTIONAL_NOW.get(path) == old.name else old.default
        assert (new.name, new.default) == (old.name, default)
        assert new.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert len(present) >= len(parameters)
    for parameter in present[len(parameters) :]:
        assert parameter.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD or parameter.default is not parameter.empty
