from .dice import DiceMetric as DiceMetric
from .per_class import DicePerClass as DicePerClass
