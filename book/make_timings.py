"""Measure what the chapter *Making it fast* shows: its own code, as its text has it, one way against the other.

Takes about five minutes of one core. All ways use one core and are measured in turn, each round in another order. The
clock is that of the processor, which stands still while others have it. What counts is the ratio of two ways within a
round, since what others leave in the caches is seldom the same.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jupytext

from book.stored import BOOK, DATA, circumstances, write_lines
from source_lib.tensorflow_settings import quiet_tensorflow

if TYPE_CHECKING:
    import numpy as np

OUTPUT = DATA / "timings.jsonl"
CHAPTER = BOOK / "theory" / "fast.md"
ROUNDS = 25
#: A call that is over sooner is repeated until so many seconds have passed, since a clock has a grain.
LEAST = 0.02
#: Pixels along one side of what comes out, and kernels. All ways are compared at the middle size.
SIDE, COUNT, SIZE = 64, 8, 5
#: Sizes of kernels for the ways that can stand them, and pixels along one side of what comes out then.
SIZES, SWEEP_SIDE = (3, 5, 7, 9, 11, 15, 21, 31), 128
#: Images at once, for a convolution and for a dense layer of so many inputs and outputs.
BATCHES, UNITS = (1, 4, 16, 64, 256), 4096
#: Pixels along one side, channels in and out, and size of the kernels of the convolution of a batch.
LAYER = (14, 32, 3)
#: Numbers in a vector that is far too long for a cache, rows of a square matrix that is too large for one, and rows of
#: square matrices whose product shows how fast the machine multiplies.
LONG, SQUARE, PEAK = 1 << 26, 4096, 2048


class TimingsError(Exception):
    """Something that may not be measured. The text says why."""


@dataclass(frozen=True)
class Study:
    """What is measured together.

    Attributes
    ----------
    calls : dict
        By what a line of the file says about it, a function without arguments. Keys are tuples of pairs, such as
        ``(("way", "by_fft"), ("size", 5))``.
    agree : list of tuple
        Groups of keys whose functions must give the same numbers.
    """

    calls: dict[tuple[tuple[str, Any], ...], Callable[[], Any]]
    agree: list[list[tuple[tuple[str, Any], ...]]] = field(default_factory=list)


def chapter_code() -> str:
    """Return the cells of the chapter that are tagged ``timed``, one after the other."""
    cells = jupytext.read(CHAPTER).cells
    return "\n\n".join(cell.source for cell in cells if "timed" in cell.metadata.get("tags", ()))


def ways() -> dict[str, Callable[[np.ndarray, np.ndarray], Any]]:
    """Return the chapter's own functions, by name.

    Returns
    -------
    dict
        Each takes an image [rows, columns] and kernels [R, S, count], and returns their *valid* cross-correlations
        [rows - R + 1, columns - S + 1, count].
    """
    space: dict[str, Any] = {}
    exec(compile(chapter_code(), str(CHAPTER), "exec"), space)
    return {name: value for name, value in space.items() if name.startswith("by_")}


def one_layer(side: int = SIDE, count: int = COUNT, size: int = SIZE) -> Study:
    """Every way, on one image of one channel."""
    found = ways()
    image, kernels = _inputs(side, count, size)
    calls = {(("way", name),): _call(way, image, kernels) for name, way in found.items()}
    return Study(calls, [list(calls)])


def kernel_sizes(side: int = SWEEP_SIDE, count: int = COUNT, sizes: Iterable[int] = SIZES) -> Study:
    """The ways that need no Python loop over pixels, for small and large kernels and an output of the same size."""
    found = ways()
    calls, agree = {}, []
    for size in sizes:
        image, kernels = _inputs(side, count, size)
        group = {
            (("way", name), ("size", size)): _call(found[name], image, kernels)
            for name in ("by_shifts", "by_rows", "by_scipy", "by_fft", "by_keras")
        }
        calls |= group
        agree.append(list(group))
    return Study(calls, agree)


def batches(layer: tuple[int, int, int] = LAYER, sizes: Iterable[int] = BATCHES) -> Study:
    """Keras' convolution of a layer in the middle of a network, for one image and for many at once."""
    import keras
    import numpy as np

    side, channels, size = layer
    rng = np.random.default_rng(0)
    kernels = keras.ops.convert_to_tensor(rng.normal(size=(size, size, channels, channels)).astype(np.float32))
    calls = {}
    for batch in sizes:
        images = keras.ops.convert_to_tensor(rng.normal(size=(batch, side, side, channels)).astype(np.float32))
        calls[(("batch", batch),)] = lambda images=images: keras.ops.conv(images, kernels, padding="same")
    return Study(calls)


def products(units: int = UNITS, sizes: Iterable[int] = BATCHES, peak: int = PEAK, long: int = LONG) -> Study:
    """The matrix product of a dense layer, for batches, and what the machine can do: arithmetic and reading alone.

    In ``reading``, each number is multiplied by itself and the products are added up, which waits for memory.
    ``arithmetic`` is a product of square matrices that are used again and again from the cache.
    """
    import numpy as np

    rng = np.random.default_rng(0)
    weights = rng.random((units, units), dtype=np.float32)
    calls = {}
    for batch in sizes:
        x = rng.random((batch, units), dtype=np.float32)
        calls[(("what", "dense"), ("batch", batch))] = _call(np.matmul, x, weights)
    for kind in (np.float32, np.float64):
        name = np.dtype(kind).name
        square = rng.random((peak, peak)).astype(kind)
        vector = np.ones(long, kind)
        calls[(("what", "arithmetic"), ("dtype", name))] = _call(np.matmul, square, square)
        calls[(("what", "reading"), ("dtype", name))] = _call(np.dot, vector, vector)
    return Study(calls)


def layout(square: int = SQUARE) -> Study:
    """A matrix that is copied row by row as it lies in memory, or so that rows become columns."""
    import numpy as np

    values = np.random.default_rng(0).random((square, square), dtype=np.float32)
    target = np.empty_like(values)
    return Study(
        {
            (("copied", "along rows"),): _call(np.copyto, target, values),
            (("copied", "across"),): _call(np.copyto, target, values.T),
        }
    )


STUDIES: dict[str, Callable[[], Study]] = {
    "one layer": one_layer,
    "kernel sizes": kernel_sizes,
    "batches": batches,
    "products": products,
    "layout": layout,
}


def in_turns(
    calls: Mapping[Any, Callable[[], Any]], rounds: int, least: float = LEAST
) -> tuple[dict[Any, list[float]], dict[Any, int]]:
    """Measure functions in turn.

    Parameters
    ----------
    calls : mapping
        Functions without arguments.
    rounds : int
        In each, every function has its turn, in an order drawn at random.
    least : float
        Seconds of the processor that a turn takes at least: the function is called so often.

    Returns
    -------
    seconds : dict
        For each function and round, what one call took of the processor, on average.
    repeats : dict
        Calls in a turn.
    """
    repeats = {}
    for key, call in calls.items():
        call()  # Whatever is set up only once.
        once = min(_seconds(call, 1) for _ in range(3))
        repeats[key] = max(1, round(least / max(once, 1e-9)))
    seconds: dict[Any, list[float]] = {key: [] for key in calls}
    order, rng = list(calls), random.Random(0)
    for _ in range(rounds):
        rng.shuffle(order)
        for key in order:
            seconds[key].append(_seconds(calls[key], repeats[key]) / repeats[key])
    return seconds, repeats


def check_agreement(study: Study) -> None:
    """Compare what the functions of a study give.

    Raises
    ------
    TimingsError
        If two of them differ by more than float32 rounds: the time of a wrong answer is worth nothing.
    """
    import numpy as np

    for group in study.agree:
        first, *others = ((key, np.asarray(study.calls[key](), dtype=float)) for key in group)
        scale = np.abs(first[1]).max()
        for key, values in others:
            if values.shape != first[1].shape or np.abs(values - first[1]).max() > 1e-4 * scale:
                raise TimingsError(f"{dict(key)} does not give the same numbers as {dict(first[0])}.")


def memory(call: Callable[[], Any]) -> int:
    """Return how many bytes a function holds at most while it runs, as far as NumPy and Python know."""
    call()
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def make(output: Path = OUTPUT, studies: Iterable[str] = tuple(STUDIES), rounds: int = ROUNDS) -> None:
    """Measure, and write what was found: a line about it all, then one for each function of each study.

    Parameters
    ----------
    output : Path
        The file, JSON lines.
    studies : iterable of str
        Names, as in `STUDIES`.
    rounds : int
        For each study.

    Raises
    ------
    TimingsError
        If two ways do not give the same numbers.
    """
    import scipy
    import tensorflow as tf
    from threadpoolctl import threadpool_info, threadpool_limits

    cores = circumstances()
    start = time.monotonic()
    lines = []
    with threadpool_limits(1):
        for name in studies:
            print(name, flush=True)
            study = STUDIES[name]()
            check_agreement(study)
            seconds, repeats = in_turns(study.calls, rounds)
            for key, call in study.calls.items():
                line = {"study": name, **dict(key), "repeats": repeats[key], "seconds": _short(seconds[key])}
                # What TensorFlow holds, nobody here can see.
                if name == "one layer" and dict(key)["way"] != "by_keras":
                    line["bytes"] = memory(call)
                lines.append(line)
        threads = {"numpy": max(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")}
    threads["tensorflow"] = tf.config.threading.get_intra_op_parallelism_threads() or cores["cores"]
    about = {
        "studies": list(studies),
        "rounds": rounds,
        "code": code_key(),
        "one layer": {"side": SIDE, "count": COUNT, "size": SIZE},
        "kernel sizes": {"side": SWEEP_SIDE, "count": COUNT, "sizes": SIZES},
        "batches": {"side": LAYER[0], "channels": LAYER[1], "size": LAYER[2], "batches": BATCHES},
        "products": {"units": UNITS, "batches": BATCHES, "arithmetic": PEAK, "reading": LONG},
        "layout": {"square": SQUARE},
        "threads": threads,
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1") != "0",
        "minutes": round((time.monotonic() - start) / 60, 1),
        **cores,
    }
    about["versions"]["scipy"] = scipy.__version__
    write_lines(output, [about, *lines])


def code_key() -> str:
    """Return what stands for the chapter's code: times of other code are not times of this one."""
    return hashlib.sha256(chapter_code().encode()).hexdigest()[:8]


def _inputs(side: int, count: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return an image and kernels such that each output has `side` rows and columns."""
    import numpy as np

    rng = np.random.default_rng(size)
    image = rng.normal(size=(side + size - 1,) * 2).astype(np.float32)
    return image, rng.normal(size=(size, size, count)).astype(np.float32)


def _call(function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    return lambda: function(*arguments)


def _seconds(call: Callable[[], Any], repeats: int) -> float:
    start = time.process_time()
    for _ in range(repeats):
        call()
    return time.process_time() - start


def _short(values: Iterable[float]) -> list[float]:
    return [float(f"{value:.4g}") for value in values]


def main(argv: list[str] | None = None) -> int:
    """Make the file from the command line; 1 with the reason where it could not be made."""
    quiet_tensorflow()
    parser = argparse.ArgumentParser(description="Measure what the chapter on speed shows.")
    parser.add_argument("--studies", choices=list(STUDIES), nargs="+", default=list(STUDIES), help="default: all")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"of each study (default: {ROUNDS})")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the file (default: the one that the book reads)")
    options = parser.parse_args(argv)
    if options.rounds < 1:
        parser.error("there is at least one round")
    if options.output == OUTPUT and (options.rounds, options.studies) != (ROUNDS, list(STUDIES)):
        parser.error("the book's own file holds all studies and rounds: name another --output")

    import tensorflow as tf

    try:
        # One core for everybody, so that ways and not numbers of cores are compared.
        tf.config.threading.set_intra_op_parallelism_threads(1)
        make(options.output, options.studies, options.rounds)
    except (TimingsError, OSError) as error:
        print(f"The timings were not made. {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. Nothing was written.", file=sys.stderr)
        return 130
    print(f"The timings are in {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
