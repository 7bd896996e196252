from .itk import LoadITKFromFilename as LoadITKFromFilename
from .nifti import LoadNiftiFromFilename as LoadNiftiFromFilename
from .nifti import geometry_of as geometry_of
from .nifti import read_nifti as read_nifti
from .pil import LoadPILImageFromFilename as LoadPILImageFromFilename
from .write import WriteNiftiToFile as WriteNiftiToFile
from .write import write_nifti as write_nifti
