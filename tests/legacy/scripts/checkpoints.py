# ruff: noqa
# Weights that the hooks of Eisen 0.0.9 (HEAD) have saved: key layout of every network, shapes by hand.
import torch
from eisen.models.segmentation import HighRes3DNet, ObeliskMIDL, UNet, UNet3D, VNet


def conv(key, out, inp, *kernel, bias=True):
    return {key + ".weight": (out, inp, *kernel), **({key + ".bias": (out,)} if bias else {})}


def norm(key, channels):
    return {key + ".weight": (channels,), key + ".bias": (channels,)}


def vnet():
    shapes, depth, words = {}, [1, 2, 3, 3, 3, 3, 3, 2, 1], "one two three four five six seven eight nine".split()
    widths = [16, 32, 64, 128, 256, 128, 64, 32, 16]
    for level, word in enumerate(words):
        for i in range(depth[level]):
            inputs = 1 if (level, i) == (0, 0) else widths[level]
            shapes.update(conv(f"block_{word}.conv.{3 * i}", widths[level], inputs, 3, 3, 3))
            shapes.update(norm(f"block_{word}.conv.{3 * i + 1}", widths[level]))
    for level, word in enumerate(words[:4]):
        shapes.update(conv(f"block_{word}_dw.conv.0", widths[level + 1], widths[level], 2, 2, 2))
        shapes.update(norm(f"block_{word}_dw.conv.1", widths[level + 1]))
    for level, word in enumerate(words[4:8], start=4):
        shapes.update(conv(f"block_{word}_up.conv.0", widths[level], widths[level + 1], 2, 2, 2))
        shapes[f"block_{word}_up.conv.0.bias"] = (widths[level + 1],)
        shapes.update(norm(f"block_{word}_up.conv.1", widths[level + 1]))
    return {**shapes, **conv("out_conv", 1, 16, 1, 1, 1)}


def unet():
    def double(key, inputs, out):
        first = {**conv(f"{key}.double_conv.0", out, inputs, 3, 3), **norm(f"{key}.double_conv.1", out)}
        return {**first, **conv(f"{key}.double_conv.3", out, out, 3, 3), **norm(f"{key}.double_conv.4", out)}

    shapes = double("inc", 1, 64)
    for i, (inputs, out) in enumerate([(64, 128), (128, 256), (256, 512), (512, 512)], start=1):
        shapes.update(double(f"down{i}.maxpool_conv.1", inputs, out))
    for i, (half, out) in enumerate([(512, 256), (256, 128), (128, 64), (64, 64)], start=1):
        shapes.update(conv(f"up{i}.up", half, half, 2, 2))
        shapes.update(double(f"up{i}.conv", 2 * half, out))
    return {**shapes, **conv("outc.conv", 1, 64, 1, 1)}


COUNTS = {"VNet": 60, "UNet": 82, "UNet3D": 110, "HighRes": 120, "Obelisk": 39}
for network, shapes in ((VNet(1, 1, 16, 3, "groupnorm"), vnet()), (UNet(1, 1), unet())):
    old = {key: torch.randn(shape) for key, shape in shapes.items()}
    network.load_state_dict(old)
    assert {key: tuple(value.shape) for key, value in network.state_dict().items()} == shapes

assert len(VNet(1, 1).state_dict()) == COUNTS["VNet"] and len(unet()) == COUNTS["UNet"]
assert len(VNet(1, 1, normalization="batchnorm").state_dict()) == 205
assert len(UNet(1, 1, bilinear=True).state_dict()) == 74
unet3d = list(UNet3D(1, 1, 16).state_dict())
assert len(unet3d) == COUNTS["UNet3D"]
for key in (
    "down_1.0.0.weight",
    "down_5.0.1.bias",
    "bridge.1.weight",
    "bridge.2.weight",
    "trans_1.0.weight",
    "trans_5.1.bias",
    "up_3.0.0.weight",
    "up_5.2.bias",
    "out.0.weight",
):
    assert key in unet3d, key
highres = list(HighRes3DNet(1, 1).state_dict())
assert (
    len(highres) == COUNTS["HighRes"]
    and len(HighRes3DNet(1, 1, batch_norm=False, instance_norm=True).state_dict()) == 20
)
for key in (
    "block.0.convolutional_block.1.weight",
    "block.0.convolutional_block.2.running_mean",
    "block.3.dilation_block.2.residual_block.1.convolutional_block.0.weight",
    "block.1.dilation_block.0.residual_block.0.convolutional_block.3.weight",
    "block.4.convolutional_block.0.weight",
    "block.4.convolutional_block.1.bias",
):
    assert key in highres, key
obelisk = list(ObeliskMIDL(4, (8, 8, 8)).state_dict())
assert len(obelisk) == COUNTS["Obelisk"]
for key in ("offset1", "LIN1.weight", "BN1.running_var", "LIN3a.weight", "LIN3d.weight", "BN3b.weight", "LIN4.bias"):
    assert key in obelisk, key
