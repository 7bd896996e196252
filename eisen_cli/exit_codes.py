"""What the exit code of every command means."""

from __future__ import annotations

from enum import IntEnum

from eisen._core.errors import (
    ArgumentError,
    ArtifactError,
    ConfigError,
    DataError,
    EisenError,
    MissingExtraError,
)

__all__ = ["ExitCode", "exit_code_of", "explained"]


class ExitCode(IntEnum):
    """The number a command ends with.

    Example:
        >>> int(ExitCode.CONFIG), ExitCode.CONFIG.meaning
        (3, 'the configuration is wrong')
    """

    OK = 0
    FAILED = 1
    USAGE = 2
    CONFIG = 3
    DATA = 4
    ARTIFACTS = 5
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """One phrase for people."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.OK: "everything went well",
    ExitCode.FAILED: "the run failed, or a package is missing",
    ExitCode.USAGE: "the command line is wrong",
    ExitCode.CONFIG: "the configuration is wrong",
    ExitCode.DATA: "the data cannot be used",
    ExitCode.ARTIFACTS: "a result cannot be written or read back",
    ExitCode.INTERRUPTED: "stopped by Ctrl-C; the checkpoint is usable",
}

_BY_ERROR: list[tuple[type[EisenError], ExitCode]] = [
    (ConfigError, ExitCode.CONFIG),
    (ArgumentError, ExitCode.CONFIG),
    (DataError, ExitCode.DATA),
    (ArtifactError, ExitCode.ARTIFACTS),
    (MissingExtraError, ExitCode.FAILED),
]


def exit_code_of(error: BaseException) -> ExitCode:
    """Return the exit code for an error that ended a command.

    Example:
        >>> from eisen._core.errors import MissingFileError
        >>> exit_code_of(MissingFileError("there is no scan.nii.gz"))
        <ExitCode.DATA: 4>
        >>> exit_code_of(ZeroDivisionError())
        <ExitCode.FAILED: 1>
    """
    if isinstance(error, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    return next((code for kind, code in _BY_ERROR if isinstance(error, kind)), ExitCode.FAILED)


def explained() -> str:
    """Return one line per exit code, for the help text."""
    return "\n".join(f"{code.value:>5}  {code.meaning}" for code in ExitCode)
