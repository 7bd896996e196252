from .segmentation.unet3D import UNet3D as UNet3D
from .segmentation.vnet import VNet as VNet
