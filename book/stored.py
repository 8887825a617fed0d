"""What is trained once and kept in ``book/_data``: where, when and with what it was made."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from source_lib.atomic_files import atomic_write
from source_lib.json_lines import read_lines, write_lines

__all__ = ["BOOK", "DATA", "WORK", "Kept", "circumstances", "read_lines", "write_lines"]

BOOK = Path(__file__).resolve().parent
DATA = BOOK / "_data"
#: Where single trainings are kept until all are done.
WORK = BOOK / "_build" / "runs"


@dataclass
class Kept:
    """What was measured so far, one file for each measurement.

    Attributes
    ----------
    folder : pathlib.Path
        Where the files are.
    data : str
        What stands for the images.
    spent : dict of float
        Seconds of the processor by measurement, whenever it was made.
    """

    folder: Path
    data: str
    spent: dict[str, float] = field(default_factory=dict)

    def __call__(self, measure: Callable[..., dict[str, Any]], **settings: Any) -> dict[str, Any]:
        """Return what was measured with these settings, with the seconds of the processor; measure where it is new."""
        text = json.dumps([measure.__name__, settings, self.data], sort_keys=True)
        path = self.folder / f"{measure.__name__}-{hashlib.sha256(text.encode()).hexdigest()[:10]}.json"
        if not path.exists():
            begin = time.process_time()
            found = settings | measure(**settings) | {"seconds": round(time.process_time() - begin, 1)}
            with atomic_write(path) as part:
                part.write_text(json.dumps(found))
            print(path.stem, {key: value for key, value in found.items() if not isinstance(value, list)}, flush=True)
        found = json.loads(path.read_text())
        self.spent[path.stem] = found["seconds"]
        return found


def circumstances() -> dict[str, Any]:
    """Return the date, the number of processor cores, and the versions of Python and what it trained with."""
    versions = {name: metadata.version(name) for name in ("keras", "numpy", "tensorflow")}
    return {
        "made": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cores": len(os.sched_getaffinity(0)),
        "versions": {"python": platform.python_version(), **versions},
    }
