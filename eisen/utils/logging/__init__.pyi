from .logs import LoggingHook as LoggingHook
from .summaries import TensorboardSummaryHook as TensorboardSummaryHook
from .summaries import plot_confusion_matrix as plot_confusion_matrix
