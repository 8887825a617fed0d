"""Where things stand: answers moved, copied, split and defined again, and files beside the notebook."""

import json

import nbformat
import numpy as np

from tests.fairness.submission import answer, extra, named, submission


@submission
def checks_are_gone(notebook, folder):
    """The check cells, the pictures and the text were deleted; only answers are left."""
    kept = ("setup", "discussion")
    notebook.cells = [
        cell
        for cell in notebook.cells
        if (nbgrader := cell.metadata.get("nbgrader", {})).get("solution") or nbgrader.get("grade_id") in kept
    ]


@submission
def without_set_up(notebook, folder):
    """The set-up cell was deleted and replaced by an own cell of imports without the course's packages."""
    notebook.cells.remove(named(notebook, "setup"))
    extra(
        notebook,
        """
        import numpy as np, pandas as pd
        import matplotlib.pyplot as plt
        from scipy.signal import convolve2d
        from skimage.measure import block_reduce
        from numpy.lib.stride_tricks import sliding_window_view
        """,
    )


@submission
def set_up_with_more_imports(notebook, folder):
    """Own imports were added to the locked set-up cell."""
    named(notebook, "setup").source += "\nfrom scipy import signal, ndimage\nimport math\nπ = math.pi"
    cell = named(notebook, "conv2d_layer")
    cell.source = cell.source.replace("convolve2d(h", "signal.convolve2d(h")


@submission
def moved_cells(notebook, folder):
    """The answers were moved to the end of the notebook, in the opposite order, behind the checks."""
    answers = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("solution")]
    notebook.cells = [cell for cell in notebook.cells if cell not in answers] + answers[::-1]


@submission
def answers_below_the_stubs(notebook, folder):
    """The released cells still raise NotImplementedError; the answers stand in own cells below them."""
    for function in ("activation", "conv2d_layer", "pool2d_layer", "flatten_layer", "dense_layer"):
        cell = named(notebook, function)
        text = cell.source
        head = text[: text.index("\n", text.index("def "))]
        cell.source = f"{head}\n    # YOUR CODE HERE\n    raise NotImplementedError()"
        notebook.cells.insert(notebook.cells.index(cell) + 1, nbformat.v4.new_code_cell(text))


@submission
def answer_in_two_cells(notebook, folder):
    """An answer is split: its cell holds a class without methods, cells below add them."""
    answer(
        notebook,
        conv2d_layer="""
            class Convolution:
                pass

            convolution = Convolution()

            def conv2d_layer(h, W, b, act):
                return convolution(h, W, b, act)
            """,
    )
    extra(
        notebook,
        """
        def plane(self, h, W, o):
            return sum(convolve2d(h[..., i], W[::-1, ::-1, i, o], mode="same") for i in range(h.shape[2]))
        Convolution.plane = plane
        """,
        before="check_conv2d_layer",
    )
    extra(
        notebook,
        """
        def call(self, h, W, b, act):
            return activation(np.stack([self.plane(h, W, o) for o in range(len(b))], axis=-1) + b, act)
        Convolution.__call__ = call
        """,
        before="pool2d_layer",
    )


@submission
def defined_again(notebook, folder):
    """First tries are wrong; later cells define the functions again, by def, by assignment and in a loop."""
    for function in ("activation", "pool2d_layer", "flatten_layer", "count_weights"):
        right = named(notebook, function).source
        named(notebook, function).source = f"def {function}(*args):\n    return None  # Første forsøk"
        extra(notebook, right, before=None)
    text = named(notebook, "dense_layer").source
    named(notebook, "dense_layer").source = "def dense_layer(h, W, b, act):\n    return activation(W.T @ h + b, act)"
    extra(notebook, text.replace("def dense_layer", "def dense_layer_v2"), before=None)
    again = "dense_layer = dense_layer_v2\nfor name in ['evaluate']:\n    globals()[name] = eval(name)"
    extra(notebook, again, before=None)


@submission
def copied_cells(notebook, folder):
    """Answers and checks were copied with all their settings, and the copies left in place."""
    for name in ("conv2d_layer", "check_conv2d_layer", "evaluate", "check_evaluate", "setup"):
        cell = named(notebook, name)
        copied = json.loads(json.dumps(cell)) | {"id": f"copy-of-{name}"}
        notebook.cells.insert(notebook.cells.index(cell) + 1, nbformat.from_dict(copied))


# What lies beside the notebook.


@submission
def helper_modules(notebook, folder):
    """Modules and a package lie beside the notebook, some with names that other packages have too."""
    (folder / "my_helpers.py").write_text(
        "import numpy as np\n\ndef pad(h, R, S):\n    return np.pad(h, ((R // 2,) * 2, (S // 2,) * 2, (0, 0)))\n"
    )
    (folder / "sandbox.py").write_text("def even(h):\n    return h[: len(h) // 2 * 2, : h.shape[1] // 2 * 2]\n")
    (folder / "cnn.py").write_text("from utils import softmax\n\ndef relu(x):\n    return x * (x > 0)\n")
    (folder / "utils.py").write_text(
        "import numpy as np\n\n\ndef softmax(x):\n    e = np.exp(x - x.max())\n    return e / e.sum()\n"
    )
    (folder / "worker").mkdir()
    (folder / "worker" / "__init__.py").write_text("from .losses import cross_entropy\n")
    (folder / "worker" / "losses.py").write_text(
        "import numpy as np\n\ndef cross_entropy(p, t):\n    return -np.log(np.maximum(p[t == 1], 1e-9)).mean()\n"
    )
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "my_helpers.cpython-39.pyc").write_bytes(b"\x00stale")
    extra(notebook, "import sandbox\nimport my_helpers as mh\nfrom cnn import *\nfrom worker import cross_entropy")
    answer(
        notebook,
        activation="""
            def activation(x, activation):
                sigmoid = lambda v: 0.5 + 0.5 * np.tanh(v / 2)
                return {"linear": np.array, "relu": relu, "sigmoid": sigmoid, "softmax": softmax}[activation](x)
            """,
        conv2d_layer="""
            def conv2d_layer(h, W, b, act):
                windows = sliding_window_view(mh.pad(h, *W.shape[:2]), W.shape[:2], axis=(0, 1))
                return activation(np.einsum("yxirs,rsio->yxo", windows, W, optimize="greedy") + b, act)
            """,
        pool2d_layer="def pool2d_layer(h):\n    return block_reduce(sandbox.even(h), (2, 2, 1), np.max)",
        evaluate="""
            def evaluate(y_prob, y_onehot):
                return cross_entropy(y_prob, y_onehot), 100 * (y_prob.argmax(1) == y_onehot.argmax(1)).mean()
            """,
    )


@submission
def files_beside(notebook, folder):
    """Settings and weights are read from files beside the notebook, some only when an answer is asked."""
    (folder / "settings.json").write_text(json.dumps({"mode": "same", "eps": 1e-10, "namn": "Åsa"}), encoding="utf-8")
    (folder / "data").mkdir()
    np.savez(folder / "data" / "flip.npz", order=np.array([-1, -1]))
    (folder / "data" / "percent.csv").write_text("what;factor\r\naccuracy;100\r\n")
    (folder / ".DS_Store").write_bytes(b"\x00\x00\x00\x01Bud1")
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "lab1-checkpoint.ipynb").write_text("{}")
    (folder / "lab1 (old copy).ipynb").write_text("not even JSON")
    (folder / "cat.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100_000))
    extra(
        notebook,
        """
        import json
        from pathlib import Path
        settings = json.load(open("settings.json", encoding="utf-8"))
        flip = np.load("data/flip.npz")["order"]
        factor = pd.read_csv("data/percent.csv", sep=";")["factor"][0]
        Path("notes").mkdir(exist_ok=True)
        """,
    )
    answer(
        notebook,
        conv2d_layer="""
            def conv2d_layer(h, W, b, act):
                z = np.zeros((*h.shape[:2], W.shape[3]))
                for o in range(W.shape[3]):
                    for i in range(W.shape[2]):
                        z[..., o] += convolve2d(h[..., i], W[::flip[0], ::flip[1], i, o], mode=settings["mode"])
                return activation(z + b, act)
            """,
        evaluate="""
            def evaluate(y_prob, y_onehot):
                eps = json.loads(Path("settings.json").read_text())["eps"]
                Path("notes/log.txt").write_text("evaluated")
                hits = y_prob.argmax(1) == y_onehot.argmax(1)
                return -np.log(y_prob[y_onehot > 0] + eps).mean(), hits.mean() * factor
            """,
    )


@submission
def whole_project(notebook, folder):
    """The whole folder was handed in: a repository, an environment, caches, and among them a module that is needed."""
    for place in (".git/objects", ".venv/lib", "__pycache__", "__MACOSX"):
        (folder / place).mkdir(parents=True)
        for number in range(120):
            (folder / place / f"{number}.bin").write_bytes(b"x")
    (folder / ".venv" / "python3").symlink_to("python")
    (folder / "layers.py").write_text("def flat(h):\n    return h.reshape(-1)\n")
    answer(notebook, flatten_layer="from layers import flat\n\ndef flatten_layer(h):\n    return flat(h)")


@submission
def files_written_by_cells(notebook, folder):
    """Cells write a module and a script with %%writefile, then import and run them."""
    extra(notebook, "%%writefile layers.py\nimport numpy as np\n\ndef flat(h):\n    return np.asarray(h).reshape(-1)\n")
    extra(notebook, "%%writefile setup_lab.py\nEPS = 1e-11\nprint('ready', __name__)\n")
    extra(notebook, "import layers\nfrom layers import flat\n%run setup_lab.py\n%run -i setup_lab.py")
    answer(notebook, flatten_layer="def flatten_layer(h):\n    return flat(h)")
    cell = named(notebook, "evaluate")
    cell.source = cell.source.replace("1e-30", "EPS")
