from .group import ProcessGroup as ProcessGroup
from .launch import Place as Place
from .launch import place_of as place_of
from .one import Distribution as Distribution
from .start import present_distribution as present_distribution
from .start import start_distribution as start_distribution
