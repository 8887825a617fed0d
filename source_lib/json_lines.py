"""Records as lines of JSON, written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from source_lib.atomic_files import atomic_write


def write_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Write records as lines of JSON, under the path's name once they are complete.

    Parameters
    ----------
    path : pathlib.Path
        What is there is replaced.
    records : iterable of mapping
    """
    text = "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records)
    with atomic_write(path) as part:
        part.write_text(text)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return what `write_lines` wrote; nothing where there is no file."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
