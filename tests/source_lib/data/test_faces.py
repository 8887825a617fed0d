"""Faces: half of the images are some, in turn, scaled as all images of the course are."""

import numpy as np

from source_lib.data.faces import load_faces


def test_faces_and_others_come_in_turn():
    images, is_face = load_faces()
    assert images.shape == (200, 25, 25, 1) and images.dtype == np.float32
    assert -1 <= images.min() < -0.9 and 0.9 < images.max() <= 1
    assert is_face.tolist() == [1, 0] * 100


def test_faces_are_like_the_mean_face():
    images, is_face = load_faces()
    mean = images[is_face == 1].mean(axis=0).ravel()
    alike = np.array([np.corrcoef(image.ravel(), mean)[0, 1] for image in images])
    assert (alike[is_face == 1] > 0.3).mean() > 0.75 > 0.2 > (alike[is_face == 0] > 0.3).mean()
