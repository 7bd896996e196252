"""``python -m eisen_cli`` is the same as ``eisen``."""

from __future__ import annotations

from eisen_cli.main import main

if __name__ == "__main__":
    main()
