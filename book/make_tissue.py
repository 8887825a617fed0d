"""Choose real images of PatchCamelyon for the page of the lab that has them: drawn with a seed, not by how they look.

Needs PatchCamelyon and a second. Its images are in the public domain (CC0), so that some of them can stand on the site.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from book.stored import DATA, circumstances
from source_lib.atomic_files import atomic_write
from source_lib.data.locations import DatasetError
from source_lib.data.patchcam import load_patchcam

OUTPUT = DATA / "tissue.npz"
EACH, SEED = 8, 0


def chosen(images: np.ndarray, labels: np.ndarray, each: int = EACH, seed: int = SEED) -> tuple[np.ndarray, np.ndarray]:
    """Return images of both classes, drawn at random.

    Parameters
    ----------
    images : numpy.ndarray of uint8, shape [count, rows, columns, 3]
        All that there are.
    labels : numpy.ndarray, shape [count]
        0 without tumor, 1 with tumor.
    each : int
        How many of each class.
    seed : int
        The same seed draws the same images.

    Returns
    -------
    images : numpy.ndarray of uint8, shape [2 * each, rows, columns, 3]
        First those of class 0.
    labels : numpy.ndarray of int64, shape [2 * each]
        Their classes.

    Raises
    ------
    ValueError
        If a class has fewer images than are asked for.
    """
    rng = np.random.default_rng(seed)
    places = []
    for label in (0, 1):
        of_class = np.flatnonzero(np.asarray(labels) == label)
        if len(of_class) < each:
            raise ValueError(f"Class {label} has {len(of_class)} images, and {each} are asked for.")
        places += [*rng.choice(of_class, each, replace=False)]
    return np.asarray(images)[places], np.asarray(labels)[places].astype(np.int64)


def write(path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    """Write the images, their classes, and how they were chosen."""
    about = {"each": len(labels) // 2, "seed": SEED, **circumstances()}
    arrays = {"images": images, "labels": labels, "about": np.frombuffer(json.dumps(about).encode(), np.uint8)}
    with atomic_write(path) as part, part.open("wb") as file:
        np.savez_compressed(file, **arrays)


def main(argv: list[str] | None = None) -> int:
    """Choose from the command line; 1 with the reason where the images are not there."""
    parser = argparse.ArgumentParser(description="Choose images of tissue for the lab's page.")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="where to (default: into book/_data)")
    options = parser.parse_args(argv)
    try:
        (images, labels, *_), origin = load_patchcam(verbose=False)
        write(options.output, *chosen(images, labels))
    except (DatasetError, OSError, ValueError) as error:
        print(f"Nothing was chosen. {error}", file=sys.stderr)
        return 1
    print(f"{options.output.name} holds {2 * EACH} images, from {origin}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
