"""Run in parallel the pages whose code changed, and keep what they put out where the builder looks for it."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import multiprocessing
import os
import tempfile
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import nbclient
from ipykernel.kernelapp import IPKernelApp
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_client import AsyncKernelManager
from myst_nb.core.read import is_myst_markdown_notebook
from nbclient.exceptions import CellControlSignal
from nbconvert.preprocessors.coalescestreams import CoalesceStreamsPreprocessor
from nbformat import NotebookNode

#: As MyST-NB reads a page.
READER = {"name": "myst_nb_md", "type": "plugin"}
#: What takes long to import and is imported once for all pages that name it. None of them may start a thread.
HEAVY = ("numpy", "matplotlib.pyplot", "scipy.signal", "scipy.stats", "skimage.transform", "sklearn.datasets", "keras")
_FORK = multiprocessing.get_context("fork")


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
    notebooks = {page.uri: kept.get_project_notebook(page.pk).nb for page in waiting}
    _warm_up("".join(cell.source for notebook in notebooks.values() for cell in notebook.cells))
    failed, running = [], {}
    while notebooks or running:
        while notebooks and len(running) < os.cpu_count():
            page = next(iter(notebooks))
            receiver, sender = _FORK.Pipe(duplex=False)
            process = _FORK.Process(target=_run, args=(notebooks.pop(page), timeout, sender))
            process.start()
            sender.close()
            running[receiver] = page, process
        for receiver in wait(running):
            page, process = running.pop(receiver)
            try:
                ran = receiver.recv()
                # Each is kept as soon as it is done: a build that is stopped goes on from there.
                kept.cache_notebook_bundle(CacheBundleIn(ran, page), check_validity=False, overwrite=True)
            except EOFError:
                failed.append(Path(page))
            process.join()
    return failed


def _warm_up(code: str) -> None:
    """Import what pages with this code import and what takes long, so that their kernels start with it."""
    # As a kernel sets it, which is too late where matplotlib is there already.
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    for name in HEAVY:
        if name.partition(".")[0] in code:
            importlib.import_module(name)


class _Kernel(_FORK.Process):
    """A kernel that is a fork of this process instead of a program of its own; it answers as `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, arguments: Sequence[str], folder: str) -> None:
        super().__init__()
        self.arguments, self.folder = [*arguments, f"--IPKernelApp.parent_handle={os.getpid()}"], folder

    def run(self) -> None:
        os.chdir(self.folder)
        # The one that is inherited runs, as far as it knows.
        asyncio.set_event_loop(asyncio.new_event_loop())
        IPKernelApp.launch_instance(self.arguments)

    def poll(self) -> int | None:
        return self.exitcode

    def wait(self) -> int:
        self.join()
        return self.exitcode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)


class _KernelManager(AsyncKernelManager):
    """Starts kernels as forks of this process."""

    async def _async_launch_kernel(self, kernel_cmd: list[str], **kw: Any) -> None:
        # What comes before its arguments is Python and the name of the module.
        kernel = _Kernel(kernel_cmd[3:], kw["cwd"])
        kernel.start()
        # Whoever ends it ends all that it started.
        os.setpgid(kernel.pid, kernel.pid)
        self.provisioner.process = kernel
        self.provisioner.pid = self.provisioner.pgid = kernel.pid


def _run(notebook: NotebookNode, timeout: int, sender: Connection) -> None:
    """Run one page in a folder of its own, and send it with its outputs, or nothing where a cell fails."""
    with tempfile.TemporaryDirectory() as folder:
        client = nbclient.NotebookClient(
            notebook,
            resources={"metadata": {"path": folder}},
            timeout=timeout,
            # Times would be part of what the cache knows a page by.
            record_timing=False,
            kernel_manager_class=_KernelManager,
        )
        try:
            ran = client.execute()
        except (CellControlSignal, RuntimeError):
            return
    # What a cell prints comes in pieces when the machine is busy, and a piece may end within a line.
    sender.send(CoalesceStreamsPreprocessor().preprocess(ran, {})[0])


def main() -> None:
    """Run the pages of the folder that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--timeout", type=int, required=True)
    options = parser.parse_args()
    execute(options.source, options.cache, options.timeout)
