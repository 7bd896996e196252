from .resnet import ResNet as ResNet
from .torchvision_classifier import TorchvisionClassifier as TorchvisionClassifier
from .vgg3d import VGG3D as VGG3D
