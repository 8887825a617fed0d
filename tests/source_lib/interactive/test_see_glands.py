"""The figure of glands: what an output sees against another way to find it, glands counted, and its HTML."""

import doctest
import json

import numpy as np
import pytest
from bs4 import BeautifulSoup

from source_lib.interactive import see_glands
from source_lib.interactive.see_glands import boxes, decoded, islands, see_glands_html
from source_lib.layers.receptive_fields import cells_seen

NETWORKS = [{"key": name, "name": name, "parameters": 1234, "layers": []} for name in ("one", "<two>")]


def layer(kind, size, stride=1):
    return {"kind": kind, "size": size, "stride": stride}


def test_examples_of_the_docstrings():
    assert doctest.testmod(see_glands).failed == 0


@pytest.mark.parametrize(
    "layers",
    [
        [("convolution", 3, 1)],
        [("convolution", 4, 1), ("pooling", 2, 2), ("convolution", 3, 1)],
        [("convolution", 5, 2), ("pooling", 3, 2)],
        [("pooling", 2, 1), ("convolution", 2, 1), ("convolution", 3, 3)],
    ],
)
def test_windows_of_a_way_down_are_those_of_the_library(layers):
    sides = (17, 22)
    passed = [(size, stride, 1, "same" if kind == "convolution" else 0) for kind, size, stride in layers]
    expected = [[], []]
    for axis, n in enumerate(sides):
        cell = 0
        while True:
            try:
                seen = cells_seen(n, passed, cell)[0]
            except ValueError:
                break
            expected[axis].append((seen[0], seen[-1]))
            cell += 1
    assert min(len(each) for each in expected) > 2
    for i, (top, bottom) in enumerate(expected[0]):
        for j, (left, right) in enumerate(expected[1]):
            assert boxes([layer(*each) for each in layers], sides, [(i, j)]) == [(top, left, bottom, right)]


@pytest.mark.parametrize(("size", "stride"), [(2, 2), (3, 2), (4, 2), (3, 1), (2, 3)])
def test_windows_of_a_transposed_convolution_are_found_by_trying(size, stride):
    n = 6
    for place in range((n - 1) * stride + size):
        under = [cell for cell in range(n) if 0 <= place - stride * cell < size]
        (found,) = boxes([layer("transposed", size, stride)], (n, n), [(place, 0)])
        # Between copies that leave holes no input is seen: the last row comes before the first one.
        assert (found[0], found[2]) == (under[0], under[-1]) if under else found[0] > found[2]


def test_other_layers_are_refused():
    with pytest.raises(ValueError, match="kind 'dense' is none of convolution, pooling, transposed"):
        boxes([layer("dense", 1)], (4, 4), [(0, 0)])


def test_glands_are_counted_and_measured():
    mask = np.zeros((12, 15), bool)
    mask[1:6, 2:7] = mask[8:, 9:12] = mask[0, 14] = True
    labels, glands = islands(mask)
    assert [gland["pixels"] for gland in glands] == [1, 25, 12]
    assert [gland["width"] for gland in glands] == [2.0, 6.0, 4.0]
    assert glands[1]["middle"] == [3, 4] and labels[3, 4] == 2 and labels[9, 10] == 3
    assert labels.dtype == np.uint8 and labels.max() == 3
    many = np.zeros((40, 40), bool)
    many[::2, ::2] = True
    with pytest.raises(ValueError, match="400 parts"):
        islands(many)


def test_html_is_a_picture_and_a_sentence_until_it_is_live():
    html = see_glands_html(NETWORKS, [{"image": "</script>"}], b"png", 'A "mask".')
    figure = BeautifulSoup(html, "html.parser").div
    assert figure["class"] == ["glands"] and figure.img["alt"] == figure.p.get_text() == 'A "mask".'
    assert figure.select_one(".glands-live").has_attr("hidden")
    assert json.loads(figure.script.string)["pictures"] == [{"image": "</script>"}]
    assert "Mask of the <two>" in figure.get_text() and "1,234 parameters" in figure.get_text()
    for control in figure.select("select, input"):
        assert control.find_parent("label").get_text().strip()


@pytest.mark.parametrize(
    ("networks", "shown", "message"),
    [(NETWORKS[:1], 0, "compares two networks; it got 1"), (NETWORKS, 1, "no picture 1 .* from 0 to 0")],
)
def test_what_cannot_be_shown_is_refused(networks, shown, message):
    with pytest.raises(ValueError, match=message):
        see_glands_html(networks, [{}], b"", "", shown=shown)


def test_pictures_come_back_as_they_were():
    from book.make_glands_to_see import picture

    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (9, 7, 3)).astype(np.uint8)
    told = [rng.integers(0, 256, (9, 7)).astype(np.uint8) for _ in range(2)]
    mask = rng.random((9, 7)) < 0.4
    made = picture(image, mask, told)
    np.testing.assert_array_equal(decoded(made["image"]), image)
    np.testing.assert_array_equal(decoded(made["masks"])[..., :2], np.stack(told, axis=-1))
    np.testing.assert_array_equal(decoded(made["masks"])[..., 2] > 0, mask)
    assert len(made["glands"]) == decoded(made["masks"])[..., 2].max()
