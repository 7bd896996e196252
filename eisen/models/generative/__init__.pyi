from .dcgan import DCGANDiscriminator as DCGANDiscriminator
from .dcgan import DCGANGenerator as DCGANGenerator
from .gan import GAN as GAN
