"""Files of masks: read strictly, never larger than they may be, and told where they are not in their place."""

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

from source_lib import masks as module
from source_lib.data.glands import draw_glands
from source_lib.masks import check_masks, misplaced, packed, read_masks, write_masks

SHAPE = (3, 10)
MASKS = np.random.default_rng(0).random((4, *SHAPE)) < 0.4


def test_examples_in_docstrings():
    assert doctest.testmod(module, extraglobs={"np": np, "io": io}).failed == 0


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
        (npz(MASKS), "(one number each, as bool), which are not packed"),
        (npz(np.uint8(MASKS) * 255), "(0 and 255 or 0 and 1, as uint8), which are not packed"),
        (npz(MASKS[..., None]), "type bool and shape [4, 3, 10, 1]"),
        (npz(np.packbits(MASKS[:3], axis=2)), "It holds 3 masks, where there must be 4."),
        (png(BELOW[:-3]), "It holds 3 masks, where there must be 4."),
        (npz(np.packbits(MASKS[:, :2], axis=2)), "It holds 4 masks of 2 rows and 9 to 16 columns, not 3 and 10."),
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


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (np.zeros((3, 4)), r"shape \[N, D_y, D_x\]; these have \[3, 4\]"),
        (np.linspace(0, 1, 24).reshape(2, 3, 4), "24 values from 0 to 1"),
        (np.full((2, 3, 4), 2), "1 values from 2 to 2"),
    ],
)
def test_what_are_no_masks_is_not_written(values, says):
    with pytest.raises(ValueError, match=says):
        packed(values)


# misplaced


@pytest.fixture(scope="module")
def truth():
    return draw_glands([11], 12)[1] > 0


def poor(truth, rng, noise=0.2):
    """Masks as a network of middling quality gives them: blocks of them are wrong."""
    wrong = np.kron(rng.random((len(truth), 16, 16)) < noise, np.ones((8, 8), bool))
    return truth ^ wrong


MISPLACED = {
    "inverted": lambda m: ~m,
    "fit other images": lambda m: m[::-1],
    "of images 2, 5 fit": lambda m: m[[0, 1, 5, 3, 4, 2, *range(6, 12)]],
    "mirrored left to right": lambda m: m[:, :, ::-1],
    "mirrored top to bottom": lambda m: m[:, ::-1],
    "transposed": lambda m: m.transpose(0, 2, 1),
    "upside down": lambda m: m[:, ::-1, ::-1],
    "moved, by 5 pixels down and 3 pixels left": lambda m: np.roll(m, (5, -3), (1, 2)),
    "moved, by 4 pixels right": lambda m: np.roll(m, 4, 2),
}


@pytest.mark.parametrize("words", MISPLACED)
@pytest.mark.parametrize("noise", [0.0, 0.15])
def test_each_way_to_be_misplaced_has_its_sentence(truth, words, noise):
    masks = poor(truth, np.random.default_rng(2), noise)
    found = misplaced(MISPLACED[words](masks), truth, "masks.npz")
    assert words in found.what and found.remedy and found.file == "masks.npz"


def test_honest_masks_are_not_misplaced(truth):
    rng = np.random.default_rng(3)
    honest = [poor(truth, rng, noise) for noise in (0, 0.1, 0.3, 0.5)]
    honest += [np.zeros_like(truth), np.ones_like(truth), rng.random(truth.shape) < 0.5]
    # Moved by one pixel, thicker and thinner ones, some left out.
    honest += [np.roll(truth, 1, 1), truth | np.roll(truth, 2, 2), truth & np.roll(truth, 3, 1)]
    some = truth.copy()
    some[3:9] = False
    assert not any(misplaced(masks, truth) for masks in [*honest, some])


def test_poor_masks_in_their_order_are_not_told_to_be_of_other_images(truth):
    # Thresholds of a blurred picture of noise: large patches, which fit some gland or other by chance.
    from scipy.ndimage import gaussian_filter

    for seed in range(6):
        noise = gaussian_filter(np.random.default_rng(seed).random(truth.shape), (0, 14, 14))
        patches = noise > np.quantile(noise, 0.75, axis=(1, 2), keepdims=True)
        assert misplaced(patches, truth) is None


def test_mirrored_masks_are_told_so_where_images_are_alike(truth):
    # Every image has a neighbor that is nearly its mirror image.
    pairs = np.concatenate([truth, np.roll(truth[:, :, ::-1], 3, 2)])
    found = misplaced(pairs[:, :, ::-1], pairs)
    assert "mirrored left to right" in found.what


def test_files_are_checked_one_by_one(tmp_path, monkeypatch, capsys, truth):
    monkeypatch.chdir(tmp_path)
    write_masks("right.npz", truth)
    write_masks("inverted.npz", ~truth)
    some = truth.copy()
    some[4] = False
    write_masks("empty.npz", some)
    assert check_masks("right.npz", "empty.npz", shape=(128, 128), count=12, truth=truth)
    said = capsys.readouterr().out
    assert "right.npz: right, 12 masks" in said and "empty.npz: No pixel is marked in mask 4." in said
    assert not check_masks("right.npz", "inverted.npz", "none.npz", shape=(128, 128), truth=truth)
    said = capsys.readouterr().out
    assert "inverted.npz: It is inverted" in said and "none.npz: It cannot be read: No such file" in said
    write_masks("one.npz", truth[:1])
    files = ("one.npz", "none.npz")
    assert not check_masks(*files, shape=(128, 128), measure=lambda masks: f"{masks.shape} was measured.")
    said = capsys.readouterr().out
    assert "one.npz: right, 1 mask;" in said and said.count("was measured") == 1
    assert "one.npz: (1, 128, 128) was measured." in said
    monkeypatch.setattr(module, "MAX_BYTES", 100)
    assert not check_masks("right.npz", shape=(128, 128))
    assert "more than 0 MB" in capsys.readouterr().out
