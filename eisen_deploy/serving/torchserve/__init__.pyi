from .config import Ports as Ports
from .config import config_text as config_text
from .finding import has_java as has_java
from .finding import has_torchserve as has_torchserve
from .process import TorchServe as TorchServe
from .staging import Staged as Staged
