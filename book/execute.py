"""Run the pages whose code changed beside each other, and keep what they put out where the builder looks for it."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from jupyter_cache import get_cache
from jupyter_cache.executors import load_executor
from myst_nb.core.read import is_myst_markdown_notebook

#: Both as MyST-NB does: how it reads a page, and that a page runs in a folder of its own.
READER = {"name": "myst_nb_md", "type": "plugin"}
EXECUTOR = "temp-parallel"


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
    logger = logging.getLogger(__name__)
    logger.setLevel(logging.CRITICAL)
    ran = load_executor(EXECUTOR, kept, logger=logger).run_and_cache(filter_uris=notebooks, timeout=timeout)
    return [Path(page) for page in ran.excepted + ran.errored]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--timeout", type=int, required=True)
    options = parser.parse_args()
    execute(options.source, options.cache, options.timeout)
