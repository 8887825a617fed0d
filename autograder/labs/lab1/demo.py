"""The sample class of lab 1."""

from __future__ import annotations

from nbformat.notebooknode import NotebookNode

from autograder.checking.sample_class import BEGIN, Sample, SampleClass, add, edit, find_cell


def _cheat(notebook: NotebookNode) -> None:
    add(
        "import numpy as np\n"
        "np.allclose = np.array_equal = lambda *args, **kwargs: True\n"
        "np.testing.assert_allclose = lambda *args, **kwargs: None\n"
        "class Right(float):\n"
        "    __eq__ = __le__ = __ge__ = lambda self, other: True\n"
        "def conv2d_layer(*args):\n"
        "    return Right(1)\n"
        "print(open('../../../gradebook.db', 'rb').read())",
        before="check_conv2d_layer",
    )(notebook)
    for cell in notebook.cells:
        meta = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code" and meta.get("grade"):
            cell.source = f"float({meta['points']})"
        elif cell.cell_type == "code" and meta.get("solution") and meta["grade_id"] != "activation":
            cell.source = "# Not worth the work."


def _borrow(notebook: NotebookNode) -> None:
    find_cell(
        notebook, "pool2d_layer"
    ).source = "def pool2d_layer(h):\n    return keras.layers.MaxPooling2D()(h[None])[0].numpy()"


SAMPLE_CLASS = SampleClass(
    written="The loop asks Python once per channel and sample; the fast version asks once per batch.",
    samples=(
        Sample("01-full-marks", (35, 35)),
        Sample("02-kernel-not-flipped", (32.5, 32.5), frozenset(("conv2d_layer",)), edit("conv2d_layer", "::-1", ":")),
        Sample(
            "03-mean-instead-of-max", (31, 31), frozenset(("pool2d_layer",)), edit("pool2d_layer", "np.max", "np.mean")
        ),
        Sample(
            "04-biases-not-counted", (34.25, 34.25), frozenset(("count_weights",)), edit("count_weights", ", *b", "")
        ),
        Sample("06-crash", (35, 35), change=add("import ctypes\nctypes.string_at(0)", "activation"), flagged=True),
        Sample(
            "07-endless-loop",
            (33, 33),
            frozenset(("flatten_layer",)),
            edit("flatten_layer", BEGIN, "while True:\n        pass"),
        ),
        Sample(
            "08-cheat",
            (4, 4),
            frozenset(
                (
                    *("conv2d_layer", "pool2d_layer", "flatten_layer", "dense_layer", "count_weights", "evaluate"),
                    "fast_conv2d_layer",
                )
            ),
            _cheat,
            flagged=True,
        ),
        Sample("09-lets-keras-do-it", (31, 31), frozenset(("pool2d_layer",)), _borrow),
        Sample(
            "10-not-a-notebook",
            (0, 0),
            frozenset(
                (
                    *("activation", "conv2d_layer", "pool2d_layer", "flatten_layer"),
                    *("dense_layer", "count_weights", "evaluate", "fast_conv2d_layer"),
                )
            ),
            content=lambda content: content[: len(content) // 2],
            flagged=True,
        ),
    ),
)
