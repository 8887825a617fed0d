"""Exercises that are drawn from an id: the same everywhere, others for everybody else, and telling."""

import doctest
import hashlib
import itertools
import subprocess
import sys

import numpy as np
import pytest
from scipy.signal import convolve2d, correlate2d

from source_lib import exercises
from source_lib.exercises import ExerciseError, draw, normalized, readings

#: As universities give them: initials and numbers, running numbers, names.
IDS = [
    *(f"anna{k:03d}" for k in range(100)),
    *(str(20240001 + k) for k in range(100)),
    *(f"{first}.{last}" for first in ("ada", "bo", "carl", "dana", "eva") for last in ("berg", "lind", "ek", "ås")),
    *(f"{name[:3]}{hashlib.md5(name.encode()).hexdigest()[:3]}" for name in map("student{}".format, range(80))),
]
PINNED = {
    "image": ((1, 5, 4, 2, 1), (1, 0, 4, 3, 4), (0, 1, 5, 5, 5)),
    "kernel": ((-1, -1, 1), (-2, 3, 2), (1, 0, 0)),
    "sizes": ((29, 27), (301, 476), (24, 32, 83)),
}
PARTS = {
    "convolution": lambda e: readings(e.image, e.kernel)["cross-correlation"].tolist(),
    "padding": lambda e: e.padded_kernel,
    "kernel_size": lambda e: [n - m for n, m in zip(e.image_size, e.map_size, strict=True)],
    "pooled_size": lambda e: [n // e.pool for n in e.map_size],
    "second_layer": lambda e: (e.map_size, e.pool, e.maps[1], e.second_kernel, e.second_stride, e.second_padding),
    "parameters": lambda e: (e.input_size, e.kernels, e.filters, e.hidden, e.classes),
    "receptive_fields": lambda e: e.layers,
    "poolings": lambda e: e.matrix,
    "global_average": lambda e: np.sum(e.feature_maps, axis=(1, 2)).tolist(),
}


@pytest.fixture(scope="module")
def drawn():
    return [draw(one) for one in IDS]


def test_examples_in_docstrings_are_right():
    outcome = doctest.testmod(exercises)
    assert outcome.attempted == 7 and outcome.failed == 0


def test_the_same_id_gives_the_same_numbers_in_another_process():
    done = subprocess.run(
        [sys.executable, "-c", "from source_lib.exercises import draw; print(draw('anna42'))"],
        capture_output=True,
        text=True,
        env={"PYTHONHASHSEED": "7", "PYTHONPATH": str(exercises.__file__).rpartition("/source_lib/")[0]},
    )
    assert done.stdout.strip() == repr(draw("anna42")), done.stderr


def test_the_numbers_of_an_id_never_change():
    # A release that drew others would ask of a student what their notebook does not show.
    one = draw("anna42")
    assert one.image == PINNED["image"] and one.kernel == PINNED["kernel"]
    assert (one.padded_kernel, one.image_size, one.filters) == PINNED["sizes"]


@pytest.mark.parametrize(
    "written", ["Anna42", " anna42\n", "anna 42", "ANNA４２", "an\u200bna42", "\ufeffanna42", "anna\t42"]
)
def test_how_an_id_is_written_does_not_matter(written):
    assert draw(written) == draw("anna42")


def test_letters_are_compared_as_people_read_them():
    assert normalized("åsa") == normalized("A\u030aSA") and normalized("STRASSE") == normalized("straße")
    assert normalized("01-full-marks") == "01-full-marks" and normalized("a@b.se") != normalized("ab.se")


@pytest.mark.parametrize("nothing", ["", "   ", "\u200b\n", None, 42, ["anna42"], b"anna42", "x" * 1000])
def test_a_missing_id_is_reported(nothing):
    with pytest.raises(ExerciseError, match="student id") as raised:
        draw(nothing)
    assert raised.value._render_traceback_() == [str(raised.value)]
    assert len(str(raised.value)) < 200


def test_no_two_students_share_the_answers(drawn):
    assert len(set(IDS)) == len(IDS) == 300
    answers = {name: [repr(of(one)) for one in drawn] for name, of in PARTS.items()}
    same = {
        name: {pair for pair in itertools.combinations(range(len(IDS)), 2) if found[pair[0]] == found[pair[1]]}
        for name, found in answers.items()
    }
    pairs = len(IDS) * (len(IDS) - 1) // 2
    assert {name: len(shared) / pairs for name, shared in same.items() if len(shared) > 0.01 * pairs} == {}
    twice = [pair for one, other in itertools.combinations(same.values(), 2) for pair in one & other]
    assert len(twice) < 0.0002 * pairs, "hardly any two share the answers to even two parts"
    most = max(sum(pair in shared for shared in same.values()) for pair in set().union(*same.values()))
    assert most <= 2


def test_every_kernel_and_image_tells_all_readings_apart(drawn):
    for one in drawn:
        assert sorted(sum(one.kernel, ())) == [-2, -1, -1, 0, 0, 1, 1, 2, 3]
        kernel = np.array(one.kernel)
        turned = [np.rot90(way, k) for way in (kernel, kernel.T) for k in range(4)]
        assert len({way.tobytes() for way in turned}) == 8
        found = readings(one.image, one.kernel)
        right = found.pop("cross-correlation")
        for name, cells in exercises.REGIONS.items():
            index = tuple(zip(*cells, strict=True))
            assert len(set(right[index])) > 1
            same = [how for how, other in found.items() if np.array_equal(other[index], right[index])]
            assert same == (["border repeated"] if name == "inside" else [])
    assert sorted(sum(exercises.REGIONS.values(), ())) == list(np.ndindex(3, 5))


def test_readings_agree_with_scipy(drawn):
    for one in drawn[:20]:
        image, kernel = np.array(one.image), np.array(one.kernel)
        found = readings(one.image, one.kernel)
        assert np.array_equal(found["cross-correlation"], correlate2d(image, kernel, mode="same"))
        assert np.array_equal(found["true convolution"], convolve2d(image, kernel, mode="same"))
        assert np.array_equal(found["border repeated"][1, 1:4], found["cross-correlation"][1, 1:4])
    assert readings([[1, 2], [3, 4]], np.eye(3, dtype=int))["window begins at the pixel"].tolist() == [[5, 2], [3, 4]]


def test_sizes_fit_and_have_to_be_rounded(drawn):
    for one in drawn:
        kernel = [n - m + 1 for n, m in zip(one.image_size, one.map_size, strict=True)]
        assert all(k % 2 == 1 and k >= 3 for k in (*kernel, *one.padded_kernel))
        assert kernel[0] != kernel[1] and one.padded_kernel[0] != one.padded_kernel[1]
        assert all(n % one.pool == one.pool - 1 for n in one.map_size) and one.input_size % 8 == 0
        assert one.second_padding < one.second_kernel and one.maps[0] != one.maps[1]
        assert [kind for kind, *_ in one.layers] == ["convolution"] * 2 + ["pooling"] + ["convolution"] * 2


def test_what_is_given_is_shown():
    one = draw("anna42")
    lines = one.about("convolution").splitlines()
    assert lines[0].split() == ["image", "kernel"]
    shown = [[int(number) for number in line.split()] for line in lines[1:]]
    assert shown == [[*row, *weights] for row, weights in zip(one.image, one.kernel, strict=True)]
    for part in PARTS:
        text = one.about(part)
        assert max(map(len, text.splitlines())) <= 80 and text == "\n".join(map(str.rstrip, text.splitlines()))
    for number in (*one.filters, *one.kernels, one.hidden, one.classes, one.input_size):
        assert f" {number} " in one.about("parameters")
    with pytest.raises(ExerciseError, match="Its parts are convolution"):
        one.about("my_padding")
