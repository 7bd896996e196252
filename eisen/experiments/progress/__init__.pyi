from .record import is_alive as is_alive
from .record import read_progress as read_progress
from .record import request_stop as request_stop
