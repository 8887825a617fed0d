"""Attacks by what is handed in: malformed notebooks, modules beside the notebook, links, and files without end."""

import json
import os
from pathlib import Path

import nbformat
from nbformat.notebooknode import NotebookNode

from tests.hostile import FUNCTIONS, NEIGHBOR, Hostile, family, find, stubs

#: The course's folder, as a link in a submission names it.
_COURSE = "../../../.."
_FAKE = "def open_lab(*arguments):\n    return lambda name: -1.0\n"


def _edited(change):
    """Return a change of the file's bytes by a change of the JSON document in them."""

    def text(content: bytes) -> bytes:
        document = json.loads(content)
        document = change(document) or document
        return json.dumps(document).encode()

    return text


def _checks(notebook: NotebookNode) -> list[NotebookNode]:
    return [find(notebook, f"check_{name}") for name in FUNCTIONS]


def _points_in_outputs(notebook: NotebookNode) -> None:
    for cell in _checks(notebook):
        cell.source = "10.0"
        cell.outputs = [nbformat.v4.new_output("execute_result", data={"text/plain": "10.0"}, execution_count=1)]


def _points_in_settings(notebook: NotebookNode) -> None:
    for cell in _checks(notebook):
        cell.metadata.nbgrader.update(points=400, locked=False, solution=True, schema_version=3)


def _checks_deleted(notebook: NotebookNode) -> None:
    notebook.cells = [cell for cell in notebook.cells if cell not in _checks(notebook)]


def _checks_ungraded(notebook: NotebookNode) -> None:
    for cell in _checks(notebook):
        cell.metadata.nbgrader.update(grade=False)
        cell.cell_type = "raw"


def _checks_doubled(notebook: NotebookNode) -> None:
    for cell in _checks(notebook):
        double = {**cell, "source": "10.0", "id": cell.metadata.nbgrader.grade_id}
        notebook.cells.insert(0, nbformat.from_dict(double))


def _odd_metadata(document: dict) -> None:
    odd = [None, [], "text", 3, {"nbgrader": []}, {"nbgrader": {"grade_id": {"a": 1}}}, {"nbgrader": {"grade_id": []}}]
    for number, one in enumerate(odd):
        document["cells"].insert(number, {"cell_type": "code", "metadata": one, "source": {"a": 1}, "outputs": 5})


def _not_cells(document: dict) -> None:
    document["cells"][:0] = [None, 3, "text", [], {}, {"cell_type": 7}, {"cell_type": "code"}, {"source": "1"}]


def _surrogates(document: dict) -> None:
    document["cells"].append({"cell_type": "code", "metadata": {}, "source": "x = '\ud800'", "outputs": []})


def _old_format(document: dict) -> dict:
    cells = [{**cell, "input": cell["source"], "language": "python"} for cell in document["cells"]]
    return {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}, 3, {}]}


def _written(files: dict[str, str]):
    def beside(folder: Path) -> None:
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content)

    return beside


def _linked(**targets: str):
    """Links beside the notebook, relative to it."""

    def beside(folder: Path) -> None:
        for name, target in targets.items():
            (folder / name).symlink_to(target)

    return beside


def _linked_notebook(folder: Path) -> None:
    (folder / "lab1.ipynb").unlink()
    (folder / "lab1.ipynb").symlink_to("../../../source/lab1/lab1.ipynb")


def _linked_folder(folder: Path) -> None:
    (folder / "lab1.ipynb").unlink()
    folder.rmdir()
    folder.symlink_to(f"../{NEIGHBOR}/lab1")


def _sparse(**sizes: int):
    def beside(folder: Path) -> None:
        for name, size in sizes.items():
            with open(folder / name.replace("_", "."), "wb") as file:
                file.truncate(size)

    return beside


def _pipe_for_notebook(folder: Path) -> None:
    (folder / "lab1.ipynb").unlink()
    os.mkfifo(folder / "lab1.ipynb")


def _many_files(folder: Path) -> None:
    for number in range(3000):
        (folder / f"file-{number}.txt").touch()
    deep = folder
    for _ in range(40):
        deep = deep / ("d" * 50)
        deep.mkdir()


def _odd_names(folder: Path) -> None:
    for name in ("\n", "--help", "a\u202eb", ".nbgrader.log", "*", "lab1.ipynb.py", "'; drop table grade; --"):
        (folder / name).write_text("x")
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.txt")).write_text("x")


SUBMISSIONS = [
    *family(
        "Malformed notebooks",
        Hostile("bytes-empty", "Hands in an empty file.", text=lambda content: b""),
        Hostile("bytes-other", "Hands in an archive with a notebook's name.", text=lambda content: b"PK\3\4" * 99),
        Hostile("bytes-deep", "Hands in lists in lists, a million deep.", text=lambda content: b"[" * 10**6),
        Hostile(
            "bytes-values",
            "Hands in forty megabytes of empty mappings, which take gigabytes to read.",
            text=lambda content: b'{"cells": [' + b"{}," * (40 * 2**20 // 3) + b"{}]}",
        ),
        Hostile(
            "cells-none",
            "Hands in what is a notebook but for its cells.",
            text=_edited(lambda document: {**document, "cells": {"0": document["cells"]}}),
        ),
        Hostile(
            "cells-odd",
            "Puts numbers, lists and half cells among the cells of a right notebook.",
            solved=True,
            points=35,
            text=_edited(_not_cells),
        ),
        Hostile(
            "cells-metadata",
            "Gives cells metadata and sources of every wrong kind.",
            solved=True,
            points=35,
            text=_edited(_odd_metadata),
        ),
        Hostile(
            "cells-surrogates",
            "Puts half a character into a cell, which no file can hold.",
            solved=True,
            points=35,
            text=_edited(_surrogates),
        ),
        Hostile(
            "cells-old",
            "Hands in a right notebook in the format of ten years ago, with a broken part.",
            solved=True,
            points=35,
            text=_edited(_old_format),
        ),
        Hostile("checks-outputs", "Writes full marks into check cells and their outputs.", change=_points_in_outputs),
        Hostile("checks-settings", "Makes each check cell worth 400 points.", change=_points_in_settings),
        Hostile("checks-deleted", "Deletes the check cells, so that there is nothing to lose.", change=_checks_deleted),
        Hostile("checks-ungraded", "Turns the check cells into raw text that is not graded.", change=_checks_ungraded),
        Hostile("checks-doubled", "Puts a second cell with each check's name in front.", change=_checks_doubled),
    ),
    *family(
        "Modules beside the notebook",
        Hostile(
            "shadow-autograder",
            "Puts a package autograder beside the notebook.",
            beside=_written(
                {"autograder/__init__.py": _FAKE, "autograder/checking/rubric.py": "", "autograder/checks.py": ""}
            ),
        ),
        Hostile(
            "shadow-numpy",
            "Puts modules numpy.py and scipy beside the notebook, which claim to be NumPy and SciPy and write files.",
            answers=stubs("return 1.0"),
            beside=_written(
                {
                    "numpy.py": "open('/tmp/hostile-was-here', 'w')\nall = lambda *a: True\n",
                    "scipy/__init__.py": "",
                    "scipy/signal.py": "convolve2d = lambda *a, **k: 1.0\n",
                    "skimage/__init__.py": "raise SystemExit",
                }
            ),
        ),
        Hostile(
            "shadow-library",
            "Puts a source_lib beside the notebook that fills in every answer.",
            answers=stubs("import source_lib\n    return source_lib.cnn.conv(*args)"),
            beside=_written(
                {
                    "source_lib/__init__.py": "",
                    "source_lib/cnn.py": "CNN = conv = lambda *a, **k: 1.0\n",
                    "source_lib/util.py": "",
                    "source_lib/data/__init__.py": "DataGenerator = object\n",
                }
            ),
        ),
        Hostile(
            "shadow-python",
            "Puts files beside the notebook that Python and IPython load when they start.",
            beside=_written(
                dict.fromkeys(
                    ("sitecustomize.py", "usercustomize.py", "ipython_config.py", "conftest.py", "json.py"),
                    "import os\nopen('/tmp/hostile-was-here', 'w')\n",
                )
                | {"nbgrader_config.py": "c = get_config()\nc.Autograde.autograde_preprocessors = []\n"}
            ),
        ),
        Hostile(
            "shadow-worker",
            "Puts packages beside the notebook that bear the names of the sandbox' own modules.",
            beside=_written(
                {
                    "sandbox/__init__.py": "",
                    "sandbox/wire.py": "raise SystemExit\n",
                    "sandbox/worker.py": "answer = lambda *a: (1.0, ())\n",
                    "stubs.py": "noted = []\n",
                    ".console": "x" * 1000,
                }
            ),
        ),
    ),
    *family(
        "Links and files without end",
        Hostile(
            "link-gradebook",
            "Puts links to the gradebook, the secret and the course's folder beside the notebook, and reads them.",
            "import glob\nfor path in ('grades', 'secret.txt', 'everything/gradebook.db'):\n"
            "    try:\n        print(LEAKED, path, open(path, 'rb').read(50))\n    except OSError:\n        pass",
            beside=_linked(
                **{"grades": f"{_COURSE}/gradebook.db", "secret.txt": f"{_COURSE}/course_secret", "everything": _COURSE}
            ),
        ),
        Hostile(
            "link-solution",
            "Hands in a link to the solved notebook.",
            beside=_linked_notebook,
        ),
        Hostile(
            "link-neighbor",
            "Hands in a folder that is a link to what somebody else handed in.",
            beside=_linked_folder,
        ),
        Hostile(
            "link-endless",
            "Puts links beside the notebook to devices that never end, and to themselves.",
            solved=True,
            points=35,
            beside=_linked(**{"zero.bin": "/dev/zero", "again": "again", "up": ".."}),
        ),
        Hostile(
            "file-endless",
            "Puts files of a terabyte beside a right notebook, one of them as the time of handing in.",
            solved=True,
            points=35,
            beside=_sparse(data_bin=2**40, timestamp_txt=2**38),
        ),
        Hostile(
            "file-pipe",
            "Hands in a pipe with a notebook's name, on which whoever opens it waits.",
            beside=_pipe_for_notebook,
        ),
        Hostile(
            "file-many",
            "Puts thousands of files and a deep folder beside a right notebook.",
            solved=True,
            points=35,
            beside=_many_files,
        ),
        Hostile(
            "file-names",
            "Puts files beside a right notebook whose names are commands, patterns and no text.",
            solved=True,
            points=35,
            beside=_odd_names,
        ),
    ),
]
