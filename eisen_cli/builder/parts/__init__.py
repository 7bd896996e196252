"""The modules that an experiment can be built from, and how each of their parameters is typed; without any page."""

from eisen_cli.builder.parts.catalogue import Catalogue, load_catalogue
from eisen_cli.builder.parts.fields import FieldSpec
from eisen_cli.builder.parts.part import Part

__all__ = ["Catalogue", "FieldSpec", "Part", "load_catalogue"]
