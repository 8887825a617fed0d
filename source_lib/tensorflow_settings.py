"""What TensorFlow must find in the environment when it is imported."""

from __future__ import annotations

import os

#: Both are needed: without the first its log goes to stderr, without the second a note that oneDNN rounds differently.
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}

#: For processes that run in parallel, one per processor: threads of one that wait for those of another cost twice.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "1")


def quiet_tensorflow() -> None:
    """Keep TensorFlow's log from stderr, unless the environment sets otherwise; call this before it is imported."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
