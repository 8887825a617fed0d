"""Which changes a digit survives: the changes, the judge, and the figure's table."""

import base64
import doctest
import io
import json

import numpy as np
import pytest
from bs4 import BeautifulSoup
from matplotlib.image import imread
from sklearn.metrics import accuracy_score

from source_lib.data.mnist import mnist_sample
from source_lib.interactive import augmentation
from source_lib.interactive.augmentation import Fate, Judge, changes, explorer_html, fates, upright


@pytest.fixture(scope="module")
def digits():
    x_train, y_train, x_test, y_test = mnist_sample()
    return x_train[:600] / 255, y_train[:600], x_test[:120] / 255, y_test[:120]


@pytest.fixture(scope="module")
def judge(digits):
    return Judge(*digits[:2])


@pytest.fixture(scope="module")
def surveyed(digits):
    return fates(*digits)


def test_examples_in_docstrings():
    assert doctest.testmod(augmentation).failed == 0


def test_changes_move_a_pixel_where_they_say():
    dot = np.zeros((1, 28, 28))
    dot[0, 4, 9] = 1
    moved = {name: change(dot)[0] for name, change in changes().items()}
    places = {
        "as it is": (4, 9),
        "flipped left to right": (4, 18),
        "flipped upside down": (23, 9),
        "half a turn": (23, 18),
        "a quarter turn to the left": (18, 4),
        "a quarter turn to the right": (9, 23),
        "moved by 3 pixels": (7, 12),
    }
    for name, place in places.items():
        assert np.unravel_index(moved[name].argmax(), (28, 28)) == place, name
    # A turn to the left takes what is above the middle to the left of it.
    above = np.zeros((1, 28, 28))
    above[0, 2:6, 13:15] = 1
    turned = changes()["turned by 30°"](above)[0]
    row, column = (np.mgrid[:28, :28] * turned).sum(axis=(1, 2)) / turned.sum()
    assert np.allclose([13.5 - row, 13.5 - column], [10 * np.cos(np.pi / 6), 10 * np.sin(np.pi / 6)], atol=0.2)
    assert moved["inverted"][4, 9] == 0 and moved["inverted"].sum() == 783
    assert np.array_equal(moved["much noise"], changes()["much noise"](dot)[0])
    assert all(picture.min() >= 0 and picture.max() <= 1 for picture in moved.values())


def test_upright_undoes_place_size_and_light(digits):
    _, _, x, _ = digits
    straight = upright(x)
    for name in ("moved by 3 pixels", "darker, 0.4 of the light", "less contrast", "inverted"):
        assert np.abs(upright(changes()[name](x)) - straight).mean() < 0.01, name
    assert np.abs(upright(changes()["shrunk to 0.6"](x)) - straight).mean() < 0.05
    for picture in straight:
        ink = np.where(picture > 0.4, picture, 0)
        assert np.allclose((np.mgrid[:28, :28] * ink).sum(axis=(1, 2)) / ink.sum(), 13.5, atol=0.3)
    assert not upright(np.full((1, 28, 28), 0.7)).any()


def test_judge_knows_digits_and_knows_when_there_is_none(judge, digits):
    _, _, x, y = digits
    assert accuracy_score(y, judge(x)) > 0.9
    rng = np.random.default_rng(0)
    assert np.mean(judge(rng.random((20, 28, 28))) == Judge.NO_DIGIT) > 0.9
    bars = np.zeros((1, 28, 28))
    bars[0, :, ::7] = 1
    assert judge(bars)[0] == Judge.NO_DIGIT


def test_fates_add_up_and_are_those_that_everybody_knows(surveyed, digits):
    of_class, judged = surveyed
    y = digits[3]
    assert list(of_class) == list(changes()) and all(len(row) == 10 for row in of_class.values())
    for name, row in of_class.items():
        for digit, fate in enumerate(row):
            assert fate.same + fate.other + fate.none == pytest.approx(1)
            assert fate.same == np.mean(judged[name][y == digit] == digit)
    half = of_class["half a turn"]
    assert (half[6].verdict, half[6].taken_for, half[9].verdict, half[9].taken_for) == ("other", 9, "other", 6)
    assert half[0].verdict == half[1].verdict == half[8].verdict == "same" and half[6].advice == "avoid"
    moved = of_class["moved by 3 pixels"]
    assert all(fate.verdict == "same" for fate in moved) and moved[0].advice == "worth"
    assert of_class["as it is"][0].advice == "needless"


@pytest.mark.parametrize(
    ("shares", "verdict"), [((0.5, 0.3, 0.2), "same"), ((0.3, 0.4, 0.3), "other"), ((0.3, 0.3, 0.4), "none")]
)
def test_largest_share_is_the_verdict(shares, verdict):
    assert Fate(*shares, taken_for=3, plain=0.5).verdict == verdict


def test_figure_shows_the_pictures_and_the_numbers(surveyed, digits):
    of_class, judged = surveyed
    _, _, x, y = digits
    html = explorer_html(of_class, judged, x, y, samples=3)
    figure = BeautifulSoup(html, "html.parser").div
    groups = figure.select("table.augmentation-all tbody")
    assert [group.th.get_text() for group in groups] == list(changes())
    half = groups[list(changes()).index("half a turn")]
    assert half.select("td")[1 + 6].get_text() == f"{100 * of_class['half a turn'][6].same:.0f}→ 9"
    picture = half.img["src"].partition("base64,")[2]
    sheet = imread(io.BytesIO(base64.b64decode(picture)))[..., 0]
    # The second sample of the 6, turned.
    expected = x[np.flatnonzero(y == 6)[1]][::-1, ::-1]
    assert np.abs(sheet[28:56, 6 * 28 : 7 * 28] - expected).max() < 0.04
    data = json.loads(figure.script.string)
    assert data["judged"][0][4] == judged["as it is"][np.flatnonzero(y == 4)[:3]].tolist()
    assert "hidden" in figure.select_one(".augmentation-live").attrs and "open" in figure.details.attrs
    assert [option.get_text() for option in figure.select("option[selected]")] == ["half a turn"]
    assert len(html) < 250_000


def test_what_cannot_be_shown(surveyed, digits):
    of_class, judged = surveyed
    x_train, y_train, x, y = digits
    with pytest.raises(ValueError, match="no change 'melted'"):
        explorer_html(of_class, judged, x, y, change="melted")
    with pytest.raises(ValueError, match="99 samples of each digit"):
        explorer_html(of_class, judged, x, y, samples=99)
    with pytest.raises(ValueError, match="no test digit of the class 7"):
        fates(x_train, y_train, x[y != 7], y[y != 7])
    with pytest.raises(ValueError, match="at least 20 digits, of at least two classes"):
        Judge(x_train[:10], y_train[:10])
