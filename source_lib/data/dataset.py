"""What describes one data set of the course."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

#: Images and labels for training and for testing, and for validation where a data set brings those too.
Arrays = tuple[np.ndarray | None, ...]


@dataclass(frozen=True)
class Dataset:
    """What one data set is called, and how its real files and its sample are loaded.

    Attributes
    ----------
    name : str
        What `DataGenerator.generate` is called with.
    title, sample_title : str
        Names of the real images and of the sample for figures and tables.
    class_names : tuple of str
        What the classes are called.
    n_train : int
        Number of real images for training and, where `brings_validation` is False, for validation.
    load : callable
        Gets whether to show progress; returns `Arrays` of bytes and where they came from, in a few words. Raises
        DatasetError where the real images are missing or damaged.
    sample : callable
        Returns `Arrays` of the same layout, offline.
    sample_folder : str
        Where a package keeps the files that the sample is made of, from its own name on; empty where it is drawn.
    brings_validation : bool
        Whether it brings validation images of its own, and keeps the labels of the test images back.
    sample_class_names : tuple of str
        What the classes of the sample are called, where they differ; as many.
    """

    name: str
    title: str
    sample_title: str
    class_names: tuple[str, ...]
    n_train: int
    load: Callable[[bool], tuple[Arrays, str]]
    sample: Callable[[], Arrays]
    sample_folder: str = ""
    brings_validation: bool = False
    sample_class_names: tuple[str, ...] = ()
