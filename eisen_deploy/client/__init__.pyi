from .answers import ServerAnswer as ServerAnswer
from .client import EisenServingClient as EisenServingClient
from .errors import InputRefusedError as InputRefusedError
from .errors import RefusedError as RefusedError
from .errors import ServingError as ServingError
from .errors import TokenError as TokenError
from .errors import UnansweredError as UnansweredError
from .errors import UnreachableError as UnreachableError
