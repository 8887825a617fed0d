"""What the release says of a cell holds, whatever a submission says."""

import json

import jupytext
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.labs import all_labs
from autograder.submissions import cells
from autograder.submissions.cells import Role, UnreadableNotebookError, clean, read_notebook, restore, runnable
from autograder.submissions.exploring import MAX_SOURCE, fingerprint
from autograder.submissions.python_source import definitions
from tests.conftest import ROOT


def role(name, source, *, cell_type="code", grade=False, solution=False, locked=False, points=0.0):
    return Role(name, cell_type, source, f"sum of {name}", grade, solution, locked, points)


ROLES = {
    one.grade_id: one
    for one in (
        role("setup", "import numpy as np", locked=True),
        role("pool", "raise NotImplementedError", solution=True),
        role("check_pool", 'check("pool")', grade=True, locked=True, points=4.0),
        role("discussion", "YOUR ANSWER HERE", cell_type="markdown", grade=True, solution=True, points=10.0),
    )
}


def cell(name, source, kind=new_code_cell, **changes):
    made = kind(source)
    made.metadata["nbgrader"] = ROLES[name].metadata | changes if name in ROLES else {"grade_id": name, **changes}
    return made


def submission(*changed):
    usual = {
        "setup": cell("setup", "import numpy as np"),
        "pool": cell("pool", "def pool(): return 1"),
        "check_pool": cell("check_pool", 'check("pool")'),
        "discussion": cell("discussion", "Because.", new_markdown_cell),
    }
    return new_notebook(cells=[*usual.values(), *changed])


def named(notebook):
    return {c.metadata["nbgrader"]["grade_id"]: c for c in notebook.cells if "nbgrader" in c.metadata}


def test_an_honest_notebook_stays_as_it_is():
    notebook = clean(submission(new_code_cell("extra = 1")))
    assert restore(notebook, ROLES) == []
    assert [c.source for c in notebook.cells] == [c.source for c in submission(new_code_cell("extra = 1")).cells]
    assert named(notebook)["check_pool"].metadata["nbgrader"]["points"] == 4.0


def test_an_edited_check_cell_is_restored_noted_and_its_text_still_runs():
    notebook = submission()
    notebook.cells[2].source = "def helper(): pass\n8.0"
    notebook = clean(notebook)
    notes = restore(notebook, ROLES)
    assert named(notebook)["check_pool"].source == 'check("pool")'
    assert len(notes) == 1 and "edited" in notes[0] and "check_pool" in notes[0]
    assert "def helper(): pass\n8.0" in runnable(notebook, ["check_pool"]).values()


def test_an_edited_setup_cell_runs_after_the_released_one_without_a_note():
    notebook = submission()
    notebook.cells[0].source = "import numpy as np\nimport scipy"
    notebook = clean(notebook)
    assert restore(notebook, ROLES) == []
    first, second = list(runnable(notebook, ["check_pool"]).values())[:2]
    assert (first, second) == ("import numpy as np", "import numpy as np\nimport scipy")


@pytest.mark.parametrize(
    "changes",
    [
        {"points": 400},
        {"grade": False},
        {"solution": True},
        {"locked": False},
        {"points": float("nan")},
        {"points": "8"},
    ],
)
def test_edited_settings_are_restored_and_noted(changes):
    notebook = submission()
    notebook.cells[2] = cell("check_pool", 'check("pool")', **changes)
    notebook = clean(notebook)
    notes = restore(notebook, ROLES)
    assert named(notebook)["check_pool"].metadata["nbgrader"] == ROLES["check_pool"].metadata
    assert len(notes) == 1 and "check_pool" in notes[0]


def test_a_changed_cell_type_is_restored():
    notebook = submission()
    notebook.cells[2] = cell("check_pool", 'check("pool")', new_markdown_cell)
    notebook = clean(notebook)
    assert "cell type" in restore(notebook, ROLES)[0]
    assert named(notebook)["check_pool"].cell_type == "code"


def test_deleted_cells_come_back_where_they_do_no_harm():
    notebook = clean(new_notebook(cells=[new_code_cell("def pool(): return 1")]))
    assert restore(notebook, ROLES) == []
    assert [c.source for c in notebook.cells] == [
        "import numpy as np",
        "def pool(): return 1",
        'check("pool")',
        "YOUR ANSWER HERE",
    ]
    # The released stub of a deleted answer would overwrite the answer that was moved to another cell.
    assert "raise NotImplementedError" not in [c.source for c in notebook.cells]


def test_of_two_cells_with_one_name_the_filled_in_one_keeps_it():
    empty = cell("discussion", "YOUR ANSWER HERE", new_markdown_cell)
    notebook = submission()
    notebook.cells.insert(0, empty)
    notebook.cells.append(cell("check_pool", 'check("pool")'))
    notebook = clean(notebook)
    assert restore(notebook, ROLES) == []
    names = [c.metadata["nbgrader"]["grade_id"] for c in notebook.cells if "nbgrader" in c.metadata]
    assert sorted(names) == sorted(ROLES)
    assert named(notebook)["discussion"].source == "Because."


def test_unknown_names_lose_their_role():
    notebook = clean(submission(cell("check_everything", "100.0", grade=True, points=100)))
    assert restore(notebook, ROLES) == []
    assert "nbgrader" not in notebook.cells[-1].metadata


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"not json", "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b'{"cells": [', "line 1"),
        (b"[" * 100_000, "cannot be read"),
        (b"[]", "no list of cells"),
        (b'{"cells": 3}', "no list of cells"),
        (b'{"nbformat": 3, "worksheets": 5}', "no list of cells"),
    ],
)
def test_what_is_no_notebook_is_said_to_be_none(tmp_path, content, says):
    path = tmp_path / "lab1.ipynb"
    path.write_bytes(content)
    with pytest.raises(UnreadableNotebookError, match=says) as error:
        read_notebook(path)
    assert "hand" in str(error.value)


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "secret").write_text(json.dumps(submission()))
    (tmp_path / "lab1.ipynb").symlink_to(tmp_path / "secret")
    with pytest.raises(UnreadableNotebookError, match="is a link"):
        read_notebook(tmp_path / "lab1.ipynb")


def test_malformed_cells_are_left_out_and_the_rest_can_be_written(tmp_path):
    odd = [
        None,
        3,
        {},
        {"cell_type": "video", "source": "x"},
        {"cell_type": "code", "source": {"a": 1}, "metadata": [], "outputs": "none"},
        {"cell_type": "code", "source": ["a = 1\n", 5, "b = 2"], "metadata": {"nbgrader": {"grade_id": []}, "tags": 4}},
        {"cell_type": "code", "source": "c = '\ud800'", "id": "same"},
        {"cell_type": "markdown", "source": "text", "id": "same", "attachments": {"../../x": {"image/png": "aaaa"}}},
        {"cell_type": "markdown", "source": "text", "attachments": {"a.png": {"text/html": "x", "image/png": "aa=="}}},
    ]
    path = tmp_path / "lab1.ipynb"
    path.write_text(json.dumps({"cells": odd, "metadata": 7, "nbformat": "x"}))
    notebook = read_notebook(path)
    assert [c.source for c in notebook.cells] == ["", "a = 1\nb = 2", "c = '?'", "text", "text"]
    assert "attachments" not in notebook.cells[3]
    assert notebook.cells[4]["attachments"] == {"a.png": {"image/png": "aa=="}}
    nbformat.validate(notebook)
    nbformat.writes(notebook).encode("utf-8")


def test_an_old_notebook_is_read(tmp_path):
    path = tmp_path / "lab1.ipynb"
    old = {"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": ["a = 1"], "language": "python"}]}]}
    path.write_text(json.dumps(old))
    assert [c.source for c in read_notebook(path).cells] == ["a = 1"]


def test_outputs_do_not_come_along(tmp_path):
    path = tmp_path / "lab1.ipynb"
    raw = {"cell_type": "code", "source": "1", "outputs": [{"output_type": "stream", "text": "x" * 10**6}]}
    path.write_text(json.dumps({"cells": [raw]}))
    assert read_notebook(path).cells[0].outputs == []


def test_of_an_exploring_cell_definitions_are_kept_and_nothing_runs():
    explore = new_code_cell(
        "import math\ndef helper(x):\n    '''Two\n    lines.'''\n    return x\n%timeit helper(1)\n"
        "half = lambda x: x / 2\nN: int = 3\nR, S = (3, 5)\nkernel = [[1], -2, 2 ** -3]\n"
        "table = {'relu': helper, 'floor': math.floor, 'half': lambda x: half(x)}\nroot = math.sqrt\n"
        "loaded = helper(3)\nitems = [x for x in table]\nkernel[0] = 7\nos._exit(1)"
    )
    explore.metadata["tags"] = [cells.EXPLORE]
    notebook = clean(submission(explore))
    restore(notebook, ROLES)
    sources = runnable(notebook, ["check_pool"])
    assert 'check("pool")' not in sources.values()
    namespace = {}
    exec(list(sources.values())[-1], namespace)
    assert not {"loaded", "items"} & set(namespace)
    assert [namespace[name] for name in ("N", "R", "S", "kernel")] == [3, 3, 5, [7, -2, 0.125]]
    table = namespace["table"]
    assert [table[name](1.5) for name in ("relu", "floor", "half")] == [1.5, 1, 0.75] and namespace["root"](9) == 3
    assert namespace["helper"].__doc__ == "Two\n    lines."


def test_a_definition_that_fails_does_not_take_the_others_with_it():
    source = (
        "from __future__ import annotations\nimport no_such_package\nfrom google.colab import drive\n"
        "@no_such_package.jit\ndef fast(): pass\ndef helper(x: Tensor): return x\nclass Mine(Base): pass\n"
        "K = data.K\nTABLE = {'helper': helper}"
    )
    namespace = {}
    exec(definitions(source), namespace)
    assert namespace["TABLE"]["helper"](3) == 3
    assert not {"fast", "Mine", "K", "drive"} & set(namespace)


def test_a_tag_does_not_hide_an_answer():
    notebook = submission()
    notebook.cells[1].metadata["tags"] = [cells.EXPLORE]
    notebook = clean(notebook)
    restore(notebook, ROLES)
    assert "def pool(): return 1" in runnable(notebook, ["check_pool"]).values()


def test_cells_that_explore_without_end_are_not_read_without_end():
    long = "def helper():\n    return 1\n#" + " word" * 60_000
    notebook = clean(submission(*(new_code_cell(long) for _ in range(5))))
    for cell in notebook.cells[-5:]:
        cell.metadata["tags"] = [cells.EXPLORE]
    restore(notebook, ROLES)
    assert sum("helper" in source for source in runnable(notebook, ["check_pool"]).values()) == 1


def without_tags(notebook):
    """Return a notebook as Deepnote writes it."""
    for cell in notebook.cells:
        cell.metadata["tags"] = []
    return notebook


@pytest.mark.parametrize("lab", all_labs(), ids=lambda lab: lab.name)
def test_released_cells_that_explore_are_known_without_their_tags(lab):
    text = ROOT / "assignments" / lab.name / f"{lab.name}.md"
    checks = [check.grade_id for check in lab.checks]
    usual = runnable(clean(jupytext.read(text)), checks)
    lost = clean(without_tags(jupytext.read(text)))
    assert runnable(lost, checks, lab.explore_cells) == usual
    # Copied into a new notebook, cells keep no role either: whatever runs more, no cell that explores does.
    copied = clean(new_notebook(cells=[new_code_cell(cell.source) for cell in lost.cells if cell.cell_type == "code"]))
    ran = runnable(copied, checks, lab.explore_cells).values()
    explored = [cell.source for cell in jupytext.read(text).cells if "explore" in cell.metadata.get("tags", [])]
    assert set(usual.values()) <= set(ran) and not [source for source in explored if source in ran]


@pytest.mark.parametrize(
    ("source", "explores"),
    [
        ("places = 1\r\n\r\n\r\nprint(places)  \r\n", True),
        ("\n# Room for your own.\nx = train()", True),
        ("%%time\n\n# explore\nx = train()", True),
        ("#explore\nx = 1", False),
        ("# explore the kernels\nx = 1", False),
        ("places = 1\nprint(places + 1)", False),
        ("x = 1\n# Room for your own.", False),
        ("", False),
        ("\ud800", False),
    ],
)
def test_text_tells_which_cell_only_explores(source, explores):
    released = {fingerprint("places = 1\nprint(places)"), fingerprint("# Room for your own."), fingerprint("print(2)")}
    assert cells.explores(new_code_cell(source), released) == explores
    answer = new_code_cell(source)
    answer.metadata["nbgrader"] = ROLES["pool"].metadata
    assert not cells.explores(answer, released), "an answer runs whatever it holds"


def test_what_is_cut_is_told():
    ordinary = [{"cell_type": "code", "source": f"x = {number}"} for number in range(cells.MAX_CELLS)]
    assert restore(clean({"cells": ordinary}), {}) == []
    notebook = clean({"cells": [*ordinary, {"cell_type": "code", "source": "def pool(): return 1"}]})
    assert restore(notebook, {}) == [
        f"The notebook has {cells.MAX_CELLS + 1} cells, and {cells.MAX_CELLS} are read; those after them were left out."
    ]
    assert restore(notebook, {}) == [], "once"
    full = "x = 1\n" + "#" * (MAX_SOURCE - 6)
    long = [
        ("code", full),
        ("code", full + "#"),
        ("markdown", full + "#"),
        ("code", ["x = 1\n"] * (MAX_SOURCE // 6 + 1)),
    ]
    notebook = clean({"cells": [{"cell_type": kind, "source": source} for kind, source in long]})
    assert [len(cell.source) for cell in notebook.cells] == [MAX_SOURCE, 0, MAX_SOURCE, 0]
    (note,) = restore(notebook, {})
    assert note == "The cells 2, 3, 4 are longer than 1 MB: code of that length is left out, and text is cut off."
    (note,) = restore(clean({"cells": [{"cell_type": "code", "source": full + "#"}] * 12}), {})
    assert note.startswith("The cells 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and others are longer")


@pytest.mark.parametrize("source", ["def f(:", "\x00", "(" * 5000, "%%bash\nrm -rf /"])
def test_definitions_of_a_cell_that_cannot_be_parsed_are_none(source):
    assert "rm" not in definitions(source).replace("run_cell_magic", "")


@pytest.mark.parametrize("part", ["{},", "[],", "0,"])
def test_a_file_of_many_small_values_is_refused_before_it_is_read(tmp_path, part):
    path = tmp_path / "lab1.ipynb"
    path.write_text('{"metadata": {}, "cells": [' + part * cells.MAX_PARTS + "{}]}")
    with pytest.raises(UnreadableNotebookError, match="too many values to be read. Choose Edit > Clear"):
        read_notebook(path)
    path.write_text('{"metadata": [' + part * (cells.MAX_PARTS // 3) + '0], "cells": []}')
    assert read_notebook(path).cells == []


def test_a_notebook_in_a_folder_that_is_a_link_is_not_read(tmp_path):
    (tmp_path / "somebody").mkdir()
    (tmp_path / "somebody" / "lab1.ipynb").write_text('{"cells": []}')
    (tmp_path / "mine").symlink_to(tmp_path / "somebody")
    assert read_notebook(tmp_path / "somebody" / "lab1.ipynb").cells == []
    with pytest.raises(UnreadableNotebookError, match="not a link"):
        read_notebook(tmp_path / "mine" / "lab1.ipynb")
