"""Where an answer goes: a file that appears when it is whole, or memory."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from eisen._core.atomic import atomic_write
from eisen._core.errors import ArgumentError, ArtifactError
from eisen_deploy.client.answers import ServerAnswer, warnings_of
from eisen_deploy.client.errors import ServingError
from eisen_deploy.client.media import content_type_of, stem_of, suffix_of
from eisen_deploy.client.refusals import one_line
from eisen_deploy.client.transport import Reply

__all__ = ["checked_target", "stored"]

_UNSAID = ("", "application/octet-stream")


def checked_target(output: str | Path | None, sources: list[Path], overwrite: bool, likely: str = "") -> Path | None:
    """Return where an answer shall go, looked at before a prediction is made for nothing.

    Args:
        output: A file, or a folder; None: memory.
        sources: The files that are sent, which are never written over.
        overwrite: Whether a file that is there may be replaced.
        likely: The media type that the answer will have, for its name in a folder.

    Raises:
        ArtifactError: If it cannot be written.
        ArgumentError: If it is one of the files that are sent.
    """
    if output is None:
        return None
    target = Path(output)
    folder = target if target.is_dir() else target.parent
    if not folder.is_dir():
        raise ArtifactError(f"the folder of {target} does not exist", to_do="make it first", file=str(target))
    if not os.access(folder, os.W_OK):
        raise ArtifactError(f"{folder} cannot be written to", to_do="choose another folder", file=str(target))
    in_folder = target.is_dir() and suffix_of(likely) != ".bin"
    if in_folder or not target.is_dir():
        _free(_named(target, sources, likely) if in_folder else target, sources, overwrite)
    return target


def stored(
    reply: Reply, target: Path | None, *, sources: list[Path], overwrite: bool, wanted: str | None
) -> ServerAnswer:
    """Read an answer to its end, into a file through a temporary one, or into memory.

    Args:
        reply: The answer.
        target: From `checked_target`.
        sources: The files that were sent.
        overwrite: Whether a file that is there may be replaced.
        wanted: The media type that was asked for; None: any.

    Raises:
        UnansweredError: If it breaks off; nothing is written then.
        ServingError: If it is not what was asked for.
    """
    _check_kind(reply, target, wanted)
    answer = ServerAnswer(
        content_type=reply.content_type,
        warnings=warnings_of(reply.headers),
        model=one_line(reply.headers.get("X-Eisen-Model", ""), 200),
    )
    if target is None:
        body = reply.read()
        _check_size(len(body), reply)
        return replace(answer, body=body, size=len(body), seconds=reply.seconds())
    if target.is_dir():
        target = _named(target, sources, reply.content_type)
        _free(target, sources, overwrite)
    size = 0
    with atomic_write(target) as file:
        for piece in reply.pieces():
            file.write(piece)
            size += len(piece)
        _check_size(size, reply)
    return replace(answer, path=target, size=size, seconds=reply.seconds())


def _named(folder: Path, sources: list[Path], content_type: str) -> Path:
    """Return the file in a folder, named after the first image."""
    return folder / f"{stem_of(sources[0].resolve())}{suffix_of(content_type)}"


def _free(target: Path, sources: list[Path], overwrite: bool) -> None:
    if any(target.exists() and source.exists() and target.samefile(source) for source in sources):
        raise ArgumentError(
            f"the answer would take the place of {target}, which is sent",
            to_do="choose another name or folder",
            file=str(target),
        )
    if target.exists() and not overwrite:
        raise ArtifactError(
            f"{target} is there already", to_do="choose another name, or allow it with overwrite", file=str(target)
        )


def _check_kind(reply: Reply, target: Path | None, wanted: str | None) -> None:
    """Refuse to write a web page, or JSON, under the name of a mask."""
    got, ending = reply.content_type, suffix_of(reply.content_type)
    named = content_type_of(target) if target is not None and not target.is_dir() else ""
    kind = (wanted or named).partition(";")[0].strip()
    is_right = got in _UNSAID or kind in (*_UNSAID, "*/*") or ending == suffix_of(kind)
    if is_right and "html" not in got:
        return
    raise ServingError(
        f"the server answered with {one_line(got, 100)}, not with {kind or 'a prediction'}; nothing was written",
        to_do=f"ask for {ending[1:]}" if ending != ".bin" else "is there something between you and the model server?",
        step=f"request to {reply.url}",
    )


def _check_size(size: int, reply: Reply) -> None:
    if not size:
        raise ServingError(
            "the server answered with nothing", to_do="look into its log", step=f"request to {reply.url}"
        )
