"""How the site is built: small books, those that must not be built among them."""

import json
import shutil
import subprocess
import sys

import pytest
from bs4 import BeautifulSoup

from book.theme import lighten, seams
from tests.book.pages import BOOK, BUILDER, book_build
from tests.conftest import without_npm

FRONT = """---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {name: python3, display_name: Python 3}
---
"""


def small_book(folder, cell="pass", text="All is well."):
    folder.mkdir(exist_ok=True)
    (folder / "_toc.yml").write_text("format: jb-book\nroot: index\nchapters:\n  - file: chapter\n")
    (folder / "references.bib").touch()
    (folder / "_static").mkdir(exist_ok=True)
    shutil.copy(BOOK / "_static" / "favicon.svg", folder / "_static")
    (folder / "index.md").write_text("# A small book\n\nIt has one chapter.\n")
    (folder / "chapter.md").write_text(f"{FRONT}# A chapter\n\n{text}\n\n```{{code-cell}}\n{cell}\n```\n")
    return folder


def run_builder(book, **more):
    command = [sys.executable, BUILDER, "--source", book]
    return subprocess.run(command, env=without_npm() | more, capture_output=True, text=True, timeout=600)


def test_failing_cell_stops_the_build_and_leaves_the_old_site(tmp_path):
    ran = tmp_path / "ran"
    count = f"import sys, time\nwith open({str(ran)!r}, 'a') as file:\n    file.write(sys.prefix + '\\n')"
    slow = "for piece in ('one', 'two'):\n    print(piece, end=' ', flush=True)\n    time.sleep(0.6)\nprint('three')"
    book = small_book(tmp_path / "book", f"{count}\n{slow}\ndisplay('between')\nprint('after')")
    # A user's own kernel of the same name must not be the one that runs the pages.
    kernel = tmp_path / "home" / ".local" / "share" / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    broken = {"argv": ["/bin/false", "{connection_file}"], "display_name": "Python 3", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(broken))
    mine = {"HOME": str(tmp_path / "home"), "JUPYTER_PATH": str(kernel.parents[1])}

    for _ in range(2):
        done = run_builder(book, **mine)
        assert done.returncode == 0, done.stderr
    assert ran.read_text() == f"{sys.prefix}\n", "the second build ran the page again, or another Python ran it"
    site = book / "_build" / "html"
    page = BeautifulSoup((site / "chapter.html").read_text(), "html.parser")
    printed = [output.get_text().strip() for output in page.select(".output")]
    assert printed == ["one two three", "'between'", "after"], "what is printed in pieces stays one line, in its place"
    before = {path: path.read_bytes() for path in site.rglob("*") if path.is_file()}

    # As if a build had been killed between taking the old site away and putting the new one there.
    site.rename(site.with_name("html.old"))
    small_book(book, "shape = (3, 5)\nraise ValueError('the kernel does not fit')", "See [](nowhere.md).")
    done = run_builder(book, **mine)
    assert done.returncode == 1
    assert "chapter.md: a cell failed with ValueError: the kernel does not fit" in done.stderr
    assert "    shape = (3, 5)" in done.stderr
    assert "chapter.md:9: " in done.stderr and "nowhere.md" in done.stderr, "all complaints at once"
    assert "Traceback" not in done.stderr and str(tmp_path) not in done.stderr
    assert before == {path: path.read_bytes() for path in site.rglob("*") if path.is_file()}


def test_anything_worth_a_warning_stops_the_build(tmp_path):
    warns = "import sys; print('a warning', file=sys.stderr)"
    done = run_builder(small_book(tmp_path / "book", warns, "It says {glue:text}`nothing`."))
    assert done.returncode == 1
    assert "chapter.md" in done.stderr and "stderr was found" in done.stderr and "'nothing'" in done.stderr
    assert not (tmp_path / "book" / "_build" / "html").exists()


def test_missing_contents_are_one_sentence(tmp_path):
    done = run_builder(tmp_path)
    assert done.returncode == 1
    assert "list of contents is missing" in done.stderr and "Traceback" not in done.stderr


def test_mathjax_that_is_cut_short_is_not_kept(tmp_path, monkeypatch):
    programs = tmp_path / "bin"
    programs.mkdir()
    npm = programs / "npm"
    npm.write_text(f'#!/bin/sh\necho half > "$4/mathjax-{book_build.MATHJAX}.tgz"\n')
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/bin")
    folder, said = tmp_path / "vendor", []
    assert book_build.mathjax_archive(folder, said.append) is None
    assert list(folder.iterdir()) == []
    assert "fetching MathJax" in said[0] and "need the network" in said[1]


def test_damaged_mathjax_is_thrown_away(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    archive = tmp_path / f"mathjax-{book_build.MATHJAX}.tgz"
    archive.write_bytes(b"damaged")
    assert book_build.mathjax_archive(tmp_path, lambda line: None) is None
    assert not archive.exists()


def test_mathjax_at_hand_is_on_the_site_whole(site):
    if not (BOOK / "_static" / "vendor" / f"mathjax-{book_build.MATHJAX}.tgz").is_file():
        pytest.skip("MathJax was not fetched yet: `make book` does it where npm and a network are at hand.")
    folder = site / "_static" / "mathjax"
    assert (folder / "es5" / "tex-mml-chtml.js").stat().st_size > 10**6
    assert len(list((folder / "es5" / "output" / "chtml" / "fonts").rglob("*.woff"))) > 20
    assert 'src="../_static/mathjax/es5/tex-mml-chtml.js' in (site / "theory" / "convolution.html").read_text()
    assert not list((site / "_static").rglob("*.tgz"))


def test_icons_that_no_page_shows_are_not_on_the_site(site):
    bundle = (site / "_static" / "scripts" / "fontawesome.js").read_text()
    assert len(bundle) < 150_000
    # Those in use are; the second by another name than its own.
    assert '"circle-half-stroke":[' in bundle and "download:[" in bundle and "outdent:[" in bundle
    assert '"hippo"' not in bundle and "hippo:[" not in bundle


def test_icon_stays_under_each_of_its_names():
    sun = 'sun:[512,512,[9728],"f185","M1 2z"],'
    rest = '"file-pdf":[5,5,[],"f1c1",["M1","M2"]],adjust:[5,5,["half"],"f042","M"]'
    icons = f"a={{{sun}{rest}}}"
    assert lighten(icons, {"sun"}) == f"a={{{sun}}}"
    assert lighten(icons, {"half", "file-pdf"}) == f"a={{{rest}}}"
    assert lighten("nothing of the kind", set()) == "nothing of the kind"


@pytest.mark.parametrize(
    ("name", "pieces"),
    [
        ("nn.CrossEntropyLoss", ["nn.", "Cross", "Entropy", "Loss"]),
        ("fast_conv2d_layer", ["fast_", "conv2d_", "layer"]),
        ("submitted/STUDENT/lab1.ipynb", ["submitted/", "STUDENT/", "lab1.", "ipynb"]),
        ("0.95", ["0.95"]),
        ("ReLU", ["ReLU"]),
        ("&lt;from_logits&gt;", ["&lt;from_", "logits&gt;"]),
    ],
)
def test_names_of_code_break_at_their_seams_alone(name, pieces):
    assert seams(name).split("<wbr/>") == pieces


def test_seams_are_put_into_names_in_the_text_and_into_no_code(tmp_path):
    done = run_builder(small_book(tmp_path / "book", "from_logits = True", "Set `from_logits`, see `keras.losses`."))
    assert done.returncode == 0, done.stderr
    page = BeautifulSoup((tmp_path / "book" / "_build" / "html" / "chapter.html").read_text(), "html.parser")
    assert page.select_one("p code").decode_contents().count("<wbr/>") == 1
    assert page.select_one("p code").get_text() == "from_logits"
    assert not page.select("pre wbr")
