"""What ``eisen call`` does: one request after the other, a line about each, and what to exit with."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from eisen._core.errors import ArgumentError, EisenError
from eisen_cli.exit_codes import exit_code_of
from eisen_cli.show.cards import show_error
from eisen_cli.show.screen import Screen
from eisen_cli.show.served import show_answer, show_model, show_summary
from eisen_cli.show.transfer import Transfer

if TYPE_CHECKING:
    from eisen_deploy.client import EisenServingClient, ServerAnswer

__all__ = ["Asking", "Wanted", "ask", "requests_of", "show"]

_FIELD = re.compile(r"([A-Za-z_][\w.\-]*)=(.+)")


@dataclass(frozen=True)
class Asking:
    """Who is asked.

    Args:
        url: Of a model or of a server.
        name: Of the model, if the URL is that of a server.
        settings: For the client.
    """

    url: str
    name: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def client(self) -> EisenServingClient:
        """Return a client of the model; nothing is sent yet where the URL names it."""
        from eisen_deploy.client import EisenServingClient
        from eisen_deploy.client.finding import address_of

        return EisenServingClient(address_of(self.url, self.name, **self.settings), check=False, **self.settings)


@dataclass(frozen=True)
class Wanted:
    """One request.

    Args:
        source: An image, or one per field.
        output: Where its answer goes; None: a summary.
    """

    source: Path | dict[str, Path]
    output: Path | None

    @property
    def name(self) -> str:
        """What it is called on the screen."""
        paths = list(self.source.values()) if isinstance(self.source, dict) else [self.source]
        return ", ".join(path.name or str(path) for path in paths)


def requests_of(inputs: Sequence[str], output: str | None, file_format: str | None = None) -> list[Wanted]:
    """Return what to send for the words of a command line.

    Args:
        inputs: Images, or FIELD=IMAGE.
        output: A file, a folder (made when it ends in a slash or there are several images), or None.
        file_format: Of the answers, if it is given.

    Raises:
        UsageError: If they do not fit together.

    Example:
        >>> requests_of(["t1=a.nii.gz", "t2=b.nii.gz"], "mask.nii.gz")[0].name
        'a.nii.gz, b.nii.gz'
    """
    named = [None if Path(word).exists() else _FIELD.fullmatch(word) for word in inputs]
    if any(named):
        if not all(named):
            raise click.UsageError("name the field of every image (FIELD=IMAGE), or of none")
        fields = {match[1]: Path(match[2]) for match in named if match}
        if len(fields) < len(inputs):
            raise click.UsageError("a field has two images")
        return [Wanted(fields, _place(list(fields.values())[:1], output, file_format))]
    paths = [Path(word) for word in inputs]
    place = _place(paths, output, file_format)
    return [Wanted(path, place) for path in paths]


def _place(paths: Sequence[Path], output: str | None, file_format: str | None) -> Path | None:
    """Return where answers go; folders are made."""
    from eisen_deploy.client.media import content_type_of

    if output is None:
        return None
    place = Path(output)
    if len(paths) > 1 or output.endswith(("/", "\\")):
        _check_folder(paths, place)
    elif not place.is_dir() and not file_format and content_type_of(place) == "application/octet-stream":
        raise click.UsageError(
            f"the name {place} does not say of which format it is: {place}.nii.gz, or {place}/ for a folder"
        )
    return place


def _check_folder(paths: Sequence[Path], output: Path) -> None:
    """Several images need a folder, and each its own name in it."""
    from eisen_deploy.client.media import content_type_of, stem_of

    if output.is_file() or content_type_of(output) != "application/octet-stream":
        raise click.UsageError(f"several images need a folder, and {output} is a file")
    (twice, n), *_ = Counter(stem_of(path.resolve()) for path in paths).most_common(1)
    if n > 1:
        raise click.UsageError(f"{n} images are called {twice}: their answers would have one name")
    output.mkdir(parents=True, exist_ok=True)


def show(screen: Screen, asking: Asking) -> None:
    """Write what a model is.

    Args:
        screen: Where to write.
        asking: Who is asked.
    """
    with asking.client() as client:
        metadata = client.metadata
        show_model(screen, client.url, metadata)
        screen.result({"status": "ok", "url": client.url, "metadata": metadata})


def ask(
    screen: Screen,
    asking: Asking,
    wanted: Sequence[Wanted],
    *,
    file_format: str | None,
    probabilities: bool,
    overwrite: bool,
) -> None:
    """Send one request after the other; when one fails for a reason of its own, the others go on.

    Args:
        screen: Where to write.
        asking: Who is asked.
        wanted: The requests.
        file_format: Of the answers.
        probabilities: Whether probabilities are wanted.
        overwrite: Whether files that are there are replaced.

    Raises:
        EisenError: If the only request failed.
        Exit: If one of several failed.
    """
    rows, worst = [], 0
    with asking.client() as client, Transfer(screen) as transfer:
        for number, request in enumerate(wanted):
            transfer.begin(request.name)
            try:
                answer = client.predict_file(
                    request.source,
                    request.output,
                    file_format or ("json" if request.output is None else None),
                    probabilities=probabilities,
                    overwrite=overwrite,
                    progress=transfer,
                )
            except EisenError as error:
                _in_words_of_the_command(error)
                if len(wanted) == 1:
                    raise
                worst = worst or int(exit_code_of(error))
                show_error(screen, error.note(file=request.name), exit_code_of(error))
                rows.append({"input": request.name, "status": "failed", "error": error.card.what})
                if _concerns_all(error):
                    _leave_out(screen, rows, wanted[number + 1 :])
                    break
            else:
                rows.append(_told(screen, request, answer))
    _conclude(screen, client.url, rows)
    if worst:
        raise click.exceptions.Exit(worst)


def _in_words_of_the_command(error: EisenError) -> None:
    error.card.to_do = error.card.to_do.replace("allow it with overwrite", "allow it with --overwrite")
    error.card.to_do = error.card.to_do.replace("(timeout_s)", "(--timeout)")


def _concerns_all(error: EisenError) -> bool:
    """Tell whether the next request would fail for the same reason."""
    from eisen_deploy.client import TokenError, UnreachableError

    return isinstance(error, (TokenError, UnreachableError))


def _leave_out(screen: Screen, rows: list[dict[str, Any]], rest: Sequence[Wanted]) -> None:
    if rest:
        screen.line(f"{len(rest)} more were not sent", style="warn", error=True)
    rows.extend({"input": request.name, "status": "not sent"} for request in rest)


def _told(screen: Screen, request: Wanted, answer: ServerAnswer) -> dict[str, Any]:
    """Write about an answer and return the same for machines."""
    row = {"input": request.name, "status": "ok", "seconds": round(answer.seconds, 3), "warnings": answer.warnings}
    if answer.path is not None:
        show_answer(screen, request.name, answer)
        return {**row, "output": answer.path, "bytes": answer.size, "model": answer.model}
    if answer.content_type != "application/json":
        raise ArgumentError(
            f"an answer of {answer.content_type} is not for a screen", expected="a file", to_do="name one with -o"
        )
    summary = answer.json()
    show_summary(screen, request.name, summary, answer.warnings)
    return {**row, "answer": summary, "model": answer.model}


def _conclude(screen: Screen, url: str, rows: list[dict[str, Any]]) -> None:
    failed = [row for row in rows if row["status"] != "ok"]
    if len(rows) > 1:
        warned = sum(1 for row in rows if row.get("warnings"))
        parts = [f"{len(rows) - len(failed)} of {len(rows)} images predicted"]
        parts += [f"{warned} with warnings"] if warned else []
        screen.line(", ".join(parts), style="bad" if failed else "")
    screen.result({"status": "failed" if failed else "ok", "url": url, "answers": rows})
