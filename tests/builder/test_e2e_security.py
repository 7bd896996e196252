"""What a started server refuses: others, other sites, and files outside of its folders."""

from __future__ import annotations

import base64
import json
import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest

pytest.importorskip("nicegui")
sys.path.append(str(Path(__file__).parent))

from browser import serving

from eisen_cli.builder.document.checking import findings_of
from eisen_cli.builder.document.document import Document
from eisen_cli.builder.server.folders import Folders
from eisen_cli.builder.start.reading.dropped import store_dropped

SECRET = "what nobody may read"
NAMES = ("/", "/start", "/runs", "/run", "/compare", "/case", "/eisen-viewer/volume", "/_nicegui_ws/socket.io/")


@dataclass(frozen=True)
class Target:
    """A started server.

    Args:
        port: Its port.
        token: Its token.
        root: The folder that it may look into; beside it lies what it may not.
        log: What it has printed.
    """

    port: int
    token: str
    root: Path
    log: Path

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def cookie(self) -> dict[str, str]:
        return {"Cookie": f"eisen_{self.port}={self.token}"}

    def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], str]:
        """Send one request; return status, headers and text of the answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.putrequest(method, path, skip_host="Host" in headers)
            for name, value in headers.items():
                connection.putheader(name.replace("_", "-"), value)
            connection.putheader("Content-Length", "0")
            connection.endheaders()
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, text
        finally:
            connection.close()

    def shake_hands(self, **headers: str) -> int:
        """Ask for a websocket; return the status of the answer, 101 when it is opened."""
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            "GET /_nicegui_ws/socket.io/?EIO=4&transport=websocket HTTP/1.1",
            f"Host: {headers.pop('Host', self.host)}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode())
            return int(connection.recv(64).split()[1])


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    root = tmp_path_factory.mktemp("server")
    inside, outside = root / "inside", root / "outside"
    for folder in (inside / "run", outside):
        folder.mkdir(parents=True)
    for name in ("secret.nii.gz", "secret.json"):
        (outside / name).write_text(SECRET, encoding="utf-8")
    (inside / "link.nii.gz").symlink_to(outside / "secret.nii.gz")
    (inside / "away").symlink_to(outside, target_is_directory=True)
    (inside / "run/image.nii.gz").write_bytes(b"a volume")
    (inside / "run/run.json").write_text("{}", encoding="utf-8")
    command = ["build", inside / "new.json", "--data_dir", inside, "--artifact_dir", inside / "run"]
    with serving(command, root / "log", cwd=inside) as server:
        parts = urlsplit(server.url)
        assert parts.port is not None
        yield Target(parts.port, parse_qs(parts.query)["token"][0], inside, root / "log")


@pytest.mark.parametrize("path", NAMES)
def test_nobody_gets_in_without_the_token(target: Target, path: str) -> None:
    for headers in ({}, {"Cookie": f"eisen_{target.port}=wrong"}, {"Authorization": f"Bearer {target.token}"}):
        status, _, text = target.get(path, **headers)
        assert status == 403
        assert target.token not in text
        assert "eisen-build" not in text
    assert target.get(f"{path}?token=wrong", **target.cookie)[0] == 403


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_no_method_gets_around_the_token(target: Target, method: str) -> None:
    assert target.get("/", method)[0] == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:{port}"},
        {"Host": "127.0.0.1.evil.example:{port}"},
        {"Host": "evil.example@127.0.0.1:{port}"},
        {"Host": "127.0.0.1:{port}.evil.example"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1.evil.example:{port}"},
        {"Origin": "http://localhost:{port}"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
    ids=str,
)
def test_no_other_site_gets_in_though_it_has_the_cookie(target: Target, headers: dict[str, str]) -> None:
    given = {name: value.format(port=target.port) for name, value in headers.items()}
    status, _, text = target.get("/", **target.cookie, **given)
    assert status == 403
    assert "eisen-build" not in text
    assert target.shake_hands(**target.cookie, **given) == 403


def test_a_websocket_needs_the_cookie(target: Target) -> None:
    assert target.shake_hands() == 403
    assert target.shake_hands(Cookie=f"eisen_{target.port}=wrong") == 403
    assert target.shake_hands(**target.cookie) == 101
    assert target.shake_hands(**target.cookie, Origin=f"http://{target.host}") == 101


def test_the_token_becomes_a_cookie_and_is_nowhere_else(target: Target) -> None:
    status, headers, _ = target.get(f"/runs?token={target.token}")
    assert (status, headers["location"]) == (303, "/runs")
    assert "HttpOnly" in headers["set-cookie"]
    assert "SameSite=Strict" in headers["set-cookie"]
    for path in ("/", "/runs", "/start"):
        status, headers, text = target.get(path, **target.cookie)
        assert status == 200
        assert target.token not in text
        assert target.token not in str(headers)
        assert headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
    shown = target.log.read_text(encoding="utf-8")
    assert shown.count(target.token) == 1  # the address for the user; no log of requests holds it


def test_it_listens_on_this_machine_only(target: Target) -> None:
    """The kernel's own table says which address the port is bound to."""
    table = Path("/proc/net/tcp")
    if not table.exists():
        pytest.skip("no table of sockets on this system")
    bound = [line.split()[1] for line in table.read_text(encoding="utf-8").splitlines()[1:] if line.split()[3] == "0A"]
    mine = [address for address in bound if int(address.split(":")[1], 16) == target.port]
    assert mine == [f"0100007F:{target.port:04X}"]
    wide = Path("/proc/net/tcp6")
    assert f":{target.port:04X} 0000000000000000" not in wide.read_text(encoding="utf-8") if wide.exists() else True


OUTSIDE = [
    "../outside/{name}",
    "run/../../outside/{name}",
    "{outside}/{name}",
    "{inside}/../outside/{name}",
    "away/{name}",
    "link.nii.gz",
    "//{outside}/{name}",
    "file://{outside}/{name}",
    "~/../..{outside}/{name}",
    "{inside}\0/../outside/{name}",
    "/proc/self/environ",
    "/etc/passwd",
]


@pytest.mark.parametrize("path", OUTSIDE)
@pytest.mark.parametrize("twice", [False, True], ids=["encoded", "encoded twice"])
def test_no_file_outside_of_the_folders_is_shown(target: Target, path: str, twice: bool) -> None:
    outside = target.root.parent / "outside"
    given = path.format(name="secret.nii.gz", outside=outside, inside=target.root)
    coded = quote(quote(given, safe="") if twice else given, safe="")
    status, _, text = target.get(f"/eisen-viewer/volume?path={coded}", **target.cookie)
    is_inside = twice or path.startswith("file:")  # then it is the name of a file that is not there
    assert status in ((403, 404) if is_inside else (403,))
    assert SECRET not in text
    for page in ("/case?artifacts=", "/run?artifacts=", "/compare?artifacts="):
        status, _, text = target.get(f"{page}{coded}", **target.cookie)
        assert SECRET not in text
        assert "secret.json" not in text
        assert status == 200
        assert is_inside or any(words in text for words in ("outside of the folders", "is no path", "null"))


def test_a_volume_inside_is_shown(target: Target) -> None:
    assert target.get("/eisen-viewer/volume?path=run/image.nii.gz", **target.cookie)[::2] == (200, "a volume")


@pytest.mark.parametrize("route", ["eisen-canvas", "eisen-flow", "_nicegui"])
@pytest.mark.parametrize(
    "path", ["../launch.py", "..%2flaunch.py", "%2e%2e/launch.py", "....//launch.py", "/etc/passwd"]
)
def test_static_folders_give_nothing_from_beside_them(target: Target, route: str, path: str) -> None:
    status, _, text = target.get(f"/{route}/{path}", **target.cookie)
    assert "def open_builder" not in text
    assert "root:" not in text
    assert status in (200, 404, 405)


@pytest.mark.parametrize("name", ["../evil.json", "/tmp/evil.json", "a/../../evil.json", "..", "", "x\0.json"])
def test_what_is_dropped_is_stored_inside_or_not_at_all(tmp_path: Path, name: str) -> None:
    from eisen._core.errors import EisenError

    data = tmp_path / "data"
    data.mkdir()
    before = set(tmp_path.rglob("*"))
    try:
        stored = store_dropped(name, b"{}", data, Folders([data]))
    except EisenError:
        assert set(tmp_path.rglob("*")) == before
    else:
        assert stored.resolve().is_relative_to(data)
        assert not (tmp_path / "evil.json").exists()


def test_opening_and_checking_runs_nothing_that_a_file_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = tmp_path / "it-ran"
    (tmp_path / "harmful.py").write_text(
        "from pathlib import Path\n"
        "class Harm:\n"
        "    def __init__(self, path: str) -> None:\n"
        "        Path(path).touch()\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    steps = [
        {"type": "harmful.Harm", "params": {"path": str(mark)}},
        {"type": "os.system", "params": {"command": f"touch {mark}"}},
        {"type": "subprocess.run", "params": {"args": ["touch", str(mark)]}},
        {"type": "builtins.eval", "params": {"source": f"open({str(mark)!r}, 'w')"}},
    ]
    file = tmp_path / "experiment.json"
    file.write_text(json.dumps({"Training": {"Transforms": steps}}), encoding="utf-8")
    document = Document.open(file)
    findings = findings_of(document.data, tmp_path)
    assert not mark.exists()
    named = {each.place[:3] for each in findings if each.kind == "error"}
    assert {("Training", "Transforms", number) for number in (1, 2, 3)} <= named, findings
