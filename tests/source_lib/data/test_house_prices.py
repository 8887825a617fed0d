"""House prices: the file is read and made sure of, a sample stands in, and column b is explained wherever it comes."""

import numpy as np
import pytest

from source_lib.data.house_prices import COLUMNS, FILE, RACE, ROWS, load_house_prices, read_house_prices
from source_lib.data.locations import DatasetError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CNN_COURSE_DATA", str(tmp_path))
    return tmp_path


def text(names=COLUMNS, rows=ROWS, value="1.5"):
    return "\n".join([",".join(f'"{name}"' for name in names), *[",".join([value] * len(names))] * rows]) + "\n"


def test_file_is_read_and_race_is_explained(folder, capsys):
    (folder / FILE).write_text(text())
    table = load_house_prices(verbose=False)
    assert table.source == "real" and table.x.shape == (506, 13) and table.y.shape == (506,)
    assert table.names[11] == "b" and capsys.readouterr().out == RACE + "\n", "even where nothing else is printed"


def test_quoted_numbers_are_numbers(folder):
    (folder / FILE).write_text(text(value='"0"'))
    assert np.all(read_house_prices(folder / FILE).x == 0)


def test_a_sample_stands_in_and_says_so(folder, capsys):
    table = load_house_prices(verbose=False)
    said = capsys.readouterr().out
    assert table.source == "sample" and table.x.shape == (442, 10)
    assert said.startswith("Sample, not house prices") and FILE in said and "race" not in said


def test_what_is_not_here_says_what_to_do(folder):
    with pytest.raises(DatasetError, match=f"{FILE} into a folder"):
        load_house_prices("real")
    with pytest.raises(DatasetError, match="no source 'kaggle'"):
        load_house_prices("kaggle")


@pytest.mark.parametrize(
    "content",
    [
        text(rows=505),
        text(names=(*COLUMNS[:-1], "price")),
        text(value="nan"),
        text(value="many"),
        "",
        "\x00",
        text().replace("1.5\n", "\n", 1),
    ],
    ids=["a row short", "another column", "not a number", "a word", "empty", "bytes", "a field short"],
)
def test_a_damaged_file_is_refused_in_a_sentence(folder, content):
    (folder / FILE).write_text(content)
    with pytest.raises(DatasetError, match="Replace it by a whole copy"):
        load_house_prices()


def test_columns_can_be_left_out():
    table = load_house_prices("sample", verbose=False)
    less = table.without("sex")
    assert "sex" not in less.names and np.array_equal(less.x, np.delete(table.x, 1, axis=1))
    with pytest.raises(ValueError, match="no column 'b'"):
        table.without("b")


def test_california_without_a_connection_is_a_sentence(monkeypatch):
    from sklearn import datasets

    def fails():
        raise OSError("no route to host")

    monkeypatch.setattr(datasets, "fetch_california_housing", fails)
    with pytest.raises(DatasetError, match="no route to host. Use source='sample'"):
        load_house_prices("california")
