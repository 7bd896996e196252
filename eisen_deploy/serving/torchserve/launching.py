"""The command line and the surroundings of TorchServe's process."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import eisen_deploy
from eisen._core.atomic import atomic_write
from eisen._core.errors import ArgumentError
from eisen_deploy.serving.gate import GATE
from eisen_deploy.serving.torchserve.finding import find_java, find_torchserve
from eisen_deploy.serving.torchserve.staging import Staged

if TYPE_CHECKING:
    from eisen_deploy.serving.settings import ServerSettings

__all__ = ["Workplace", "command_line", "environment"]

_GUARD = Path(__file__).with_name("guard.py")
_SOCKET, _LONGEST = ".ts.sock.9000", 100
_FOREIGN = ("TS_CONFIG_FILE", "TS_MODEL_SERVER_HOME")
"""Environment variables that would win over the configuration."""

_LOGS = """<?xml version="1.0" encoding="UTF-8"?>
<Configuration>
  <Appenders>{files}
    <Console name="console" target="SYSTEM_ERR"><PatternLayout pattern="%m%n"/></Console>
  </Appenders>
  <Loggers>
    <Logger name="MODEL_LOG" level="all" additivity="false"><AppenderRef ref="model_log"/></Logger>
    <Logger name="ACCESS_LOG" level="info" additivity="false"><AppenderRef ref="access_log"/></Logger>
    <Logger name="MODEL_METRICS" level="off"/>
    <Logger name="TS_METRICS" level="off"/>
    <Logger name="io.netty" level="error"/>
    <Logger name="org.apache" level="off"/>
    <Root level="info"><AppenderRef ref="ts_log"/><AppenderRef ref="console" level="error"/></Root>
  </Loggers>
</Configuration>
"""
_LOG_FILE = """
    <RollingFile name="{name}" fileName="${{env:LOG_LOCATION}}/{name}.log"
                 filePattern="${{env:LOG_LOCATION}}/{name}.%i.log">
      <PatternLayout pattern="%d{{ISO8601}} [%-5p] %t %c - %m%n"/>
      <Policies><SizeBasedTriggeringPolicy size="10 MB"/></Policies>
      <DefaultRolloverStrategy max="2"/>
    </RollingFile>"""


@dataclass(frozen=True)
class Workplace:
    """The folder of one server, and what is in it.

    Args:
        folder: The folder.

    Example:
        >>> Workplace(Path("server")).model_log.as_posix()
        'server/logs/model_log.log'
    """

    folder: Path

    @property
    def store(self) -> Path:
        """Folder with the archives."""
        return self.folder / "store"

    @property
    def scratch(self) -> Path:
        """Folder for sockets, unpacked archives and the files of requests."""
        return self.folder / "tmp"

    @property
    def logs(self) -> Path:
        """Folder with the logs."""
        return self.folder / "logs"

    @property
    def model_log(self) -> Path:
        """What the workers print."""
        return self.logs / "model_log.log"

    @property
    def server_log(self) -> Path:
        """What the server itself has to say."""
        return self.logs / "ts_log.log"

    @property
    def console(self) -> Path:
        """What Java prints; empty when all is well."""
        return self.logs / "console.log"

    @property
    def config(self) -> Path:
        """The ``config.properties``."""
        return self.folder / "config.properties"

    @property
    def log_config(self) -> Path:
        """Which logs are written, and how long they may get."""
        return self.folder / "log4j2.xml"

    @property
    def keys(self) -> Path:
        """The tokens, which TorchServe writes at its start."""
        return self.folder / "key_file.json"

    def make(self) -> None:
        """Make the folders.

        Raises:
            ArgumentError: If the name is so long that no socket fits into the folder.
        """
        beyond = len(os.fsencode(self.scratch / _SOCKET)) - _LONGEST
        if beyond > 0:
            raise ArgumentError(
                f"the name of the folder is too long for TorchServe's sockets: {self.folder}",
                expected=f"a name that is shorter by {beyond} bytes",
                to_do="choose a folder nearer to the root",
            )
        for folder in (self.folder, self.store, self.scratch, self.logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def write(self, config: str) -> None:
        """Write the configurations of the server and of its logs.

        Args:
            config: The content of ``config.properties``.
        """
        files = "".join(_LOG_FILE.format(name=name) for name in ("model_log", "ts_log", "access_log"))
        for path, text in ((self.config, config), (self.log_config, _LOGS.format(files=files))):
            with atomic_write(path, "w") as file:
                file.write(text)

    def clear(self) -> None:
        """Remove all that a server makes; everything else in the folder stays."""
        for folder in (self.store, self.scratch, self.logs):
            shutil.rmtree(folder, ignore_errors=True)
        for file in (self.config, self.log_config, self.keys):
            file.unlink(missing_ok=True)


def command_line(place: Workplace, models: Iterable[Staged]) -> list[str]:
    """Return what starts TorchServe as ``torchserve --start`` does it, but in this process's care.

    Args:
        place: The folder of the server.
        models: What it loads.
    """
    home = find_torchserve()
    java = [str(find_java()), f"-Dmodel_server_home={home}", f"-Djava.io.tmpdir={place.scratch}"]
    java += [f"-Dlog4j.configurationFile={place.log_config.as_uri()}", "-cp", str(home / "ts" / "frontend" / "*")]
    server = ["org.pytorch.serve.ModelServer", "--python", sys.executable, "-f", str(place.config)]
    server += ["-s", str(place.store), "-ncs", "-m", *(model.argument for model in models)]
    return [sys.executable, "-I", "-S", str(_GUARD), str(os.getpid()), *java, *server]


def environment(place: Workplace, settings: ServerSettings) -> dict[str, str]:
    """Return the environment of the server and of its workers, which run in the Python of this process.

    Args:
        place: The folder of the server.
        settings: How the models are served: device, threads, gate.
    """
    values = {key: value for key, value in os.environ.items() if key not in _FOREIGN}
    values |= {"TMPDIR": str(place.scratch), "TEMP": str(place.scratch), "TMP": str(place.scratch)}
    values |= {"LOG_LOCATION": str(place.logs), "METRICS_LOCATION": str(place.logs)}
    ours = str(Path(eisen_deploy.__file__).resolve().parents[1])
    if ours not in sysconfig.get_paths().values():  # a checkout, or an editable installation
        values["PYTHONPATH"] = os.pathsep.join(filter(None, [ours, values.get("PYTHONPATH")]))
    values["OMP_NUM_THREADS"] = str(settings.threads or max(1, (os.cpu_count() or 1) // settings.workers))
    if settings.gate:
        values[GATE] = settings.gate
    if settings.device and settings.device.startswith("cuda:"):
        number = settings.device.partition(":")[2]
        values["CUDA_VISIBLE_DEVICES"] = _nth(number, values.get("CUDA_VISIBLE_DEVICES"))
    return values


def _nth(number: str, visible: str | None) -> str:
    """Return the name of a device among those that this process sees."""
    devices = visible.split(",") if visible else []
    return devices[int(number)] if number.isdigit() and int(number) < len(devices) else number
