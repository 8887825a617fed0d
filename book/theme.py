"""A Sphinx extension: what the theme leaves open. Words for search engines and previews, and fewer icons to load."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

_DESCRIPTION = 200
#: Figures to play with, by the class of their element. Their scripts and styles are called so, or so and a hyphen.
_FIGURES = {"augmentation", "exercise", "glands", "receptive", "see", "stepper"}
#: Scripts of one figure that another one needs too.
_SHARED = {"see-arithmetic": "glands"}
#: Places in a name of code at which a reader would break it: behind a sign, and in front of a word's capital letter.
_SEAM = re.compile(r"(?<=\w[_/])(?=\w)|(?<=\w\.)(?=[A-Za-z])|(?<=[a-z0-9])(?=[A-Z][a-z])")
#: One icon in the theme's bundle of all of Font Awesome: its name, and its other names in the third place.
_ICON = re.compile(
    r'(?P<name>"[\w-]+"|\w+):\[\d+,\d+,\[(?P<aliases>[^\[\]]*)\],"[0-9a-f]+",(?:"[^"]*"|\[(?:"[^"]*",?)*\])\],?'
)


def describe(doctree: nodes.document) -> str:
    """Return a page's first paragraph, cut at a word's end."""
    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, nodes.section):
            text = " ".join(paragraph.astext().split())
            return text if len(text) <= _DESCRIPTION else text[: _DESCRIPTION - 1].rsplit(" ", 1)[0] + "…"
    return ""


def add_description(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Say in the page's head what it is about."""
    if doctree is None:
        return
    about = {"og:type": "article", "og:site_name": app.config.html_title or app.config.project}
    about["og:title"] = app.env.titles[pagename].astext()
    if text := describe(doctree):
        about["og:description"] = text
        context["metatags"] += f'<meta name="description" content="{escape(text)}" />\n'
    if app.config.html_baseurl:
        about["og:url"] = f"{app.config.html_baseurl.rstrip('/')}/{pagename}.html"
    for name, value in about.items():
        context["metatags"] += f'<meta property="{name}" content="{escape(value)}" />\n'


def seams(name: str) -> str:
    """Return a name of code, escaped for HTML, with the places at which a narrow window may break it.

    Examples
    --------
    >>> seams("keras.layers.Conv2D")
    'keras.<wbr/>layers.<wbr/>Conv2D'
    >>> seams("from_logits"), seams("BatchNormalization"), seams("&lt;0.95")
    ('from_<wbr/>logits', 'Batch<wbr/>Normalization', '&lt;0.95')
    """
    return _SEAM.sub("<wbr/>", name)


def add_seams(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Let names of code in the text break at their seams."""
    if "body" in context:
        context["body"] = re.sub(r'(?<=<span class="pre">)[^<]+', lambda name: seams(name[0]), context["body"])


def drop_figures(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Load the scripts and the styles of a figure to play with only on pages that hold one."""
    classes = {name for found in re.findall(r'class="([^"]*)"', context.get("body", "")) for name in found.split()}

    def needed(file: Any) -> bool:
        name = Path(str(getattr(file, "filename", file))).stem
        figure = name.partition("-")[0]
        return figure not in _FIGURES or figure in classes or _SHARED.get(name) in classes

    for kind in ("script_files", "css_files"):
        context[kind] = [file for file in context[kind] if needed(file)]


def lighten(bundle: str, used: set[str]) -> str:
    """Return a bundle of icons that holds only those in use.

    Parameters
    ----------
    bundle : str
        The script of Font Awesome, with a drawing for every icon there is.
    used : set of str
        Names without ``fa-``; an icon stays when one of its names is among them.
    """

    def keep(icon: re.Match[str]) -> str:
        names = {icon["name"].strip('"'), *re.findall(r'"([\w-]+)"', icon["aliases"])}
        return icon[0] if names & used else ""

    return _ICON.sub(keep, bundle)


def drop_icons(app: Sphinx, error: Exception | None) -> None:
    """Take the icons that no page shows out of the script that every page loads: nine tenths of what it weighs."""
    bundle = Path(app.outdir) / "_static" / "scripts" / "fontawesome.js"
    if error or not bundle.is_file():
        return
    shown = [*Path(app.outdir).rglob("*.html"), *Path(app.outdir).glob("_static/**/*.js")]
    used = {
        name for path in shown if path != bundle for name in re.findall(r"\bfa-([a-z0-9-]+)", path.read_text("utf-8"))
    }
    bundle.write_text(lighten(bundle.read_text("utf-8"), used), "utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("html-page-context", add_description)
    app.connect("html-page-context", drop_figures)
    app.connect("html-page-context", add_seams)
    app.connect("build-finished", drop_icons)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
