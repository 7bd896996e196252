from .base import CaseInput as CaseInput
from .base import Evaluator as Evaluator
from .classification import ClassificationEvaluator as ClassificationEvaluator
from .image import ImageEvaluator as ImageEvaluator
from .segmentation import SegmentationEvaluator as SegmentationEvaluator
