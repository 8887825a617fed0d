"""House prices of 506 districts of Boston where the file is there, and a table of patients as a sample elsewhere."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from source_lib.data.locations import DATA_VARIABLE, DatasetError

#: The file in the folder of the course, and its columns; the last one is the price.
FILE = "BostonHousing.csv"
COLUMNS = ("crim", "zn", "indus", "chas", "nox", "rm", "age", "dis", "rad", "tax", "ptratio", "b", "lstat", "medv")
ROWS = 506
#: What each column is; `b` is explained by `RACE`.
MEANINGS = {
    "crim": "crimes per inhabitant",
    "zn": "share of land for large lots [%]",
    "indus": "share of land for business [%]",
    "chas": "at the Charles River (1) or not (0)",
    "nox": "nitrogen oxides [parts per 10 million]",
    "rm": "rooms per home",
    "age": "homes built before 1940 [%]",
    "dis": "distance to places of work",
    "rad": "access to highways (index)",
    "tax": "property tax [per 10,000 $]",
    "ptratio": "pupils per teacher",
    "b": "1000 (Bk - 0.63)², where Bk is the share of Black inhabitants",
    "lstat": "inhabitants of low status [%]",
    "medv": "median price of a home [1000 $]",
}
RACE = (
    "Column b encodes race: 1000 (Bk - 0.63)², where Bk is the share of Black inhabitants of a district. It was put in "
    "on the assumption that people pay for segregation. scikit-learn dropped this data set for it in version 1.2."
)
SOURCES = ("auto", "real", "sample", "california")


@dataclass(frozen=True)
class Table:
    """A table for a regression.

    Attributes
    ----------
    x : numpy.ndarray of float64, shape [N, D]
        One row for each district or patient.
    y : numpy.ndarray of float64, shape [N]
        What is to be predicted.
    names : tuple of str
        What the D columns are called.
    target : str
        What ``y`` is, with its unit.
    title : str
        Name of the table for figures. For a sample it says so.
    source : str
        ``"real"``, ``"sample"`` or ``"california"``.
    warning : str
        What must be known before the table is used; may be empty.
    """

    x: np.ndarray
    y: np.ndarray
    names: tuple[str, ...]
    target: str
    title: str
    source: str
    warning: str = ""

    def without(self, *names: str) -> Table:
        """Return the table without some columns.

        Parameters
        ----------
        *names : str

        Raises
        ------
        ValueError
            If it has no such column.

        Examples
        --------
        >>> load_house_prices("sample", verbose=False).without("age", "sex").names[0]
        'bmi'
        """
        if unknown := sorted(set(names) - set(self.names)):
            raise ValueError(f"There is no column {unknown[0]!r}. The columns are {', '.join(self.names)}.")
        kept = [name for name in self.names if name not in names]
        columns = [self.names.index(name) for name in kept]
        return Table(self.x[:, columns], self.y, tuple(kept), self.target, self.title, self.source, self.warning)


def load_house_prices(source: str = "auto", verbose: bool = True) -> Table:
    """Return the house prices, or a table that takes their place.

    Parameters
    ----------
    source : {"auto", "real", "sample", "california"}
        ``"real"`` is Boston Housing, from the folder that the environment variable ``CNN_COURSE_DATA`` names: no
        library offers it anymore. ``"sample"`` is scikit-learn's diabetes data, which works offline. ``"auto"`` takes
        the first where it is there. ``"california"`` is scikit-learn's California housing, which is downloaded.
    verbose : bool
        Whether to print what was loaded. A sample that takes the place of the real table is always announced, and so
        is what must be known of column ``b``.

    Returns
    -------
    Table
        With what must be known of it.

    Raises
    ------
    DatasetError
        If the source is unknown, or the table is missing or damaged. The message says what to do.

    References
    ----------
    D. Harrison and D. L. Rubinfeld, "Hedonic housing prices and the demand for clean air", Journal of Environmental
    Economics and Management 5 (1978) 81-102.

    Examples
    --------
    >>> table = load_house_prices("sample", verbose=False)
    >>> table.x.shape, table.y.shape, table.source
    ((442, 10), (442,), 'sample')
    """
    if source not in SOURCES:
        raise DatasetError(f"There is no source {source!r}. Use one of {', '.join(map(repr, SOURCES))}.")
    if source == "california":
        table, why = _california(), ""
    else:
        folder = os.environ.get(DATA_VARIABLE, "")
        path = Path(folder).expanduser() / FILE if folder else None
        there = path is not None and os.path.lexists(path)
        if source == "real" and not there:
            raise DatasetError(
                f"Boston Housing is not here. Put the file {FILE} into a folder and name the folder in "
                f"{DATA_VARIABLE}; or use source='sample', or source='california' with a connection to the internet."
            )
        table = read_house_prices(path) if there and source != "sample" else _diabetes()
        why = "" if there or source == "sample" else f" There is no {FILE} in a folder that {DATA_VARIABLE} names."
    if verbose or (source == "auto" and table.source == "sample"):
        print(f"{table.title}: {len(table.y)} rows, {len(table.names)} columns, to predict {table.target}.{why}")
    if table.warning:
        print(table.warning)
    return table


def read_house_prices(path: str | os.PathLike) -> Table:
    """Read Boston Housing from its CSV file and make sure that it is that.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    Table

    Raises
    ------
    DatasetError
        If the file cannot be read, or does not hold 506 rows of the 14 columns.
    """
    advice = "Replace it by a whole copy"
    try:
        with open(path, newline="", encoding="utf-8") as file:
            header, *lines = [line for line in csv.reader(file) if line]
        names = tuple(name.strip().strip('"').lower() for name in header)
        values = np.array([[float(value.strip().strip('"')) for value in line] for line in lines])
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}. {advice}.") from None
    except (ValueError, UnicodeDecodeError, csv.Error):
        raise DatasetError(f"{path} is not a table of numbers under a line of names. {advice}.") from None
    if names != COLUMNS or values.shape != (ROWS, len(COLUMNS)) or not np.all(np.isfinite(values)):
        raise DatasetError(
            f"{path} is not Boston Housing: it has {len(values)} rows and the columns {', '.join(names[:20])}, where "
            f"{ROWS} rows and {', '.join(COLUMNS)} are needed. {advice}."
        )
    return Table(
        values[:, :-1], values[:, -1], COLUMNS[:-1], "the median price [1000 $]", "Boston Housing", "real", RACE
    )


def _diabetes() -> Table:
    from sklearn.datasets import load_diabetes

    found = load_diabetes(scaled=False)
    title = "Sample, not house prices: scikit-learn's table of patients with diabetes"
    names = tuple(found.feature_names)
    return Table(found.data, found.target, names, "the progress of the disease after a year", title, "sample")


def _california() -> Table:
    from sklearn.datasets import fetch_california_housing

    try:
        found = fetch_california_housing()
    # scikit-learn passes on whatever urllib and its own reader raise.
    except Exception as error:
        raise DatasetError(
            f"California housing could not be downloaded: {error}. Use source='sample', which works offline."
        ) from None
    names, title = tuple(found.feature_names), "California housing"
    return Table(found.data, found.target, names, "the median price [100,000 $]", title, "california")
