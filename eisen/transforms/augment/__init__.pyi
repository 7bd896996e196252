from .affine import RandomAffine as RandomAffine
from .flip import RandomFlip as RandomFlip
from .intensity import RandomGamma as RandomGamma
from .intensity import RandomIntensityScaleShift as RandomIntensityScaleShift
from .intensity import RandomNoise as RandomNoise
