"""Where the real files of the data sets are looked for."""

from __future__ import annotations

import os
from pathlib import Path

#: Name of the environment variable that holds the folder with the course's data.
DATA_VARIABLE = "CNN_COURSE_DATA"


class DatasetError(ValueError):
    """Data that was requested is not available. The message says why and what to do."""


def keras_cache() -> Path:
    """Return the folder in which Keras keeps downloaded data: ``~/.keras/datasets`` unless ``KERAS_HOME`` is set."""
    home = os.path.expanduser("~")
    base = os.environ.get("KERAS_HOME") or os.path.join(home if os.access(home, os.W_OK) else "/tmp", ".keras")
    return Path(os.path.expanduser(base)) / "datasets"
