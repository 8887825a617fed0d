"""The way out of Jupyter Book 1: the newest Sphinx, in an environment of its own, builds the same pages."""

import os
import shutil
import subprocess
import sys

import pytest
import yaml

from tests.book.pages import links, trees
from tests.conftest import PROGRAM, ROOT

pytestmark = pytest.mark.long

#: What builds the pages, and what our own extensions and the API page import. No versions: the newest is the point.
PACKAGES = (
    *("sphinx", "myst-nb", "sphinx-book-theme", "sphinx-external-toc", "sphinx-design", "sphinx-copybutton"),
    *("sphinx-togglebutton", "sphinxcontrib-bibtex", "jupytext", "numpy", "scipy", "setuptools"),
)


@pytest.fixture(scope="module")
def newest(tmp_path_factory):
    """The Python of an environment that has the newest packages and nothing of ours."""
    folder = tmp_path_factory.mktemp("newest")
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    probe = [*pip, "download", "--no-deps", "--retries", "0", "--timeout", "15", "--dest", folder, "sphinx"]
    reached = subprocess.run(probe, capture_output=True, text=True)
    if reached.returncode and os.environ.get("CI"):
        pytest.fail(f"CI needs a package index: {reached.stderr}")
    if reached.returncode:
        pytest.skip("pip reaches no package index here, so the newest Sphinx cannot be installed.")
    done = subprocess.run([*pip, "install", "--quiet", "--upgrade", *PACKAGES], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return python


@pytest.fixture(scope="module")
def built(site, newest, tmp_path_factory, request):
    """The site as the newest Sphinx builds it from the pages, their stored outputs and a converted ``_config.yml``."""
    work = tmp_path_factory.mktemp("sphinx")
    source = work / "pages"
    shutil.copytree(ROOT / "book", source, ignore=shutil.ignore_patterns("_build", "vendor", "__pycache__"))
    shutil.copytree(site.parent / "work" / "cache", work / "cache")
    settings = yaml.safe_load((ROOT / "_config.yml").read_text())
    settings["execute"]["cache"] = str(work / "cache")
    (source / "_config.yml").write_text(yaml.safe_dump(settings))
    subprocess.run([PROGRAM.with_name("jupyter-book"), "config", "sphinx", source], check=True, capture_output=True)
    with (source / "conf.py").open("a") as conf:
        # These belong to Jupyter Book 1.
        conf.write('extensions = [name for name in extensions if name not in {"jupyter_book", "sphinx_comments"}]\n')

    environment = {name: value for name, value in os.environ.items() if name != "PYTHONHOME"}
    environment |= {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    command = [newest, "-m", "sphinx", "-W", "--keep-going", source, work / "html"]
    done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True)
    names = ", ".join(f"'{name}'" for name in PACKAGES)
    show = f"from importlib.metadata import version\nfor name in ({names}): print(name, version(name))"
    versions = subprocess.run([newest, "-c", show], check=True, capture_output=True, text=True).stdout
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(f"\nThe newest versions are:\n{versions}")
    assert done.returncode == 0, done.stderr
    executed = "cache/executed"
    assert len(list((work / executed).iterdir())) == len(list((site.parent / "work" / executed).iterdir()))
    return work / "html"


def contents(page):
    """Return what must not get lost of a page."""
    body = page.select_one("article")
    counts = {what: len(body.select(what)) for what in ("figure", "img", "svg", "table", "span.math", "div.math")}
    texts = {what: [tag.get_text() for tag in body.select(what)] for what in ("h1", "h2", "h3", ".eqno", "figcaption")}
    outputs = [" ".join(tag.get_text().split()) for tag in body.select(".cell_output")]
    buttons = [tag.get("href") for tag in page.select(".article-header-buttons a")]
    return {"title": page.title.get_text(), "outputs": outputs, "buttons": buttons} | counts | texts


def test_newest_sphinx_builds_the_same_pages(site, soups, built):
    before = {str(path.relative_to(site)): page for path, page in soups.items()}
    after = {str(path.relative_to(built)): page for path, page in trees(built).items()}
    assert after.keys() == before.keys()
    for name in before.keys() - {"search.html"}:
        assert contents(after[name]) == contents(before[name]), name


def test_every_link_and_every_picture_of_the_newest_pages_leads_somewhere(built):
    seen, broken = links(built, trees(built))
    assert seen > 200
    assert not broken
