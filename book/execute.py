"""Run the pages whose code changed beside each other, and keep what they put out where the builder looks for it."""

from __future__ import annotations

import argparse
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import nbclient
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from myst_nb.core.read import is_myst_markdown_notebook
from nbclient.exceptions import CellControlSignal
from nbconvert.preprocessors.coalescestreams import CoalesceStreamsPreprocessor
from nbformat import NotebookNode

#: As MyST-NB reads a page.
READER = {"name": "myst_nb_md", "type": "plugin"}


def execute(source: Path, cache: Path, timeout: int) -> list[Path]:
    """Run all pages that the cache does not hold yet, as many at once as there are processors.

    Parameters
    ----------
    source : Path
        Folder with the pages.
    cache : Path
        Folder of the cache, which is made where it is missing.
    timeout : int
        Seconds that one cell may take.

    Returns
    -------
    list of Path
        Pages that did not run to their end. They are not in the cache, so whoever builds the site runs them again and
        sees why.
    """
    kept = get_cache(cache)
    pages = [path for path in sorted(source.rglob("*.md")) if not path.relative_to(source).parts[0].startswith("_")]
    notebooks = [str(page) for page in pages if is_myst_markdown_notebook(page.read_text(encoding="utf-8"))]
    for notebook in notebooks:
        kept.add_nb_to_project(notebook, read_data=READER)
    # A long page takes long, most of the time: none should be begun when all others are done.
    waiting = sorted(kept.list_unexecuted(filter_uris=notebooks), key=lambda page: -os.path.getsize(page.uri))
    failed = []
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        running = {processes.submit(_run, kept.get_project_notebook(page.pk).nb, timeout): page.uri for page in waiting}
        # Each is kept as soon as it is done: a build that is stopped goes on from there.
        for run in as_completed(running):
            page, notebook = running[run], run.result()
            if notebook is None:
                failed.append(Path(page))
            else:
                kept.cache_notebook_bundle(CacheBundleIn(notebook, page), check_validity=False, overwrite=True)
    return failed


def _run(notebook: NotebookNode, timeout: int) -> NotebookNode | None:
    """Run one page in a folder of its own, and return it with its outputs, or None where a cell fails."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            # Times would be part of what the cache knows a page by.
            ran = nbclient.execute(notebook, cwd=folder, timeout=timeout, record_timing=False)
        except (CellControlSignal, RuntimeError):
            return None
    # What a cell prints comes in pieces when the machine is busy, and a piece may end within a line.
    return CoalesceStreamsPreprocessor().preprocess(ran, {})[0]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--timeout", type=int, required=True)
    options = parser.parse_args()
    execute(options.source, options.cache, options.timeout)
