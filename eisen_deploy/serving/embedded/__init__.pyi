from .limits import Limits as Limits
from .server import EmbeddedServer as EmbeddedServer
