"""The site: built once as a reader gets it, then looked at page by page; and small books that must not be built."""

import ast
import functools
import http.server
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import unquote, urlsplit

import jupytext
import numpy as np
import pytest
import yaml
from bs4 import BeautifulSoup
from scipy.signal import convolve2d, correlate2d

from autograder.release import solution_lines
from autograder.rubric import get_lab, lab_names

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "book"
BUILDER = BOOK / "build.py"

_spec = importlib.util.spec_from_file_location("book_build", BUILDER)
book_build = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(book_build)


def pages_in_contents():
    contents = yaml.safe_load((BOOK / "_toc.yml").read_text())
    names = [contents["root"]]
    for part in contents["parts"]:
        for chapter in part["chapters"]:
            if "glob" in chapter:
                names += [str(path.relative_to(BOOK).with_suffix("")) for path in sorted(BOOK.glob(chapter["glob"]))]
            else:
                names.append(chapter["file"])
    return names


PAGES = pages_in_contents()


def without_npm():
    """Return an environment whose path leads to the interpreter only, so that no build reaches for the network."""
    return os.environ | {"PATH": str(Path(sys.executable).parent)}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The whole site, built as `make book` builds it, into a folder of its own."""
    output = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, BUILDER, "--output", output], env=without_npm(), capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert str(output / "html" / "index.html") in done.stdout
    return output / "html"


@pytest.fixture(scope="module")
def soups(site):
    pages = (path for path in site.rglob("*.html") if "_static" not in path.parts)
    return {path: BeautifulSoup(path.read_text(), "html.parser") for path in pages}


def of_page(site, soups, name):
    return soups[site / f"{name}.html"]


def code_cells(name):
    text = (BOOK / f"{name}.md").read_text()
    if "format_name: myst" not in text:
        return re.findall(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    notebook = jupytext.reads(text, fmt="md:myst")
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return [re.sub(r"^%.*$", "", source, flags=re.MULTILINE) for source in cells]


@pytest.mark.parametrize("name", PAGES)
def test_page_is_there_whole_and_without_leftovers(site, soups, name):
    page = of_page(site, soups, name)
    article = page.find("article")
    assert len(article.get_text().split()) > 20
    assert not article.select(".problematic, .system-message, .output.traceback, .output.stderr")
    text = article.get_text()
    for leftover in ("{glue", "{cite", "{code-cell", "{doc}", ":::", "Traceback (most recent", "<Figure size"):
        assert leftover not in text, leftover


@pytest.mark.parametrize("name", PAGES)
def test_headings_are_in_order(site, soups, name):
    levels = [int(tag.name[1]) for tag in of_page(site, soups, name).find("article").find_all(re.compile("^h[1-6]$"))]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False)), levels


def test_site_holds_no_page_beside_the_contents(site, soups):
    extra = {"search"}
    assert {str(path.relative_to(site).with_suffix("")) for path in soups} - extra == set(PAGES)


def test_every_link_and_every_picture_leads_somewhere(site, soups):
    ids = {path: {tag["id"] for tag in soup.find_all(id=True)} for path, soup in soups.items()}
    seen, broken = 0, []
    for path, soup in soups.items():
        links = [(tag, tag.get("href") or tag.get("src")) for tag in soup.select("a[href], link[href], [src]")]
        for tag, address in links:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc or address == "#":
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            seen += 1
            anchored = not parts.fragment or tag.name != "a" or parts.fragment in ids.get(target, ())
            if not target.is_file() or not anchored:
                broken.append(f"{path.relative_to(site)}: {address}")
    assert seen > 200
    assert not broken


def test_every_picture_has_a_text(soups):
    pictures = [picture for soup in soups.values() for picture in soup.select("article img")]
    assert len(pictures) >= 10
    texts = [picture.get("alt", "") for picture in pictures]
    # A text that was not given is the picture's path.
    assert not [text for text in texts if len(text.split()) < 4 or "_images" in text]


def test_nothing_on_a_page_comes_from_elsewhere_but_mathjax(soups):
    outside = {
        tag.get("src") or tag.get("href")
        for soup in soups.values()
        for tag in soup.select("script[src], link[rel=stylesheet][href], img[src], iframe[src]")
        if urlsplit(tag.get("src") or tag.get("href")).netloc
    }
    assert all("mathjax" in address for address in outside), outside


def test_no_path_of_this_machine_is_on_the_site(site, tmp_path_factory):
    places = {str(ROOT), str(Path.home()), sys.prefix, sys.base_prefix, str(tmp_path_factory.getbasetemp())}
    places -= {"/", "/usr", "/usr/local"}
    for path in site.rglob("*"):
        if path.suffix in {".html", ".js", ".json", ".txt", ".md", ".svg", ".inv"}:
            text = path.read_text(errors="ignore")
            assert not [place for place in places if place in text], path


@pytest.mark.parametrize("lab", lab_names())
def test_points_table_is_the_rubric(site, soups, lab):
    rubric = get_lab(lab)
    (table,) = of_page(site, soups, f"labs/{lab}").select("table.rubric")
    printed, totals, function = {}, {}, None
    for row in table.select("tbody tr"):
        if head := row.select_one("th[scope=rowgroup]"):
            function = head.get_text(strip=True)
        *_, what, points = (cell.get_text(strip=True) for cell in row.find_all(["th", "td"]))
        if what in ("automatic points", "together"):
            totals[what] = float(points)
            function = None
        elif function:
            printed.setdefault(function, []).append((what, float(points)))
        else:
            totals[row.find("th").get_text(strip=True)] = float(points)
    assert printed == {check.function: [(line.title, line.points) for line in check.lines] for check in rubric.checks}
    manual = sum(rubric.manual.values())
    assert totals == {"automatic points": rubric.points, "together": rubric.points + manual} | rubric.manual


def test_lab_1_is_worth_35_and_10(site, soups):
    rows = of_page(site, soups, "index").find("article").select("table tbody tr")
    texts = [[cell.get_text(strip=True) for cell in row.find_all("td")] for row in rows]
    assert ["Lab 1: Implementing a CNN", "35", "10"] in texts


def outputs(site, soups, name):
    return "\n".join(tag.get_text() for tag in of_page(site, soups, name).select("article .cell_output"))


def test_convolution_page_prints_what_scipy_computes(site, soups):
    image = np.array([[1, 0, 2, 3, 1], [3, 2, 0, 7, 0], [0, 6, 1, 1, 4]])
    kernel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    page = of_page(site, soups, "theory/convolution")
    printed = outputs(site, soups, "theory/convolution")
    assert str(correlate2d(image, kernel, "same")) in printed
    shown = json.loads(page.select_one(".stepper script").string)
    for run, compute in (("correlation", correlate2d), ("convolution", convolve2d)):
        totals = [step["total"] for step in shown[run]["steps"]]
        assert totals == compute(image, kernel, "same").ravel().tolist()
    assert "from 512 to 504: 9 × 9\nfrom 514 to 504: 11 × 11" in printed
    assert "3 × 5 becomes 5 × 7" in printed
    assert "the output moved along:  True\nthe output stayed:       False" in printed
    text = " ".join(page.find("article").get_text().split())
    assert "Now there are 15 positions" in text and "an image of 32 pixels becomes 34" in text


def test_layers_page_says_what_keras_does_with_odd_sizes_and_with_max(site, soups):
    printed = outputs(site, soups, "theory/layers")
    assert "Keras drops what is left over:\n [[-1 -1]]\n" in printed
    assert re.search(r"tanh +same in either order\? max: True +average: False", printed)
    assert re.search(r"x squared +same in either order\? max: False +average: False", printed)
    text = " ".join(of_page(site, soups, "theory/layers").find("article").get_text().split())
    assert "7 × 7 becomes 3 × 3, not 4 × 4" in text and "gives nan, nan, nan" in text
    ours, keras = re.search(r"Keras: ([\d,]+), our sum: ([\d,]+)", printed).groups()
    assert ours == keras


def test_regularization_page_shows_the_stored_trainings(site, soups):
    about, *lines = map(json.loads, (BOOK / "_data" / "regularization.jsonl").read_text().splitlines())
    page = of_page(site, soups, "theory/regularization").find("article")
    (table,) = [table for table in page.select("table") if "test accuracy [%]" in table.get_text()]
    shown = {}
    for row in table.select("tbody tr"):
        name, accuracy, gain, loss = (cell.get_text(strip=True) for cell in row.find_all("td"))
        shown[name] = (accuracy, gain.partition(" ")[0], loss)
    reached = {name: [line["test_accuracy"] for line in lines if line["method"] == name] for name in about["methods"]}
    losses = {name: [line["test_loss"] for line in lines if line["method"] == name] for name in about["methods"]}
    for name, values in reached.items():
        gain = f"{np.mean(values) - np.mean(reached['nothing']):+.1f}".replace("-", "−")
        assert shown[name] == (
            f"{np.mean(values):.1f} ({np.std(values, ddof=1):.1f})",
            "" if name == "nothing" else gain,
            f"{np.mean(losses[name]):.2f}",
        )
    text = " ".join(page.get_text().split())
    assert f"were made on {about['made']}" in text and f"Keras {about['versions']['keras']}" in text
    # Labels thrown with a coin: half is all there is to know, unless a twin is on the other side.
    printed = outputs(site, soups, "theory/regularization")
    honest, leaky = (int(number) for number in re.findall(r"split.*: +(\d+) %", printed))
    assert 40 < honest < 60 and leaky > 75


def test_tuning_page_stops_early_by_the_best_so_far(site, soups):
    printed = outputs(site, soups, "theory/tuning")
    for line in (
        "patience 2: stops after epoch 6, takes epoch 4 with 0.6",
        "patience 4: stops after epoch 8, takes epoch 8 with 0.5",
        "η = 0.55:   -1.20   1.44  -1.73   2.07",
        "for n ≥ 59, however many",
    ):
        assert line in printed, line
    found = re.findall(r"^ *(\d+) trainings: grid (\d+), random (\d+)$", printed, re.MULTILINE)
    assert [int(trainings) for trainings, _, _ in found] == [9, 16, 25]
    assert all(int(grid) < int(random) for _, grid, random in found)


def test_evaluation_page_computes_the_auc_in_three_ways_that_agree(site, soups):
    printed = outputs(site, soups, "theory/evaluation")
    three = re.findall(r"^(?:trapezoids|pairs|scikit-learn) +(0\.\d{12})$", printed, re.MULTILINE)
    assert len(three) == 3 and len(set(three)) == 1
    for line in (
        "9.5 of 12 pairs, so the AUC is 0.792",
        "average 92.0 %, sample variance 2.5, standard error 0.707",
        "   5 trainings: factor   2.78",
        "in pairs:      95 % interval from +0.39 to +1.09",
    ):
        assert line in printed, line
    held = dict(re.findall(r"factor (.+?) +holds the truth in ([\d.]+)%", printed))
    assert abs(float(held["t with n - 1"]) - 95) < 0.5 and float(held["1.96"]) < 90


def test_sample_feedback_on_the_lab_page_is_that_of_a_flipped_kernel(site, soups):
    (table,) = [t for t in of_page(site, soups, "labs/lab1").select("article table") if t.caption]
    results = [row.find("td").get_text(strip=True) for row in table.select("tbody tr")]
    assert results[0] == "✗ not yet" and set(results[1:]) == {"✓ passed"}
    assert "true convolution" in table.get_text()


@pytest.mark.parametrize("name", PAGES)
def test_no_page_defines_a_function_of_a_lab(name):
    # Of what is checked, the functions that students write: files and accuracies are words like any other.
    texts = [(ROOT / "assignments" / lab / f"{lab}.md").read_text() for lab in lab_names()]
    checked = {check.function for lab in lab_names() for check in get_lab(lab).checks}
    contracts = {function for function in checked if any(f"def {function}(" in text for text in texts)} - {"reported"}
    assert {"conv2d_layer", "build_model"} <= contracts
    for source in code_cells(name):
        for node in ast.walk(ast.parse(source)):
            defined = getattr(node, "name", None) if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else None
            stored = node.id if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else None
            assert not {defined, stored} & contracts


@pytest.mark.parametrize("lab", lab_names())
def test_no_page_holds_a_line_of_a_solution(lab):
    secret = set(solution_lines(jupytext.read(ROOT / "assignments" / lab / f"{lab}.md")))
    assert len(secret) > 20
    for name in PAGES:
        lines = {line.strip() for source in code_cells(name) for line in source.splitlines()}
        assert not lines & secret, name


@pytest.fixture(scope="module")
def address(site):
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(site))
    handler.log_message = lambda *_: None
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser():
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("There is no Chromium here to look at the pages with.")
    from playwright.sync_api import sync_playwright

    quiet = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=[*quiet, "--disable-component-update"])
        yield opened
        opened.close()


def test_window_is_moved_with_the_keyboard(browser, address):
    page = browser.new_page()
    page.goto(f"{address}/theory/convolution.html", wait_until="domcontentloaded")
    said = page.locator(".stepper-formula")
    page.get_by_role("button", name="Next").focus()
    for _ in range(14):
        page.keyboard.press("Enter")
    assert said.inner_text().startswith("y[2, 4] = ") and said.inner_text().endswith("= −9")
    # The button went out of service under the keyboard's focus; the slider takes over.
    page.keyboard.press("ArrowLeft")
    assert said.inner_text().endswith("= 6")
    page.get_by_label("turn the kernel").focus()
    page.keyboard.press("Space")
    assert said.inner_text().endswith("= −6")
    page.close()


@pytest.mark.parametrize("name", PAGES)
def test_page_fits_a_phone(browser, address, name):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{address}/{name}.html", wait_until="domcontentloaded")
    # Whatever sticks out must scroll inside a box of its own.
    wide = page.evaluate(
        """() => [...document.querySelectorAll("article *")].filter(e => {
            if (e.getBoundingClientRect().right <= innerWidth + 1 || e.closest("mjx-container, .math")) return false;
            for (let box = e.parentElement; box.tagName !== "ARTICLE"; box = box.parentElement)
                if (["auto", "scroll", "hidden"].includes(getComputedStyle(box).overflowX)) return false;
            return true;
        }).map(e => e.outerHTML.slice(0, 120))"""
    )
    page.close()
    assert not wide and not problems


# Small books.

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
    return subprocess.run(command, env=without_npm() | more, capture_output=True, text=True, timeout=120)


def test_failing_cell_stops_the_build_and_leaves_the_old_site(tmp_path):
    ran = tmp_path / "ran"
    count = f"import sys\nwith open({str(ran)!r}, 'a') as file:\n    file.write(sys.prefix + '\\n')"
    book = small_book(tmp_path / "book", count)
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
