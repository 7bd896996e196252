from .overlap import Dice as Dice
