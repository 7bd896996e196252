"""Whole experiments made from a few choices."""

from eisen_cli.builder.start.templates.catalogue import TEMPLATES, Template, template

__all__ = ["TEMPLATES", "Template", "template"]
