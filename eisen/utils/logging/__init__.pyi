from .files import CSVHook as CSVHook
from .files import JSONLinesHook as JSONLinesHook
from .logs import LoggingHook as LoggingHook
from .summaries import TensorboardSummaryHook as TensorboardSummaryHook
from .summaries import plot_confusion_matrix as plot_confusion_matrix
from .trackers import MLflowHook as MLflowHook
from .trackers import WeightsAndBiasesHook as WeightsAndBiasesHook
