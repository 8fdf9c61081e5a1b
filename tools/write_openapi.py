"""Write extension/openapi.json, the description of the REST API from which the extension's types are made.

The file is checked in, so that the extension is built without Python. `make types` runs this, and a test compares the
file with the server's own description.
"""

from __future__ import annotations

import json
from pathlib import Path

from hitl_nb.server.api.openapi import build_document

FILE = Path(__file__).parent.parent / "extension" / "openapi.json"


def format_document() -> str:
    """Return the content of the file."""
    return json.dumps(build_document(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(format_document(), encoding="utf-8")
