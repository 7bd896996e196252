"""NiiVue as a script that pages can import.

The ipyniivue package holds NiiVue and a bridge to notebooks in one file, and exports the bridge only. The bridge cannot
be used here: it keeps a single viewer per page, asks the widget manager of a notebook for a model per volume, which
NiceGUI does not have, and sends every movement of the mouse to Python. So the script is served as it is with one more
export, the class ``Niivue``, whose shortened name is read off the line where the bridge makes its viewer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from eisen._core.errors import MissingExtraError
from eisen._core.optional import require

__all__ = ["Bundle", "niivue", "with_class"]

_MADE = re.compile(r'"Creating new Niivue instance"\).{0,200}?=new ([\w$]+)\(', re.DOTALL)
_EXPORT = re.compile(r"export\s*\{\s*([\w$]+) as default\s*\}")


@dataclass(frozen=True)
class Bundle:
    """A script to be served.

    Args:
        text: Its bytes.
        tag: Differs when the text does.
    """

    text: bytes
    tag: str


@cache
def niivue() -> Bundle:
    """Return NiiVue as a module of JavaScript with the export ``Niivue``.

    Raises:
        MissingExtraError: If ipyniivue is not installed, or its script is of a kind that is not known.
    """
    package = require("ipyniivue", "builder", "the volume viewer")
    text = (Path(str(package.__file__)).parent / "static" / "widget.js").read_text(encoding="utf-8")
    made = with_class(text)
    if not made:
        raise MissingExtraError(
            f"the volume viewer cannot use ipyniivue {version('ipyniivue')}: its script has another form",
            expected="ipyniivue 2.4",
            to_do="pip install 'ipyniivue<2.5'",
        )
    content = made.encode("utf-8")
    return Bundle(content, sha256(content).hexdigest()[:16])


def with_class(text: str) -> str:
    """Return the script with one more export; nothing if it has another form.

    Example:
        >>> made = with_class('console.log("Creating new Niivue instance");v=new t2(o)}; export{W as default};')
        >>> made.endswith("export{W as default,t2 as Niivue};")
        True
    """
    made, exports = _MADE.search(text), list(_EXPORT.finditer(text))
    if made is None or len(exports) != 1:
        return ""
    place = exports[0]
    return f"{text[: place.start()]}export{{{place[1]} as default,{made[1]} as Niivue}}{text[place.end() :]}"
