"""A Sphinx extension: each chapter can be downloaded as a notebook that runs by itself, and opened in Colab.

A page is written in MyST, which Jupyter and Colab do not know. Its notebook says the same in plain Markdown: citations,
numbers and links are resolved, boxes become quotes. Its first cell installs the course's package where it is missing.
"""

from __future__ import annotations

import fnmatch
import json
import posixpath
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import pybtex.backends.markdown
import pybtex.style.formatting.plain
from docutils import nodes
from nbformat.notebooknode import NotebookNode
from pybtex.database import BibliographyData
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError
from sphinx.util import logging

ROOT = Path(__file__).resolve().parents[1]
COLAB = "https://colab.research.google.com"
#: Tags of cells whose code, or whose output, the page does not show at first.
_CODE_HIDDEN = {"hide-cell", "hide-input", "remove-cell", "remove-input"}
_OUTPUT_HIDDEN = {"hide-cell", "hide-output", "remove-cell", "remove-output"}
_FENCE = re.compile(r"^(?P<fence>:{3,}|`{3,}|~{3,})(?:\{(?P<name>[\w:-]+)\})?(?P<title>.*)$")
_OPTION = re.compile(r"^:[\w-]+:( .*)?$")
_CODE_SPAN = re.compile(r"(?<![`}])(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
_ROLE = re.compile(r"\{(?P<name>[\w:-]+)\}(?P<ticks>`+)(?P<text>.+?)(?P=ticks)", re.DOTALL)
_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")


def package_name() -> str:
    """Return the name of the file that `build_package` writes."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return f"{project['name'].replace('-', '_')}-{project['version']}-py3-none-any.whl"


def build_package(folder: Path) -> Path:
    """Write the course's package for pip, with the stored results that chapters show, and return its path.

    Parameters
    ----------
    folder : Path
        Gets the file.

    Returns
    -------
    Path

    Raises
    ------
    ExtensionError
        If setuptools cannot build it.
    """
    with tempfile.TemporaryDirectory() as copy:
        copy = Path(copy)
        for name in ("source_lib", "autograder"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        (copy / "book").mkdir()
        shutil.copy(ROOT / "book" / "stored.py", copy / "book")
        shutil.copytree(ROOT / "book" / "_data", copy / "book" / "_data")
        for name in ("README.md", "LICENSE"):
            shutil.copy(ROOT / name, copy)
        project = (ROOT / "pyproject.toml").read_text()
        table = "[tool.setuptools.package-data]\n"
        # The results lie where they lie in the repository, beside the packages.
        (copy / "pyproject.toml").write_text(
            project.replace(table, f'{table}book = ["_data/*"]\n').replace(
                'include = ["source_lib*", ', 'include = ["book", "source_lib*", '
            )
        )
        command = "from setuptools import build_meta; build_meta.build_wheel('out')"
        done = subprocess.run([sys.executable, "-c", command], cwd=copy, capture_output=True, text=True)
        made = copy / "out" / package_name()
        if done.returncode or not made.is_file():
            raise ExtensionError(f"The course's package could not be built: {done.stderr.strip()[-1000:]}")
        folder.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(made, folder))


def setup_cell(address: str) -> str:
    """Return the code of a notebook's first cell.

    Parameters
    ----------
    address : str
        Where the site is read, with a slash at its end; empty where that is not known. Then the package is looked for
        beside the notebook.
    """
    missing = 'import importlib.util\n\nif importlib.util.find_spec("source_lib") is None:\n'
    if address:
        return (
            "# Installs the course's package where it is missing, as on Colab.\n"
            f"{missing}    %pip install --quiet {address}_static/{package_name()}\n"
        )
    return (
        "# Installs the course's package where it is missing, from a file beside this notebook.\n"
        "from pathlib import Path\n"
        f"{missing}"
        '    packages = sorted(Path().glob("cnn_course-*.whl"))\n'
        "    if not packages:\n"
        "        raise SystemExit(\n"
        f'            "The course\'s package is missing. Download {package_name()} with the same button as "\n'
        '            "this notebook, put it beside the notebook, and run this cell again."\n'
        "        )\n"
        "    %pip install --quiet {packages[-1]}\n"
    )


def addresses(repository: str, branch: str, folder: str, site: str) -> tuple[str, str]:
    """Return where notebooks are opened in Colab and where files of the site are read; empty where not known.

    Parameters
    ----------
    repository : str
        The public GitHub repository that holds the built site, or nothing.
    branch, folder : str
        Where in it the site lies.
    site : str
        Where the site is read, or nothing.

    Raises
    ------
    ValueError
        If Colab cannot open a notebook from that repository.

    Examples
    --------
    >>> addresses("https://github.com/we/cnn-site", "gh-pages", "", "")[0]
    'https://colab.research.google.com/github/we/cnn-site/blob/gh-pages/'
    """
    repository = repository.strip().rstrip("/").removesuffix(".git")
    inside = f"{branch}/{folder.strip('/')}".rstrip("/") + "/"
    site = site.strip() and site.strip().rstrip("/") + "/"
    if not repository:
        return "", site
    parts = urllib.parse.urlsplit(repository)
    if parts.scheme != "https" or parts.netloc != "github.com" or len(parts.path.split("/")) != 3:
        raise ValueError(
            f"repository: url in _config.yml is {repository!r}. Colab opens notebooks from GitHub only: give "
            "https://github.com/NAME/REPOSITORY, the public one that holds the built site, or leave it empty."
        )
    return f"{COLAB}/github{parts.path}/blob/{inside}", site or f"{repository}/raw/{inside}"


class PlainMarkdown:
    """Says in plain Markdown what a page's cells say in MyST.

    Parameters
    ----------
    page : str
        The page's name, such as ``theory/convolution``.
    titles : mapping
        The title of every page by its name.
    glued : mapping
        What the page's code pasted into its text, by name.
    bibliography : BibliographyData
    site : str
        Where the site is read, with a slash at its end. Where that is not known, links become the titles of pages.
    """

    def __init__(
        self,
        page: str,
        titles: Mapping[str, str],
        glued: Mapping[str, str],
        bibliography: BibliographyData,
        site: str = "",
    ) -> None:
        self.page, self.titles, self.glued, self.bibliography, self.site = page, titles, glued, bibliography, site
        self.cited: dict[str, None] = {}

    def __call__(self, text: str) -> str:
        """Return the text of one cell."""
        lines = text.split("\n")
        written: list[str] = []
        prose: list[str] = []
        while lines:
            line = lines.pop(0)
            if not (opened := _FENCE.match(line)):
                if not re.match(r"^(%( |$)|\([\w:-]+\)=\s*$)", line):
                    prose.append(line)
                continue
            written += [self._inline("\n".join(prose))] if prose else []
            prose = []
            fence, body = opened["fence"], []
            closing = re.compile(rf"^\{fence[0]}{{{len(fence)},}}\s*$")
            while lines and not closing.match(lines[0]):
                body.append(lines.pop(0))
            lines[:1] = []
            if opened["name"] is None and fence[0] != ":":
                written += [line, *body, fence]
            else:
                written.append(self._directive(opened["name"] or "", opened["title"].strip(), body))
        written += [self._inline("\n".join(prose))] if prose else []
        return "\n".join(written)

    def _directive(self, name: str, title: str, body: list[str]) -> str:
        classes = ""
        while body and _OPTION.match(body[0]):
            option = body.pop(0)
            classes = option if option.startswith(":class:") else classes
        text = "\n".join(body).strip("\n")
        if name == "math":
            return f"$$\n{text}\n$$"
        if name == "bibliography":
            return self.references()
        if name in {"eval-rst", "toctree", "contents"}:
            return ""
        inner = self(text)
        if name in {"figure", "image", "code-block", "code", "list-table", "table", "raw"}:
            return inner
        title = self._inline(title) or name.replace("-", " ").capitalize()
        return "\n".join(f"> {line}".rstrip() for line in [f"**{title}**", "", *inner.split("\n")])

    def _inline(self, text: str) -> str:
        """Resolve what stands inside of sentences, and leave code as it is."""
        kept: list[str] = []

        def keep(found: str) -> str:
            kept.append(found)
            return f"\0{len(kept) - 1}\0"

        text = _ROLE.sub(lambda role: keep(self._role(role["name"], role["text"])), text)
        text = _CODE_SPAN.sub(lambda code: keep(code[0]), text)
        text = re.sub(r"^\$\$ \([\w:-]+\)$", "$$", text, flags=re.MULTILINE)
        text = _LINK.sub(self._link, text)
        return re.sub("\0(\\d+)\0", lambda place: kept[int(place[1])], text)

    def _role(self, name: str, text: str) -> str:
        if name.startswith("glue"):
            key, _, form = text.partition(":")
            value = self.glued[key.strip()]
            return format(float(value), form) if form else value
        if name.startswith("cite"):
            keys = [key.strip() for key in text.split(",")]
            self.cited |= dict.fromkeys(keys)
            if name in {"cite:t", "cite:ts"}:
                return ", ".join(f"{self._authors(key)} [{self._year(key)}]" for key in keys)
            return "[" + "; ".join(f"{self._authors(key)}, {self._year(key)}" for key in keys) + "]"
        if name == "math":
            return f"${text}$"
        if name in {"sub", "sup"}:
            return f"<{name}>{text}</{name}>"
        shown, _, target = text.rstrip(">").partition("<")
        if name == "doc" and not target:
            return self._to_page("", shown)
        if name == "doc":
            return self._to_page(shown.strip(), target)
        return shown.strip() if ":" not in name else f"`{shown.strip()}`"

    def _link(self, link: re.Match[str]) -> str:
        target = urllib.parse.urlsplit(link["target"])
        if target.scheme:
            return link[0]
        if not target.path.endswith(".md"):
            return link["text"]
        return self._to_page(link["text"], target.path.removesuffix(".md"), target.fragment)

    def _to_page(self, text: str, target: str, fragment: str = "") -> str:
        page = posixpath.normpath(posixpath.join(posixpath.dirname(self.page), target)).lstrip("/")
        title = text or self.titles.get(page, page)
        if not self.site:
            return title if text else f"*{title}*"
        return f"[{title}]({self.site}{page}.html{f'#{fragment}' if fragment else ''})"

    def _authors(self, key: str) -> str:
        entry = self.bibliography.entries[key]
        persons = entry.persons.get("author") or entry.persons.get("editor") or []
        names = [" ".join(str(part) for part in [*p.rich_prelast_names, *p.rich_last_names]) for p in persons]
        if len(names) > 2:
            return f"{names[0]} *et al.*"
        return " and ".join(names) or entry.fields.get("title", key)

    def _year(self, key: str) -> str:
        return self.bibliography.entries[key].fields.get("year", "n.d.")

    def references(self) -> str:
        """Return the list of what the cells cited since the last call."""
        entries = sorted((self.bibliography.entries[key] for key in self.cited), key=lambda e: self._authors(e.key))
        self.cited.clear()
        formatted = pybtex.style.formatting.plain.Style().format_entries(entries)
        return "\n".join(f"- {entry.text.render(pybtex.backends.markdown.Backend())}" for entry in formatted)


def glued(path: Path) -> dict[str, str]:
    """Return what a page pasted into its text, by name, from the file that MyST-NB keeps of it."""
    if not path.is_file():
        return {}
    outputs = json.loads(path.read_text())
    return {name: output["data"].get("text/plain", "").strip("'\"") for name, output in outputs.items()}


def standalone(notebook: NotebookNode, plain: PlainMarkdown, address: str) -> NotebookNode:
    """Return a page's notebook as one that runs without the site: plain text, no outputs, a first cell that installs.

    Parameters
    ----------
    notebook : NotebookNode
        The page as Jupyter Book reads it.
    plain : PlainMarkdown
    address : str
        Where the site is read; see `setup_cell`.
    """
    cells = [nbformat.v4.new_code_cell(setup_cell(address), id="setup-of-the-course")]
    for number, cell in enumerate(notebook.cells):
        tags = set(cell.metadata.get("tags", ()))
        if cell.cell_type != "code":
            if text := plain(cell.source).strip("\n"):
                cells.append(nbformat.v4.new_markdown_cell(text, id=f"cell-{number}"))
            continue
        # What goes into the text of the page stands there already.
        source = re.sub(
            r"^from myst_nb import glue$",
            "glue = lambda name, value, display=True: print(value) if display else None",
            cell.source,
            flags=re.MULTILINE,
        )
        hidden = {"source_hidden": bool(tags & _CODE_HIDDEN), "outputs_hidden": bool(tags & _OUTPUT_HIDDEN)}
        metadata = {"tags": sorted(tags)} if tags else {}
        if any(hidden.values()):
            metadata["jupyter"] = {key: True for key, value in hidden.items() if value}
        if hidden["source_hidden"]:
            metadata["cellView"] = "form"  # the same to Colab
        cells.append(nbformat.v4.new_code_cell(source, id=f"cell-{number}", metadata=metadata))
    if references := plain.references():
        cells.append(nbformat.v4.new_markdown_cell(f"## References\n\n{references}", id="references"))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})


def _addresses(app: Sphinx) -> tuple[str, str]:
    theme = app.config.html_theme_options
    return addresses(
        theme.get("repository_url") or "",
        theme.get("repository_branch") or "main",
        theme.get("path_to_docs") or "",
        app.config.html_baseurl or "",
    )


def check_addresses(app: Sphinx, config: Config) -> None:
    """Warn of an address that leads nowhere, which ends the build, and go on without it."""
    try:
        _addresses(app)
    except ValueError as error:
        logging.getLogger(__name__).warning("%s", error)
        config.html_theme_options["repository_url"] = ""


def _offered(app: Sphinx, page: str) -> bool:
    return any(fnmatch.fnmatch(page, pattern) for pattern in app.config.notebook_pages)


def write_notebook(app: Sphinx, page: str) -> None:
    """Write the notebook of a page beside the page's source on the site."""
    pasted = Path(app.outdir).parent / "jupyter_execute" / f"{page}.glue.json"
    source = jupytext.read(str(app.env.doc2path(page)), fmt="md:myst")
    titles = {name: title.astext() for name, title in app.env.titles.items()}
    # What the pages cite from was read once, for all of them.
    bibliography = app.env.get_domain("cite").bibdata.data
    _, site = _addresses(app)
    plain = PlainMarkdown(page, titles, glued(pasted), bibliography, site)
    path = Path(app.outdir) / "_sources" / f"{page}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(standalone(source, plain, site), path)


def add_buttons(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Put a page's buttons in place: its notebook, the package that it needs, print, and Colab where it is known."""
    if doctree is None or "header_buttons" not in context:
        return
    pathto = context["pathto"]
    downloads = []
    print_button = {
        "type": "javascript",
        "javascript": "window.print()",
        "text": "Print, or save as PDF",
        "icon": "fas fa-file-pdf",
        "label": "download-pdf-button",
    }
    buttons = [button for button in context["header_buttons"] if button.get("label") != "download-buttons"]
    if _offered(app, pagename):
        write_notebook(app, pagename)
        files = {
            "Notebook (.ipynb)": (f"_sources/{pagename}.ipynb", "fas fa-code", "download-notebook-button"),
            "Package for it (.whl)": (f"_static/{package_name()}", "fas fa-box-archive", "download-package-button"),
        }
        for text, (path, icon, label) in files.items():
            downloads.append({"type": "link", "url": pathto(path, 1), "text": text, "icon": icon, "label": label})
        colab, _ = _addresses(app)
        if colab:
            colab_button = {
                "type": "link",
                "url": f"{colab}_sources/{pagename}.ipynb",
                "text": "Colab",
                "tooltip": "Open this page as a notebook in Colab",
                "icon": "_static/images/logo_colab.png",
                "label": "launch-colab-button",
            }
            buttons.insert(0, colab_button)
    group = {
        "type": "group",
        "tooltip": "Download or print this page",
        "icon": "fas fa-download",
        "buttons": [*downloads, print_button],
        "label": "download-buttons",
    }
    context["header_buttons"] = [group, *buttons]


def add_package(app: Sphinx, error: Exception | None) -> None:
    """Put the package on the site where a page has a notebook that needs it."""
    if error is None and any(_offered(app, page) for page in app.env.found_docs):
        build_package(Path(app.outdir) / "_static")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_config_value("notebook_pages", [], "html")
    app.connect("config-inited", check_addresses)
    # After the theme, which puts its own buttons there with priority 501.
    app.connect("html-page-context", add_buttons, priority=600)
    app.connect("build-finished", add_package)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
