"""The page on how to begin: its commands run as they are written, and what it names is there."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest
import yaml

from autograder.gradebook.release import GET_STARTED, INSTALL
from autograder.labs import lab_names
from book.notebooks import build_package
from tests.conftest import ROOT

TEXT = GET_STARTED.read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def section(title):
    (found,) = re.findall(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", TEXT, flags=re.MULTILINE | re.DOTALL)
    return found


def blocks(title, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", section(title), flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What a student has: the package and a lab's folder, side by side."""
    folder = tmp_path_factory.mktemp("cnn")
    build_package(folder)
    for lab in ("lab0", "lab1"):
        (folder / lab).mkdir()
        (folder / lab / f"{lab}.ipynb").write_text("{}")
    return folder


def test_every_command_for_linux_runs_as_it_is_written(folder, tmp_path):
    """All commands of the page for Linux, in its order, in one shell and in a new virtual environment.

    Replaced is what would reach the internet or never end, and nothing in the commands themselves. pip is told by its
    own variables that there is no index; what the package needs, and JupyterLab, it finds installed, as PYTHONPATH
    names the packages of the environment that runs the tests. The course itself comes from the file. And `jupyter` is a
    program that writes down how it was called and ends: JupyterLab would wait for a browser.
    """
    programs = tmp_path / "bin"
    programs.mkdir()
    called = tmp_path / "called"
    (programs / "jupyter").write_text(
        f'#!/bin/sh\ntest -f "$2" && echo "$1 $2 data=$CNN_COURSE_DATA python=$(command -v python)" >> {called}\n'
    )
    (programs / "jupyter").chmod(0o755)
    (programs / "python3").symlink_to(sys.executable)
    installed = tmp_path / "installed"
    installed.mkdir()
    # All that is installed but the course itself, and JupyterLab even where the tests have none.
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not re.match(r"(__editable__|cnn_course|jupyterlab-)", path.name):
            (installed / path.name).symlink_to(path)
    lab = installed / "jupyterlab-4.0.dist-info"
    lab.mkdir()
    (lab / "METADATA").write_text("Metadata-Version: 2.1\nName: jupyterlab\nVersion: 4.0\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON", "CNN_"))}
    environment |= {
        "PATH": f"{programs}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "PYTHONPATH": str(installed),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PIP_NO_INDEX": "1",
        "PIP_NO_INPUT": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    commands = "".join([*blocks("Linux", "bash"), *blocks("Where data goes", "bash")])
    assert commands.count("\n") == 9
    done = subprocess.run(
        ["bash", "-e"], input=commands, cwd=folder, env=environment, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "Successfully installed cnn-course-" in done.stdout and "The course is installed." in done.stdout
    python = folder / ".venv" / "bin" / "python"
    assert called.read_text().splitlines() == [
        f"lab lab0/lab0.ipynb data= python={python}",
        f"lab lab0/lab0.ipynb data= python={python}",
        f"lab lab1/lab1.ipynb data={tmp_path}/cnn-data python={python}",
    ]
    where = [python, "-c", "import source_lib; print(source_lib.__file__)"]
    found = subprocess.run(where, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert found.stdout.startswith(str(folder / ".venv")), found.stderr
    shutil.rmtree(folder / ".venv")


def test_commands_for_macos_are_those_of_linux():
    assert blocks("macOS", "bash") == blocks("Linux", "bash")[:1]


def test_commands_for_windows_enter_the_environment_and_do_the_same():
    (first,) = blocks("Windows", "powershell")
    make, enter, install, tried, opened = first.splitlines()
    assert make == "py -m venv .venv" and enter == r".venv\Scripts\Activate.ps1"
    # pip gets no list of files from PowerShell for a star.
    assert install == "python -m pip install (Get-Item cnn_course-*.whl).FullName jupyterlab"
    linux = blocks("Linux", "bash")[0].splitlines()
    assert tried == linux[3] and opened.replace("\\", "/") == linux[4]
    assert "Set-ExecutionPolicy -Scope Process RemoteSigned" in section("Windows")
    (data,) = blocks("Where data goes", "powershell")
    assert data.splitlines()[0] == r'$env:CNN_COURSE_DATA = "$HOME\cnn-data"'


def test_commands_for_conda_make_an_environment_with_a_python_that_will_do():
    make, enter, *rest = blocks("conda", "bash")[0].splitlines()
    name, version = re.fullmatch(r"conda create --name (\S+) python=3\.(\d+)", make).groups()
    least = int(re.fullmatch(r">=3\.(\d+)", PROJECT["requires-python"])[1])
    assert enter == f"conda activate {name}" and int(version) >= least
    assert f"Python 3.{least} or newer" in TEXT
    assert rest == blocks("Linux", "bash")[0].splitlines()[2:]


def test_colab_runs_the_cell_that_released_notebooks_begin_with():
    (named,) = re.findall(r"begins with `(.*?)`", section("Colab"))
    assert INSTALL.startswith(named) and "%pip install" in INSTALL


def test_all_that_the_page_names_is_there():
    assert f"{PROJECT['name'].replace('-', '_')}-{PROJECT['version']}-py3-none-any.whl" in TEXT
    assert set(re.findall(r"lab\d", TEXT)) <= set(lab_names())
    loaders = "".join(path.read_text() for path in (ROOT / "source_lib" / "data").glob("*.py"))
    cells = [line.split("|")[1] for line in TEXT.splitlines() if line.startswith("| `")]
    names = re.findall(r"`([\w.]+)`", "".join(cells))
    assert len(cells) == 5 and len(names) == 10 and not [name for name in names if name not in loaders]
    assert not re.search(r"://|index.url", TEXT)


def test_the_page_comes_first_in_the_contents_and_is_one_text():
    assert (ROOT / "book" / "get-started.md").resolve() == GET_STARTED.resolve()
    parts = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text())["parts"]
    assert parts[0]["chapters"][0] == {"file": "get-started"}
    assert "[](get-started.md)" in (ROOT / "book" / "index.md").read_text()
