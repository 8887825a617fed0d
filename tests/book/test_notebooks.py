"""What can be downloaded from a chapter, and opened in Colab: notebooks that run where the course is not installed."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from urllib.parse import urlsplit

import nbclient
import nbformat
import pytest
import yaml
from pybtex.database import parse_string

from book.notebooks import PlainMarkdown, addresses, package_name, setup_cell
from tests.book.pages import BOOK, PAGES, ROOT, book_build, of_page, outputs
from tests.book.test_build import FRONT, small_book

CHAPTERS = [name for name in PAGES if name.startswith("theory/")]

BIBLIOGRAPHY = """
@article{sobel1968, author = {Irwin Sobel and Gary Feldman}, title = {An operator}, journal = {A journal}, year = 1968}
@book{deep2016, author = {Ian Goodfellow and Yoshua Bengio and Aaron Courville}, title = {Deep}, publisher = {P},
  year = 2016}
"""


def plain(site=""):
    return PlainMarkdown(
        "theory/convolution",
        {"theory/layers": "The layers around it", "labs/lab1": "Lab 1"},
        {"positions": "15", "share": "0.4567"},
        parse_string(BIBLIOGRAPHY, "bibtex"),
        site,
    )


@pytest.mark.parametrize(
    ("myst", "markdown"),
    [
        ("There are {glue:text}`positions` of them.", "There are 15 of them."),
        ("A share of {glue:text}`share:.2f`.", "A share of 0.46."),
        ("As {cite:t}`sobel1968` say.", "As Sobel and Feldman [1968] say."),
        ("So it is {cite:p}`sobel1968,deep2016`.", "So it is [Sobel and Feldman, 1968; Goodfellow *et al.*, 2016]."),
        ("See [](layers.md) and [the lab](../labs/lab1.md).", "See *The layers around it* and the lab."),
        ("See [below](#exercises), {doc}`layers` and {ref}`a picture <picture>`.", None),
        ("[Keras](https://keras.io/) and `x[0](1)` stay.", "[Keras](https://keras.io/) and `x[0](1)` stay."),
        ("$$\nx_i\n$$ (an-equation)\n\nand $x$", "$$\nx_i\n$$\n\nand $x$"),
        ("(a-target)=\n## Title\n% a comment", "## Title"),
        ("```python\n# {glue:text}`positions`\n```", "```python\n# {glue:text}`positions`\n```"),
        (":::{admonition} Watch out: {glue:text}`positions`\n:class: warning\n\nText.\n\n- item\n:::\n\nAfter.", None),
        ("```{math}\n:label: x\na + b\n```", "$$\na + b\n$$"),
    ],
)
def test_myst_is_said_in_plain_markdown(myst, markdown):
    expected = {
        6: "See below, *The layers around it* and a picture.",
        11: "> **Watch out: 15**\n>\n> Text.\n>\n> - item\n\nAfter.",
    }
    if markdown is None:
        markdown = expected[6 if "below" in myst else 11]
    assert plain()(myst).strip() == markdown


def test_where_the_site_is_known_links_lead_there():
    text = plain("https://we.example/site/")("See [](layers.md#pooling).")
    assert text == "See [The layers around it](https://we.example/site/theory/layers.html#pooling)."


def test_what_was_cited_is_listed_once():
    page = plain()
    page("{cite:p}`sobel1968` and {cite:t}`sobel1968`")
    assert page.references().count("Sobel") == 1
    assert page.references() == ""


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (("", "gh-pages", "", ""), ("", "")),
        (("", "gh-pages", "", "https://we.example/cnn"), ("", "https://we.example/cnn/")),
        (
            ("https://github.com/we/cnn.git", "gh-pages", "/site/", ""),
            (
                "https://colab.research.google.com/github/we/cnn/blob/gh-pages/site/",
                "https://github.com/we/cnn/raw/gh-pages/site/",
            ),
        ),
    ],
)
def test_addresses_come_from_the_configuration(settings, expected):
    assert addresses(*settings) == expected


# on the site


@pytest.mark.parametrize("name", PAGES)
def test_chapters_are_offered_as_notebooks_and_other_pages_are_not(site, soups, name):
    page = of_page(site, soups, name)
    links = [link["href"] for link in page.select(".article-header-buttons a[href]")]
    files = [(site / name).parent.joinpath(link).resolve() for link in links]
    assert sorted(path.suffix for path in files) == ([".ipynb", ".whl"] if name in CHAPTERS else [])
    assert all(path.is_file() for path in files)
    # As long as nobody said where the site is published, there is no button that leads nowhere.
    assert not page.select("a[href*='colab.research']")
    assert "window.print()" in str(page.select_one(".article-header-buttons"))


@pytest.mark.parametrize("name", CHAPTERS)
def test_notebook_says_what_the_page_says(site, soups, name):
    notebook = nbformat.read(site / "_sources" / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    first, *others = notebook.cells
    assert first.source == setup_cell("")
    text = "\n".join(cell.source for cell in others if cell.cell_type == "markdown")
    assert not re.search(r"\{[\w:]+\}`|^:::|^`{3,}\{|\]\([^)]*\.md[#)]", text, flags=re.MULTILINE)
    titles = [title.get_text().rstrip("#") for title in of_page(site, soups, name).select("article h2")]
    marks = r"[*`$\\_’'“”\"]"
    plain_text = re.sub(marks, "", text)
    assert [title for title in titles if re.sub(marks, "", title).split("(")[0].strip() not in plain_text] == []
    assert not any(cell.get("outputs") for cell in notebook.cells)
    assert "myst_nb" not in "".join(cell.source for cell in notebook.cells)


def test_notebook_runs_by_itself_and_prints_what_the_page_prints(site, soups, tmp_path, monkeypatch):
    # The kernel gets the packages from this repository, and is started where nothing of it lies.
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    name = "theory/convolution"
    notebook = nbformat.read(site / "_sources" / f"{name}.ipynb", as_version=4)
    nbclient.NotebookClient(
        notebook, timeout=600, startup_timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    shown = outputs(site, soups, name)
    printed = [
        output.text.strip()
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "stream" and output.name == "stdout"
    ]
    assert len(printed) > 10
    assert [text for text in printed if text not in shown] == []


def first_cell_elsewhere(folder, code):
    """Run a notebook's first cell in a Python that has IPython and pip, and not the course."""
    packages = folder / "installed"
    packages.mkdir(exist_ok=True)
    program = (
        f"import sys; sys.path += [{str(packages)!r}, {sysconfig.get_path('purelib')!r}]\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        f"InteractiveShell().run_cell({code!r}).raise_error()\n"
        "import source_lib; print(source_lib.__file__)\n"
    )
    # -S: no package is found that an environment only points to, as it does to an editable one.
    away = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    away |= {"PIP_TARGET": str(packages), "PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return subprocess.run([sys.executable, "-S", "-c", program], cwd=folder, env=away, capture_output=True, text=True)


def test_first_cell_installs_the_package_beside_it(site, tmp_path):
    done = first_cell_elsewhere(tmp_path, setup_cell(""))
    assert done.returncode and f"Download {package_name()}" in done.stdout + done.stderr
    shutil.copy(site / "_static" / package_name(), tmp_path)
    done = first_cell_elsewhere(tmp_path, setup_cell(""))
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "installed" / "source_lib" / "__init__.py") in done.stdout
    # What chapters read from beside the package came along.
    assert (tmp_path / "installed" / "book" / "_data" / "regularization.jsonl").is_file()


def test_first_cell_installs_the_package_from_the_site(address, tmp_path):
    done = first_cell_elsewhere(tmp_path, setup_cell(f"{address}/"))
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "installed") in done.stdout


def test_package_on_the_site_is_that_of_students_and_the_stored_results(site):
    with zipfile.ZipFile(site / "_static" / package_name()) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    wanted = {
        str(path.relative_to(ROOT))
        for top in ("source_lib", "autograder")
        for path in (ROOT / top).rglob("*")
        if path.suffix in (".py", ".jinja", ".md", ".txt", ".npz")
    }
    wanted |= {str(path.relative_to(ROOT)) for path in (BOOK / "_data").iterdir()} | {"book/stored.py"}
    assert names == wanted


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A function that builds a small book with one chapter whose site is published somewhere."""

    def build(repository, baseurl=""):
        folder = tmp_path_factory.mktemp("published")
        book = small_book(folder / "book")
        (book / "theory").mkdir()
        (book / "theory" / "one.md").write_text(f"{FRONT}# One\n\nText.\n\n```{{code-cell}}\nprint(1)\n```\n")
        (book / "_toc.yml").write_text("format: jb-book\nroot: index\nchapters:\n  - file: theory/one\n")
        config = yaml.safe_load((ROOT / "_config.yml").read_text())
        config["repository"]["url"], config["html"]["baseurl"] = repository, baseurl
        (folder / "_config.yml").write_text(yaml.safe_dump(config))
        return book_build.build(source=book, config=folder / "_config.yml", say=lambda line: None).parent

    return build


def test_colab_opens_the_notebook_from_the_repository_of_the_site(published, monkeypatch):
    monkeypatch.setenv("PATH", os.path.dirname(sys.executable))
    site = published("https://github.com/we/cnn-site", "https://we.github.io/cnn-site/")
    page = (site / "theory" / "one.html").read_text()
    (colab,) = re.findall(r'href="(https://colab[^"]*)"', page)
    prefix = "/github/we/cnn-site/blob/gh-pages/"
    assert urlsplit(colab).path.startswith(prefix)
    notebook = site / urlsplit(colab).path.removeprefix(prefix)
    first = nbformat.read(notebook, as_version=4).cells[0].source
    (package,) = re.findall(r"https://we\.github\.io/cnn-site/(\S+\.whl)", first)
    assert (site / package).is_file()
    assert 'property="og:url" content="https://we.github.io/cnn-site/theory/one.html"' in page


def test_repository_that_colab_cannot_open_is_one_sentence(published, monkeypatch):
    monkeypatch.setenv("PATH", os.path.dirname(sys.executable))
    with pytest.raises(book_build.BookError, match="Colab opens notebooks from GitHub only") as caught:
        published("https://gitlab.com/we/cnn-site")
    assert "Traceback" not in str(caught.value)
