from .choose import EXECUTORS as EXECUTORS
from .choose import Executor as Executor
from .choose import executor_of as executor_of
