"""Build the site: run every page, fail on any warning or failing cell, and replace the old site only by a whole one."""

from __future__ import annotations

import argparse
import base64
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import yaml

from source_lib.tensorflow_settings import ONE_THREAD, QUIET

BOOK = Path(__file__).resolve().parent
ROOT = BOOK.parent
MATHJAX = "3.2.2"
#: What the package's publisher says its archive is; anything else is not used.
MATHJAX_SHA512 = "Bt+SSVU8eBG27zChVewOicYs7Xsdt40qm4+UpHyX7k0/O9NliPc+x77k1/FEsPsjKPZGJvtRZM1vO+geW0OhGw=="
#: What a page needs of it: the renderer, its fonts, what its menu loads, and what reads formulas aloud.
MATHJAX_PARTS = (
    "es5/tex-mml-chtml.js",
    "es5/output/chtml/fonts/",
    "es5/input/tex/extensions/",
    "es5/a11y/",
    "es5/ui/",
    "es5/sre/mathmaps/base.json",
    "es5/sre/mathmaps/en.json",
    "LICENSE",
)
_STEP = re.compile(r"^(reading sources|writing output)\.\.\. ?\[ *\d+%\] (\S+)")
_CELL_LIMIT = 12
#: jsonschema imports a check of web addresses where it finds one, for seconds, and no page needs it.
_QUICK = "import sys; sys.modules['rfc3987_syntax'] = None; "


class BookError(Exception):
    """The site could not be built. The text says which page, which cell and why, and the old site still stands."""


def build(
    output: Path | None = None,
    *,
    source: Path = BOOK,
    config: Path = ROOT / "_config.yml",
    say: Callable[[str], object] = print,
) -> Path:
    """Build the site and return the path of its first page.

    Parameters
    ----------
    output : Path, optional
        Folder that gets ``html``, by default ``book/_build``. What later builds reuse is kept beside it.
    source : Path
        Folder with the pages and ``_toc.yml``.
    config : Path
        The Jupyter Book configuration.
    say : callable
        Gets in one line what happens now.

    Returns
    -------
    Path
        ``output/html/index.html``.

    Raises
    ------
    BookError
        If a page has a failing cell, a broken link or anything else that is worth a warning, or if the site cannot be
        written. A site that was there before is left as it was.
    """
    output = Path(output or source / "_build").resolve()
    for path, what in ((source / "_toc.yml", "list of contents"), (config, "configuration")):
        if not path.is_file():
            raise BookError(f"The book's {what} is missing: there is no file {path}.")
    try:
        output.mkdir(parents=True, exist_ok=True)
        with _alone(output, say):
            return _build(output, source.resolve(), config.resolve(), say)
    except OSError as error:
        raise BookError(f"The site could not be written: {error}. Is there room, and may you write there?") from None


def _build(output: Path, source: Path, config: Path, say: Callable[[str], object]) -> Path:
    work, new, site, old = (output / name for name in ("work", "html.new", "html", "html.old"))
    if old.exists() and not site.exists():
        old.rename(site)
    _forget_stale(work)
    shutil.rmtree(work / "_build" / "html", ignore_errors=True)

    mathjax = mathjax_archive(source / "_static" / "vendor", say)
    settings = yaml.safe_load(config.read_text())
    if mathjax:
        settings.setdefault("sphinx", {}).setdefault("config", {})["mathjax_path"] = "mathjax/es5/tex-mml-chtml.js"
    settings.setdefault("execute", {})["cache"] = str(work / "cache")
    (work / "_config.yml").write_text(yaml.safe_dump(settings))

    execution = settings["execute"]
    _run(work, source, [source, execution["cache"], "--timeout", str(execution.get("timeout", 30))], say)

    shutil.rmtree(new, ignore_errors=True)
    shutil.copytree(work / "_build" / "html", new)
    shutil.rmtree(new / "reports", ignore_errors=True)
    (new / ".buildinfo").unlink(missing_ok=True)
    if mathjax:
        _unpack(mathjax, new / "_static" / "mathjax")
    shutil.rmtree(old, ignore_errors=True)
    if site.exists():
        site.rename(old)
    new.rename(site)
    shutil.rmtree(old, ignore_errors=True)
    return site / "index.html"


@contextmanager
def _alone(output: Path, say: Callable[[str], object]) -> Iterator[None]:
    """Hold the folder's lock, so that two builds do not mix their pages."""
    with (output / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another build is running; waiting for it to end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _forget_stale(work: Path) -> None:
    """Throw away what was computed with other code: the cache looks at a page's cells, not at what they import."""
    digest = hashlib.sha256(f"{sys.version} {sys.prefix}".encode())
    code = [*ROOT.glob("source_lib/**/*.py"), *ROOT.glob("autograder/**/*.py"), *ROOT.glob("book/_data/*")]
    for path in sorted([*code, ROOT / "constraints.txt"]):
        if path.is_file():
            digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    stamp = work / "made_with"
    if not stamp.is_file() or stamp.read_text() != digest.hexdigest():
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        stamp.write_text(digest.hexdigest())


def _run(work: Path, source: Path, execution: Sequence[str | Path], say: Callable[[str], object]) -> None:
    """Run the pages, then Jupyter Book, tell what it is at, and raise what it complained about."""
    command = [sys.executable, "-c", _QUICK + "from jupyter_book.cli.main import main; main()"]
    command += ["build", str(source), "--path-output", str(work)]
    command += ["--config", str(work / "_config.yml"), "--toc", str(source / "_toc.yml")]
    command += ["-W", "--keep-going", "--all"]
    complaints = work / "complaints.txt"
    with tempfile.TemporaryDirectory() as private, complaints.open("w") as stderr:
        environment = _environment(Path(private))
        say("  running the pages whose code changed")
        # What fails here is not kept, so that it fails again below, where it is reported.
        runner = [sys.executable, "-c", _QUICK + "from book.execute import main; main()"]
        subprocess.run([*runner, *execution], env=environment, capture_output=True, cwd=ROOT)
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True, cwd=ROOT)
        try:
            for line in process.stdout:
                if step := _STEP.match(_plain(line)):
                    say(f"  {'reading' if step[1].startswith('reading') else 'writing'} {step[2]}")
            code = process.wait()
        finally:
            process.kill()
            process.wait()
    if code:
        raise BookError(explain(complaints.read_text(errors="replace"), source) or f"jupyter-book ended with {code}.")


def _environment(private: Path) -> dict[str, str]:
    """Return an environment in which pages run with this Python, whatever kernels and profiles the user has."""
    kernel = private / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernel / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "Python 3", "language": "python"}))
    environment = dict(os.environ)
    for name in ("PYTHONHOME", "PYTHONSTARTUP", "PYTHONWARNINGS", "MPLBACKEND", "CNN_COURSE_DATA"):
        environment.pop(name, None)
    return environment | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", os.defpath)]),
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
        "JUPYTER_PATH": str(kernel.parents[1]),
        "IPYTHONDIR": str(private / "ipython"),
        **QUIET,
        **ONE_THREAD,
        "CUDA_VISIBLE_DEVICES": "-1",
        "NO_COLOR": "1",
    }


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def explain(complaints: str, source: Path) -> str:
    """Return what Jupyter Book complained about as a person wants to read it: page, cell and reason.

    Parameters
    ----------
    complaints : str
        What it wrote to standard error.
    source : Path
        Folder of the pages, so that they are named from there.

    Returns
    -------
    str
        One paragraph per complaint; empty where there was none.
    """
    text = _plain(complaints).replace(f"{source}{os.sep}", "")
    paragraphs = []
    for chunk in re.split(r"\n(?=\S+?(?::\d+)?: (?:WARNING|ERROR|CRITICAL|SEVERE): )", "\n" + text):
        head, _, rest = chunk.strip("\n").partition("\n")
        if not re.search(r"(WARNING|ERROR|CRITICAL|SEVERE): ", head) or "traceback saved in" in head:
            continue
        if "Executing notebook failed" not in head:
            paragraphs.append(head)
            continue
        page = head.split(":", 1)[0]
        cell = re.search(r"^-{10,}\n(.*?)\n-{10,}$", rest, re.DOTALL | re.MULTILINE)
        said = [line for line in rest.splitlines() if re.match(r"[A-Z]\w*(: |$)|[\w.]+Error: ", line)]
        lines = cell[1].strip("\n").splitlines() if cell else []
        shown = [f"    {line}" for line in lines[:_CELL_LIMIT]] + (["    …"] if len(lines) > _CELL_LIMIT else [])
        paragraphs.append("\n".join([f"{page}: a cell failed with {said[-1] if said else 'an error'}", *shown]))
    return "\n".join(paragraphs) or text.strip()[-2000:]


def mathjax_archive(folder: Path, say: Callable[[str], object] = print) -> Path | None:
    """Return the archive of MathJax, fetched with npm the first time, or None where it cannot be had.

    It is kept packed because Jupyter Book puts every ``.js`` file below ``_static`` on every page.

    Parameters
    ----------
    folder : Path
        Where it is kept.
    say : callable
        Gets what happens.

    Returns
    -------
    Path or None
        With None the pages load MathJax from the network when they are read.
    """
    archive = folder / f"mathjax-{MATHJAX}.tgz"
    if archive.is_file():
        if _is_mathjax(archive):
            return archive
        archive.unlink()
    if npm := shutil.which("npm"):
        say(f"  fetching MathJax {MATHJAX} with npm, once")
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as beside:
            command = [npm, "pack", f"mathjax@{MATHJAX}", "--pack-destination", beside, "--silent", "--ignore-scripts"]
            command += ["--prefer-offline", "--fetch-retries=0", "--fetch-timeout=15000"]
            with suppress(OSError, subprocess.SubprocessError):
                subprocess.run(command, check=True, timeout=60, stdin=subprocess.DEVNULL, capture_output=True)
            fetched = Path(beside) / archive.name
            if fetched.is_file() and _is_mathjax(fetched):
                fetched.rename(archive)
                return archive
    say("  MathJax is not at hand (no npm, or no network): formulas will need the network when a page is read")
    return None


def _is_mathjax(archive: Path) -> bool:
    return base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode() == MATHJAX_SHA512


def _unpack(archive: Path, target: Path) -> None:
    with tarfile.open(archive) as packed:
        for member in packed.getmembers():
            name = member.name.removeprefix("package/")
            if member.isfile() and name.startswith(MATHJAX_PARTS):
                path = target / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(packed.extractfile(member).read())


def main(argv: list[str] | None = None) -> int:
    """Build the site from the command line; 0 where it stands, 1 with the reason where it does not."""
    parser = argparse.ArgumentParser(description="Build the course's site.")
    parser.add_argument("--output", type=Path, help="folder that gets html/ (default: book/_build)")
    parser.add_argument("--source", type=Path, default=BOOK, help="folder of the pages (default: book)")
    options = parser.parse_args(argv)
    try:
        print("Building the site", flush=True)
        page = build(options.output, source=options.source, say=lambda line: print(line, flush=True))
    except BookError as error:
        print(f"The site was not built. {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. The site is as it was before.", file=sys.stderr)
        return 130
    print(f"The site is ready: {page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
