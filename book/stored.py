"""What is trained once and kept in ``book/_data``: when and with what it was made, and written whole or not at all."""

from __future__ import annotations

import datetime
import json
import os
import platform
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from source_lib.atomic_files import atomic_write

BOOK = Path(__file__).resolve().parent
DATA = BOOK / "_data"
#: Where single trainings are kept until all are done.
WORK = BOOK / "_build" / "runs"


def circumstances() -> dict[str, Any]:
    """Return the date, the number of processor cores, and the versions of Python and what it trained with."""
    versions = {name: metadata.version(name) for name in ("keras", "numpy", "tensorflow")}
    return {
        "made": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cores": len(os.sched_getaffinity(0)),
        "versions": {"python": platform.python_version(), **versions},
    }


def write_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Write records as lines of JSON, under the path's name once they are complete."""
    text = "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records)
    with atomic_write(path) as part:
        part.write_text(text)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return what `write_lines` wrote; nothing where there is no file."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
