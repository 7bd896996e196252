from .unet3D import UNet3D as UNet3D
from .vnet import VNet as VNet
