"""The snippets of Eisen's own documentation run as they are written there, with values where it leaves them out."""

from __future__ import annotations

import socketserver
import threading
import wsgiref.simple_server
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from click.testing import CliRunner

from eisen_cli.main import cli
from eisen_deploy.packaging import unpack
from eisen_deploy.serving import Request, Service
from eisen_deploy.utils import unpack as unpack_message

ROOT = Path(__file__).parents[2]

PACKING = """
from eisen_deploy.packaging import EisenServingMAR

my_model = MODEL

my_pre_processing = STEP

my_post_processing = STEP

metadata = {'inputs': [], 'outputs': []}  # metadata dictionary

mar_creator = EisenServingMAR(my_pre_processing, my_post_processing, metadata)

mar_creator.pack(my_model, '/path/to/archive')
"""

ASKING = """
from eisen_deploy.client import EisenServingClient

client = EisenServingClient(url='http://localhost/...')

metadata = client.get_metadata()

output = client.predict(input_data)
"""

METADATA = """
metadata = {
    'inputs': [{'name': 'x', 'type': 'ndarray', 'shape': [-1, 2]}],
    'outputs': [{'name': 'y', 'type': 'ndarray', 'shape': [-1, 1]}],
    'model_input_list': ['x'],
    'model_output_list': ['y'],
}
"""


def same(data: dict[str, Any]) -> dict[str, Any]:
    return data


def executed(text: str, **given: Any) -> dict[str, Any]:
    scope: dict[str, Any] = {"__name__": "snippet", **given}
    exec(compile(text, "snippet", "exec"), scope)
    return scope


def packed(folder: Path, text: str = PACKING) -> Path:
    executed(text.replace("/path/to/archive", str(folder)), MODEL=torch.nn.Linear(2, 1), STEP=same)
    return folder / "model.mar"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """What the snippet packs, with metadata that declare something, behind the worker core."""
    declared = PACKING.replace("metadata = {'inputs': [], 'outputs': []}  # metadata dictionary", METADATA)
    unpack(packed(tmp_path, declared), tmp_path / "model")
    with Service.open(tmp_path / "model") as service:
        yield service


class Quiet(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def url(service: Service) -> Iterator[str]:
    """Where it answers."""

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        (reply,) = service.answer([Request(body, {"content-type": environ.get("CONTENT_TYPE", "")})])
        head = [("Content-Type", reply.content_type), ("Content-Length", str(len(reply.body)))]
        start(f"{int(reply.status)} as told", head)
        return [reply.body]

    class Server(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
        daemon_threads = True

    server = wsgiref.simple_server.make_server("127.0.0.1", 0, answer, Server, Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/predictions/model"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_snippet_that_packs(tmp_path: Path) -> None:
    """Without a name the archive is called as in ``torchserve --models model.mar``."""
    archive = packed(tmp_path)
    unpack(archive, tmp_path / "model")
    with Service.open(tmp_path / "model") as service:
        assert service.metadata["inputs"] == service.metadata["outputs"] == []


def test_what_it_packs_predicts(service: Service) -> None:
    from eisen_deploy.utils import pack

    x = np.ones((3, 2), np.float32)
    answer = service.answer([Request(pack({"x": x}))])[0]
    assert unpack_message(answer.body)["y"].shape == (3, 1)


def test_the_snippet_that_asks(url: str) -> None:
    x = np.arange(6, dtype=np.float32).reshape(3, 2)
    done = executed(ASKING.replace("http://localhost/...", url), input_data={"x": x})
    assert [entry["name"] for entry in done["metadata"]["inputs"]] == ["x"]
    assert done["output"]["y"].shape == (3, 1)


COMMANDS = ("pack", "serve", "call", "inspect", "keys")
PAGES = [f"docs/{name}.md" for name in ("serving", "serving-quickstart", "packaging", "package-security", "client")]


def lines_of(page: str) -> list[str]:
    """Return the lines in shell blocks, comments cut off."""
    text, inside, found = (ROOT / page).read_text(encoding="utf-8"), False, []
    for line in text.splitlines():
        if line.startswith("```"):
            inside = line == "```sh"
        elif inside:
            found.append(line.partition("  #")[0].strip())
    return found


@pytest.mark.parametrize("page", [*PAGES, "README.md"])
def test_every_option_of_the_pages_is_there(page: str) -> None:
    """Options that commands of the pages name are options that these commands have."""
    helps = {name: CliRunner().invoke(cli, [name, "--help"]).output for name in COMMANDS}
    for line in lines_of(page):
        words = line.split()
        if words[:1] == ["eisen"] and words[1] in COMMANDS:
            options = [word for word in words[2:] if word.startswith("-")]
            missing = [option for option in options if option not in helps[words[1]]]
            assert not missing, line


def test_the_options_of_the_tables_are_there() -> None:
    pages = {"docs/serving.md": "serve", "docs/packaging.md": "pack"}
    for page, command in pages.items():
        known = CliRunner().invoke(cli, [command, "--help"]).output
        rows = [row for row in (ROOT / page).read_text(encoding="utf-8").splitlines() if row.startswith("| `--")]
        words = {word.strip("`,") for row in rows for word in row.split(" | ")[0].split() if "--" in word}
        assert len(words) > 8
        assert not [word for word in words if word not in known and word != "--engine"], page


def test_every_option_of_serve_is_in_the_table() -> None:
    from eisen_cli.commands.serve import serve

    page = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    options = [option for parameter in serve.params for option in parameter.opts if option.startswith("--")]
    assert not [option for option in options if option not in page and option != "--debug"]


def test_the_container_of_the_recipe_starts_as_eisen_serve_does(tmp_path: Path) -> None:
    """The command line of the Dockerfile is understood down to the first file that is not there."""
    page = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    words = page.partition("CMD [")[2].partition("]")[0].replace("\\\n", "").replace('"', "").split(",")
    told = [word.strip() for word in words]
    assert told[:2] == ["eisen", "serve"]
    (tmp_path / "token").write_text("a-token-that-is-long-enough\n", encoding="utf-8")
    for name in ("tls.crt", "tls.key"):
        (tmp_path / name).write_text("", encoding="utf-8")
    mounted = {f"/tls/{name}": str(tmp_path / name) for name in ("tls.crt", "tls.key")}
    mounted["/token/token"] = str(tmp_path / "token")
    done = CliRunner().invoke(cli, [mounted.get(word, word) for word in told[1:]])
    assert "/models/hippocampus.mar" in done.output, done.output


def test_the_recipes_for_clusters_are_yaml() -> None:
    page = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    blocks = [part.partition("```")[0] for part in page.split("```yaml\n")[1:]]
    kinds = [document["kind"] for block in blocks for document in yaml.safe_load_all(block)]
    assert kinds == ["Deployment", "Service", "InferenceService"]
