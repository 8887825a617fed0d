"""Columns of numbers and masks: read strictly, understood where that is safe, and never larger than they may be."""

import doctest
import io
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from autograder.leaderboard import formats
from autograder.leaderboard.formats import read_masks, read_numbers

COLUMNS = ["probability_0", "probability_1", "probability_2"]
HEADER = "id,probability_0,probability_1,probability_2\n"
SHAPE = (3, 10)
MASKS = np.random.default_rng(0).random((4, *SHAPE)) < 0.4


def test_examples_in_docstrings():
    assert doctest.testmod(formats, extraglobs={"np": np, "io": io}).failed == 0


# numbers


@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 30))
@settings(max_examples=30, deadline=None)
def test_what_is_written_is_read_in_the_order_of_ids(seed, columns, count):
    rng = np.random.default_rng(seed)
    names = [f"c{k}" for k in range(columns)]
    values = rng.dirichlet(np.ones(columns), count) if columns > 1 else rng.random((count, 1))
    lines = [",".join(map(str, [k, *values[k].tolist()])) for k in rng.permutation(count)]
    read = read_numbers("\n".join([",".join(["id", *names]), *lines]).encode(), names, (0, 1), count)
    np.testing.assert_array_equal(read.values, values if columns > 1 else values[:, 0])


@pytest.mark.parametrize(
    "content",
    [
        HEADER.replace("\n", "\r\n") + "0,0.2,0.3,0.5\r\n1,.1,1e-1,0.8\r\n",
        HEADER + "1,0.1,0.1,0.8\n0,0.2,0.3,0.5",
        "\ufeff" + HEADER + "0,0.2,0.3,0.5\n1,0.1,0.1,0.8\n\n",
        (HEADER + "0,0.2,0.3,0.5\n1,0.1,0.1,0.8\n").replace(",", ";").replace(".", ","),
    ],
)
def test_forms_that_are_clear_are_understood(content):
    read = read_numbers(content.encode(), COLUMNS, (0, 1), 2)
    np.testing.assert_allclose(read.values, [[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]])
    assert read.right == (content.startswith("id,"))


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        (b"", 1, "Its header is ''"),
        (b"\x89PNG\xff", None, "no text in UTF-8"),
        (b"id,probability\n0,0.5\n", 1, "Its header is 'id,probability'"),
        (HEADER.encode(), 2, "no numbers in it"),
        (HEADER + "0,0.2,0.3,0.5\n1,0.5,0.5\n", 3, "It has 3 values, not 4"),
        (HEADER + "0,0.2,0.3,0.5\n1,0.5,nan,0.5\n", 3, "'nan' is no finite number"),
        (HEADER + "0,0.2,0.3,0.5\n1,0.5,1e999,0.5\n", 3, "'1e999' is no finite number"),
        (HEADER + "0,0.2,0.3,0.5\n1,1_0,0,0\n", 3, "'1_0' is no finite number"),
        (HEADER + "0,0.2,0.3,0.5\nx,1,0,0\n", 3, "The id 'x' is no whole number"),
        (HEADER + "0,0.2,0.3,0.5\n0,1,0,0\n", 3, "The id 0 is there a second time"),
        (HEADER + "0,0.2,0.3,0.5\n2,1,0,0\n", 3, "The id 2 is out of range"),
        (HEADER + "0,0.2,0.3,0.5\n", None, "It has 1 lines of numbers"),
        (HEADER + "0,0.2,0.3,0.5\n1,1.5,0,0\n", 3, "The number 1.5 is not between 0 and 1"),
        (HEADER + '0,0.2,0.3,0.5\n1,"' + "9" * 200_000, 3, "It is no CSV"),
        (HEADER + "0,0.2,0.3,0.5\n" + "9" * 5000 + ",1,0,0\n", 3, "is no whole number"),
    ],
)
def test_what_is_not_clear_is_not_read_and_says_where(content, line, says):
    read = read_numbers(content if isinstance(content, bytes) else content.encode(), COLUMNS, (0, 1), 2, "p.csv")
    assert read.values is None and read.problems[0].line == line and says in read.problems[0].what
    assert len(str(read.problems[0])) < 240


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (HEADER + "0,0.2,0.3,0.5\n1,0.9,0.9,0.9\n", "p.csv, line 3: The probabilities add up to 2.7, not to 1."),
        (HEADER + "0,0.2,0.3,0.5\n1,0.2,0.3,0.5\n", "p.csv: It predicts the same for every image."),
    ],
)
def test_what_is_untidy_is_read_and_reported(content, says):
    read = read_numbers(content.encode(), COLUMNS, (0, 1), 2, "p.csv")
    assert read.values.shape == (2, 3) and str(read.problems[0]).startswith(says)


# masks


def npz(array, name="masks", compress=True):
    file = io.BytesIO()
    (np.savez_compressed if compress else np.savez)(file, **{name: array})
    return file.getvalue()


def png(array, **options):
    file = io.BytesIO()
    Image.fromarray(array).save(file, format="PNG", **options)
    return file.getvalue()


BELOW = MASKS.reshape(-1, SHAPE[1])


@pytest.mark.parametrize(
    "content",
    [
        npz(np.packbits(MASKS, axis=2)),
        npz(np.packbits(MASKS, axis=2), compress=False),
        png(BELOW),
        png(np.uint8(BELOW) * 255),
        png(np.uint8(BELOW)),
    ],
)
@pytest.mark.parametrize("count", [None, 4])
def test_masks_are_read_from_packed_bits_and_from_pictures(content, count):
    read = read_masks(content, SHAPE, count)
    assert read.values.dtype == bool and read.problems == ()
    np.testing.assert_array_equal(read.values, MASKS)


@given(st.integers(1, 5), st.integers(1, 7), st.integers(1, 20), st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_masks_of_any_size_come_back(count, height, width, seed):
    masks = np.random.default_rng(seed).random((count, height, width)) < 0.5
    for content in (npz(np.packbits(masks, axis=2)), png(np.uint8(masks.reshape(-1, width)) * 255)):
        np.testing.assert_array_equal(read_masks(content, (height, width), count).values, masks)


def test_what_marks_nothing_is_read_and_reported():
    for which, value in (("No", False), ("Every", True)):
        read = read_masks(npz(np.packbits(np.full_like(MASKS, value), axis=2)), SHAPE, 4)
        assert (read.values == value).all() and f"{which} pixel of all masks" in read.problems[0].what


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "neither a PNG nor a .npz"),
        (b"\x89PNG\r\n\x1a\n", "cannot be read as a PNG"),
        (png(BELOW)[:-30], "cannot be read as a PNG"),
        (png(BELOW[:-1]), "It has 10 × 11 pixels."),
        (png(BELOW.T.copy()), "It has 12 × 10 pixels."),
        (png(np.repeat(np.uint8(BELOW)[:, :, None] * 255, 3, axis=2)), "in color (RGB)"),
        (png(np.uint8(BELOW) * 255 - np.uint8(BELOW) * 55), "gray pixels, for example 200"),
        (b"PK\x03\x04half", "no array 'masks'"),
        (npz(np.packbits(MASKS, axis=2), "other"), "no array 'masks'"),
        (npz(np.array([{"a": 1}], dtype=object)), "type object"),
        (npz(MASKS), "type bool and shape [4, 3, 10]"),
        (npz(np.packbits(MASKS[:3], axis=2)), "shape [3, 3, 2]"),
        (npz(np.asfortranarray(np.packbits(MASKS, axis=2))), "of type uint8"),
        (npz(np.packbits(MASKS, axis=2))[:-40], "no array 'masks'"),
    ],
)
def test_what_are_no_masks_is_not_read_and_says_what_to_do(content, says):
    read = read_masks(content, SHAPE, 4, "masks.npz")
    (finding,) = read.problems
    assert read.values is None and says in finding.what and finding.file == "masks.npz" and len(str(finding)) < 300


def chunk(kind, data):
    return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)


def large_picture():
    """10⁵ × 10⁵ black pixels in a few kilobytes."""
    size = 10**5
    header = size.to_bytes(4) * 2 + bytes([1, 0, 0, 0, 0])
    body = zlib.compress(bytes(10**6))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def large_archive(said):
    """An array of 200 MB of zeros in a few kilobytes, which says that it is `said` large."""
    head, file = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "|u1", "fortran_order": False, "shape": said})
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("masks.npy", "w") as inside:
        inside.write(head.getvalue())
        for _ in range(200):
            inside.write(bytes(10**6))
    return file.getvalue()


def picture_with_text():
    """The right pixels, and a text that unpacks to 200 MB."""
    more = PngImagePlugin.PngInfo()
    more.add_text("comment", "x" * (200 * 10**6), zip=True)
    return png(np.uint8(BELOW) * 255, pnginfo=more)


@pytest.mark.parametrize("name", ["picture", "text", "archive", "archive that says so", "header alone"])
def test_what_unpacks_to_much_takes_little(name):
    content = {
        "picture": large_picture,
        "text": picture_with_text,
        "archive": lambda: large_archive((4, 3, 2)),
        "archive that says so": lambda: large_archive((10**8, 1, 2)),
        "header alone": lambda: large_archive((4, 3, 10**15)),
    }[name]()
    assert len(content) < 2**20
    tracemalloc.start()
    try:
        read = read_masks(content, SHAPE, 4)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert read.values is None and most < 10 * 2**20, most
