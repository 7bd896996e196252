from .handlers import EisenServingHandler as EisenServingHandler
from .messages import Answer as Answer
from .messages import Refusal as Refusal
from .messages import Request as Request
from .service import Service as Service
