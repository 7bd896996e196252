"""What was found in an archive by looking into it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from eisen_deploy.packaging.layout import Package
from eisen_deploy.packaging.pickles import PickleFacts

__all__ = ["Inspection", "MemberFacts", "State"]

Kind = Literal["safe", "pickles", "code"]


@dataclass(frozen=True)
class State:
    """What a check found.

    Args:
        state: ``"right"``; ``"wrong"``; ``"absent"``: there is nothing to check; ``"unchecked"``: nobody asked.
        text: What is wrong, or whose it is.
    """

    state: Literal["right", "wrong", "absent", "unchecked"]
    text: str = ""


@dataclass(frozen=True)
class MemberFacts:
    """A member of an archive.

    Args:
        name: As a path with ``/``.
        size: Bytes, unpacked.
        packed: Bytes in the archive.
        sha256: Of the content.
    """

    name: str
    size: int
    packed: int
    sha256: str


@dataclass(frozen=True)
class Inspection:
    """What `inspect_archive` found.

    Args:
        file: The archive.
        kind: ``"safe"``: a package of `eisen pack`, nothing in it is code but the handler of eisen; ``"pickles"``: to
            use it, pickles must be loaded, which can run anything; ``"code"``: no pickles, but code of its own.
        name: Of the model.
        version: Of the model.
        members: All members.
        digests: Whether members are what was packed.
        signature: Whether it was signed with the key that was given.
        package: What ``package.json`` says, if it is one of `eisen pack`.
        metadata: What ``metadata.json`` says.
        pickles: What pickles would import, by member.
        code: Members that are code; the handler of this version of eisen is not among them.
        requirements: Member with packages that TorchServe may install; empty: there is none.
        card: The model card; empty: there is none.
        notes: What else should be known.
    """

    file: Path
    kind: Kind
    name: str
    version: str
    members: list[MemberFacts]
    digests: State
    signature: State
    package: Package | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    pickles: dict[str, PickleFacts] = field(default_factory=dict)
    code: list[str] = field(default_factory=list)
    requirements: str = ""
    card: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def is_right(self) -> bool:
        """Whether nothing that was checked is wrong."""
        return "wrong" not in (self.digests.state, self.signature.state)
