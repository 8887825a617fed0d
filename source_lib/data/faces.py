"""Small gray images, half of them faces, that ship with scikit-image."""

from __future__ import annotations

import numpy as np

#: Rows and columns of each image.
SIZE = 25


def load_faces() -> tuple[np.ndarray, np.ndarray]:
    """Return 100 faces and 100 images without a face, in turn.

    They are a part of *Labeled Faces in the Wild* that scikit-image ships, without names: nobody is to be recognized.

    Returns
    -------
    images : numpy.ndarray of float32, shape [200, 25, 25, 1]
        Values from -1 to 1.
    is_face : numpy.ndarray of int64, shape [200]
        1 for a face, 0 for none.

    References
    ----------
    G. B. Huang, M. Ramesh, T. Berg and E. Learned-Miller, "Labeled Faces in the Wild: a database for studying face
    recognition in unconstrained environments", technical report 07-49, University of Massachusetts, Amherst, 2007.

    Examples
    --------
    >>> images, is_face = load_faces()
    >>> images.shape, is_face[:4].tolist()
    ((200, 25, 25, 1), [1, 0, 1, 0])
    """
    from skimage import data

    found = np.asarray(data.lfw_subset(), dtype="float32")
    # The file has all faces first.
    order = np.stack([np.arange(100), np.arange(100, 200)], axis=1).ravel()
    return 2 * found[order][..., None] - 1, (order < 100).astype(np.int64)
