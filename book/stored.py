"""What is trained once and kept in ``book/_data``: where, when and with what it was made."""

from __future__ import annotations

import datetime
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from source_lib.json_lines import read_lines, write_lines

__all__ = ["BOOK", "DATA", "WORK", "circumstances", "read_lines", "write_lines"]

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
