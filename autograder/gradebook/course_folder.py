"""One course folder: its configuration, its gradebook, and where nbgrader keeps what."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from autograder.errors import UserError

CONFIG = "nbgrader_config.py"
TRUSTED = "autograder.nbgrader_plugin.TrustedExecute"
#: Where a graded notebook keeps what was judged; whatever a submission wrote there is removed first.
NOTES = "cnn_course"


class CourseError(UserError):
    """The course folder is not what a command needs. The text says what is wrong and what to do."""


@dataclass(frozen=True)
class CourseFolder:
    """A course folder that can be worked with.

    Attributes
    ----------
    root : pathlib.Path
        The folder that holds ``nbgrader_config.py``.
    config : Config
        What that file says.
    directory : CourseDirectory
        nbgrader's own view of the folder.
    """

    root: Path
    config: Config
    directory: CourseDirectory

    def step(self, name: str, student: str = ".", assignment: str = ".") -> Path:
        """Return the folder of one step: ``source``, ``release``, ``submitted``, ``autograded`` or ``feedback``.

        Links in it are kept, so that a submission that is one is not taken for a folder.

        Parameters
        ----------
        name : {"source", "release", "submitted", "autograded", "feedback"}
        student, assignment : str
            ``.`` for the part of the path above them.
        """
        folder = getattr(self.directory, f"{name}_directory")
        return Path(os.path.abspath(self.directory.format_path(folder, student, assignment)))

    @property
    def gradebook(self) -> str:
        """The address of the gradebook."""
        return self.directory.db_url


def open_course(folder: Path | str) -> CourseFolder:
    """Return the course in a folder.

    Parameters
    ----------
    folder : path
        Holds ``nbgrader_config.py``.

    Returns
    -------
    CourseFolder

    Raises
    ------
    CourseError
        If there is no configuration, it fails, or it would run student code without the sandbox.
    """
    root = Path(folder).resolve()
    if not (root / CONFIG).is_file():
        raise CourseError(
            f"{root} holds no {CONFIG}, so it is no course folder. Change into the course's folder or give it "
            "with --course DIR."
        )
    try:
        config = PyFileConfigLoader(CONFIG, path=str(root)).load_config()
    except Exception as error:
        raise CourseError(
            f"{root / CONFIG} fails ({type(error).__name__}: {error}). nbgrader would ignore it and run student code "
            "without the sandbox; fix it first."
        ) from None
    steps = [str(step) for step in config.get("Autograde", {}).get("autograde_preprocessors", [])]
    if TRUSTED not in steps or any(step.endswith(".Execute") for step in steps):
        raise CourseError(
            f"{root / CONFIG} does not grade in the sandbox: Autograde.autograde_preprocessors must hold {TRUSTED!r} "
            "and no other Execute. Compare with the configuration that the course ships."
        )
    config.CourseDirectory.root = str(root)
    # nbgrader starts `alembic` by name, so the environment's programs must be on the path.
    programs = str(Path(sys.executable).parent)
    if programs not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([programs, os.environ.get("PATH", "")])
    # As nbgrader does, for plugin classes in the course's folder; last, so that none of its files hides a package.
    if str(root) not in sys.path:
        sys.path.append(str(root))
    return CourseFolder(root, config, CourseDirectory(config=config))


@contextmanager
def errors_only() -> Iterator[list[str]]:
    """Keep nbgrader's log, which it would print with every traceback in it."""
    said: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    log = logging.getLogger("traitlets")
    handlers, level, propagate = log.handlers, log.level, log.propagate
    log.handlers, log.propagate = [Keep(level=logging.ERROR)], False
    try:
        yield said
    finally:
        log.handlers, log.propagate = handlers, propagate
        log.setLevel(level)
