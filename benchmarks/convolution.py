"""How fast the solution's vectorized convolution is: against its own loop, and against Keras.

The functions, the network and the settings of threads are those of the lab's text, so they are measured as a student
meets them. The measurement runs in a process of its own: libraries read such settings when they are loaded.

Other work on the machine only ever adds time, so the least of several times counts. Loop and fast both keep one core
busy, the loop for seconds, in which it may have to share that core: they are compared by processor time. Keras uses
several cores, so it is compared with fast by wall time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jupytext

from autograder.errors import UserError
from autograder.submissions.cells import definitions
from benchmarks.report import Figure, ratio

ROOT = Path(__file__).resolve().parents[1]
TEXT = ROOT / "assignments" / "lab1" / "lab1.md"
IMAGES, ROUNDS = 1000, 5
QUICK_IMAGES, QUICK_ROUNDS = 100, 1
#: How often the short ones are measured for each loop.
SHORT = 5
#: What TensorFlow's own setting, 0, stands for.
_ALL = "as many as there are CPUs"


def figures(quick: bool, tell: Callable[[str], None]) -> list[Figure]:
    """Measure in a fresh process and return the figures.

    Parameters
    ----------
    quick : bool
        Fewer images and one round.
    tell : callable
        Gets a sentence for the reader now and then.

    Returns
    -------
    list of Figure

    Raises
    ------
    UserError
        If the measurement fails.
    """
    images, rounds = (QUICK_IMAGES, QUICK_ROUNDS) if quick else (IMAGES, ROUNDS)
    tell(f"Convolution of {images} images, {rounds} times by the loop and {rounds * SHORT} times by the others")
    command = [sys.executable, "-m", "benchmarks.convolution", str(images), str(rounds)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if ended.returncode != 0:
        reason = (ended.stderr.strip() or "no reason given").splitlines()[-1]
        raise UserError(f"The convolution was not measured: {reason}")
    measured = json.loads(ended.stdout.splitlines()[-1])
    threads = measured["threads"]
    tell("  loop over fast by processor time, fast over Keras by wall time, the least of several")
    tell(f"  images: {measured['title']}")
    tell(f"  threads: NumPy {threads['numpy']}, as the lab sets it; Keras {threads['keras_within']}")
    return judged(measured)


def judged(measured: dict[str, Any]) -> list[Figure]:
    """Return the figures of what `measure` found.

    Parameters
    ----------
    measured : dict
        Its ``layers`` and ``together`` hold times in seconds by clock and way, and differences.

    Returns
    -------
    list of Figure
    """
    layers, together = measured["layers"], measured["together"]
    facts = {key: value for key, value in measured.items() if key not in ("layers", "together")}
    parts = [(f"{len(layers)} convolutional layers", together)] + [(f"  {layer['name']}", layer) for layer in layers]

    def gain(clock: str, times: dict[str, Any]) -> float:
        return ratio(times[clock]["loop"], times[clock]["fast"], of=min)

    found = [
        Figure(f"{name}: loop over fast", gain("cpu", times), 80 if times is together else None, raw=times)
        for name, times in parts
    ]
    found.append(Figure("  all of them by wall time: loop over fast", gain("wall", together), raw=facts))
    for name, times in parts:
        slowness = ratio(times["wall"]["fast"], quicker(times["wall"]), of=min)
        found.append(Figure(f"{name}: fast over Keras' predict", slowness, at_most=1.1))
    worst = max(times["difference"] for _, times in parts)
    return [*found, Figure("largest difference of fast from Keras", worst, at_most=1e-5, timed=False)]


def quicker(times: dict[str, list[float]]) -> list[float]:
    """Return Keras' times with the batches that suit it better: 32 images, its default, or all at once."""
    return min(times["keras_batches_of_32"], times["keras_one_batch"], key=min)


def measure(images: int, rounds: int) -> dict[str, Any]:
    """Measure in this process, which must not have loaded NumPy yet.

    Parameters
    ----------
    images : int
        How many.
    rounds : int
        How often.

    Returns
    -------
    dict
        Times in seconds by clock and way, for each layer and for all together, and under which conditions.
    """
    lab = lab_functions(images)
    import keras
    import numpy as np
    import tensorflow as tf
    from threadpoolctl import threadpool_info

    loop, fast = lab["conv2d_layer"], lab["fast_conv2d_layer"]
    model = lab["new_model"]()
    h = lab["data"].x_train
    parts = []
    for layer, W, b in zip(model.layers, *lab["util"].get_weights(model)[:2], strict=True):
        if isinstance(layer, keras.layers.Conv2D):
            parts.append((layer, h, W, b))
        h = np.asarray(layer(h))

    def keras_ways(model: Any, x: Any) -> dict[str, Callable]:
        return {
            "keras_batches_of_32": lambda: model.predict(x, verbose=0),
            "keras_one_batch": lambda: model.predict(x, verbose=0, batch_size=images),
        }

    layers = []
    for layer, x, W, b in parts:
        alone = keras.Sequential([keras.Input(x.shape[1:]), layer])
        ways = {
            "loop": lambda x=x, W=W, b=b: np.stack([loop(image, W, b, "relu") for image in x]),
            "fast": lambda x=x, W=W, b=b: fast(x, W, b, "relu"),
            **keras_ways(alone, x),
        }
        name = f"{x.shape[1]}×{x.shape[2]}, {W.shape[2]} to {W.shape[3]} channels"
        layers.append({"name": name, **timed(ways, rounds)})

    # One model of all layers side by side, so that Keras pays only once for starting a prediction.
    inputs = [keras.Input(x.shape[1:]) for _, x, _, _ in parts]
    joined = keras.Model(inputs, [layer(entry) for (layer, *_), entry in zip(parts, inputs, strict=True)])
    ways = {"fast": lambda: [fast(x, W, b, "relu") for _, x, W, b in parts]}
    together = timed(ways | keras_ways(joined, [x for _, x, _, _ in parts]), rounds)
    for clock in ("wall", "cpu"):
        loops = zip(*(layer[clock]["loop"] for layer in layers), strict=True)
        together[clock]["loop"] = [sum(seconds) for seconds in loops]

    pools = {Path(pool["filepath"]).parent.name: pool["num_threads"] for pool in threadpool_info()}
    return {
        "images": images,
        "source": lab["data"].source,
        "title": lab["data"].title,
        "threads": {
            "numpy": pools.get("numpy.libs"),
            "keras_within": tf.config.threading.get_intra_op_parallelism_threads() or _ALL,
            "keras_between": tf.config.threading.get_inter_op_parallelism_threads() or _ALL,
            "pools": pools,
            "set": {name: os.environ.get(name) for name in ("OPENBLAS_NUM_THREADS", "TF_ENABLE_ONEDNN_OPTS")},
        },
        "layers": layers,
        "together": together,
    }


def lab_functions(images: int) -> dict[str, Any]:
    """Run what is needed of the lab's text and return its names.

    Parameters
    ----------
    images : int
        How many images ``data.x_train`` gets: MNIST where ``CNN_COURSE_DATA`` has it, else the sample.

    Returns
    -------
    dict
        Among others the solution's functions, ``new_model``, ``data`` and ``util``.

    Raises
    ------
    UserError
        If the text lacks a cell.
    """
    cells = jupytext.read(TEXT).cells
    named = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell.source for cell in cells}
    network = next((cell.source for cell in cells if "def new_model(" in cell.source), None)
    needed = ("setup", "activation", "conv2d_layer", "fast_conv2d_layer")
    if network is None or not named.keys() >= set(needed):
        raise UserError(f"{TEXT.name} lacks one of the cells {', '.join(needed)}, or the one that makes the model.")
    names: dict[str, Any] = {}
    for source in (*(named[name] for name in needed), definitions(network)):
        exec(source, names)

    from source_lib.data.locations import DATA_VARIABLE

    folder = os.environ.get(DATA_VARIABLE)
    here = bool(folder) and (Path(folder).expanduser() / "mnist.npz").is_file()
    names["data"] = names["DataGenerator"](verbose=False)
    # Never "auto": nothing is downloaded for a benchmark.
    names["data"].generate("mnist", N_train=images, source="real" if here else "sample")
    return names


def timed(ways: dict[str, Callable], rounds: int) -> dict[str, Any]:
    """Time some ways in turn, so that whatever else keeps the machine busy meets all of them.

    Parameters
    ----------
    ways : dict of str to callable
        Each runs once before it is timed.
    rounds : int
        How often the way ``loop`` runs, where there is one. The others run `SHORT` times as often.

    Returns
    -------
    dict
        ``wall`` and ``cpu``: seconds by way. ``difference``: how far the result of ``fast`` is from Keras' at most;
        ``difference_of_loop`` the same.
    """
    import numpy as np

    results = {name: way() for name, way in ways.items()}
    wall: dict[str, list[float]] = {name: [] for name in ways}
    cpu: dict[str, list[float]] = {name: [] for name in ways}
    short = [name for name in ways if name != "loop"]
    for _ in range(rounds):
        for name in [*(name for name in ways if name == "loop"), *SHORT * short]:
            start, start_cpu = time.perf_counter(), time.process_time()
            ways[name]()
            wall[name].append(time.perf_counter() - start)
            cpu[name].append(time.process_time() - start_cpu)

    def difference(name: str) -> float:
        ours, theirs = (one if isinstance(one, list) else [one] for one in (results[name], results["keras_one_batch"]))
        return max(float(np.max(np.abs(a - b))) for a, b in zip(ours, theirs, strict=True))

    found: dict[str, Any] = {"wall": wall, "cpu": cpu, "difference": difference("fast")}
    return found | ({"difference_of_loop": difference("loop")} if "loop" in ways else {})


if __name__ == "__main__":
    try:
        print(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2]))))
    except (UserError, ValueError) as error:
        sys.exit(str(error))
