"""The script of a configuration that has no form of its own: the configuration itself, and what runs it."""

from __future__ import annotations

from eisen.config import Experiment
from eisen_cli.builder.start.script.code import assignment

__all__ = ["run_script"]

_HEAD = '''"""An experiment of eisen as a script: python SCRIPT.py FOLDER_OF_THE_DATA [EPOCHS] [OUTPUT]

The configuration is used as it is, by eisen.experiments.Run: there is no shorter form for {why}.
"""

import sys

from eisen.config import read_config
from eisen.experiments import Run
'''
_END = """

if __name__ == "__main__":
    arguments = [*sys.argv[1:], *["data", {epochs}, "output"][len(sys.argv) - 1 :]]
    run = Run(read_config(CONFIG), arguments[0], arguments[2])
    for row in run.train(int(arguments[1])).rows:
        print(row.phase.lower(), row.epoch + 1, {{**row.losses, **row.metrics}})
"""


def run_script(experiment: Experiment, why: str) -> str:
    """Return the script.

    Args:
        experiment: The configuration.
        why: What has no form of its own.
    """
    config = "\n".join(assignment("CONFIG", experiment.resolved(), 0))
    return _HEAD.format(why=why) + "\n" + config + "\n" + _END.format(epochs=experiment.hyper.epochs or 10)
