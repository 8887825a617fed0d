"""A Sphinx extension: files of the site beside the book's pages: the page for a wrong address, the social card."""

from __future__ import annotations

import string
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

from source_lib.atomic_files import atomic_write, write_together
from source_lib.figures import WINDOW_COLOR

HERE = Path(__file__).resolve().parent
CARD = "_static/social-card.png"
#: Columns and rows of a card in pixels, as those who show previews want it.
CARD_SIZE = (1200, 630)
CARD_TEXT = (
    "The title of the course above four pictures in a row: a photograph, a table of nine numbers called a kernel, the "
    "edges that the kernel finds in the photograph, and the same edges after pooling."
)
_DOTS_PER_INCH = 100


def not_found(title: str, base: str) -> str:
    """Return the page that a web server shows where it has no page.

    It holds all that it needs: its own address may lie at any depth, so it can load nothing by a relative path.

    Parameters
    ----------
    title : str
        The book's title.
    base : str
        Where the site is read, or nothing where that is not known. The page's script finds the site in either case;
        a browser that runs no scripts goes where this leads.
    """
    page = string.Template((HERE / "not-found.html").read_text(encoding="utf-8"))
    return page.substitute(title=escape(title), base=escape(f"{base.rstrip('/')}/" if base else "/"))


def draw_card(path: Path, title: str) -> None:
    """Draw what others show beside a link to the site: the title, and what a convolution does to a photograph.

    Parameters
    ----------
    path : Path
        The PNG file to write, of `CARD_SIZE` pixels.
    title : str
        The book's title.
    """
    # Only a build that draws the card pays for these.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from scipy.signal import correlate2d
    from skimage import data
    from skimage.measure import block_reduce

    image = block_reduce(data.camera() / 255, (4, 4), np.mean)
    kernel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    found = np.maximum(correlate2d(image, kernel, "same", boundary="symm"), 0)
    pooled = block_reduce(found, (4, 4), np.max)

    width, height = CARD_SIZE
    figure = Figure((width / _DOTS_PER_INCH, height / _DOTS_PER_INCH), dpi=_DOTS_PER_INCH, facecolor="#10243a")
    figure.text(0.05, 0.86, title, color="white", fontsize=38, weight="bold", va="center")
    figure.text(
        0.05, 0.73, "A book, labs that check every step, and a grader", color="#c8d6e5", fontsize=22, va="center"
    )
    side, gap = 0.21, 0.02
    for place, values in enumerate((image, kernel, found, pooled)):
        left = 0.05 + place * (side + gap)
        ax = figure.add_axes((left, 0.1, side, side * width / height))
        ax.set(xticks=[], yticks=[])
        if values is not kernel:
            ax.imshow(values, cmap="gray", interpolation="nearest")
            continue
        ax.set(xlim=(0, 3), ylim=(3, 0), facecolor="white")
        for line in (1, 2):
            ax.axhline(line, color="0.6")
            ax.axvline(line, color="0.6")
        for (row, column), weight in np.ndenumerate(kernel):
            color = WINDOW_COLOR if weight > 0 else "0.2"
            text = str(weight).replace("-", "−")
            ax.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=30, color=color)
    with atomic_write(path) as part:
        FigureCanvasAgg(figure).print_png(part, metadata={"Software": None})


def add_card(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Name the card in a page's head: by its whole address where the site's is known, as most readers want it."""
    if doctree is None:
        return
    base = app.config.html_baseurl
    width, height = CARD_SIZE
    about = {
        "og:image": f"{base.rstrip('/')}/{CARD}" if base else context["pathto"](CARD, 1),
        "og:image:width": str(width),
        "og:image:height": str(height),
        "og:image:alt": CARD_TEXT,
    }
    for name, value in about.items():
        context["metatags"] += f'<meta property="{name}" content="{escape(value)}" />\n'
    context["metatags"] += '<meta name="twitter:card" content="summary_large_image" />\n'


def write_files(app: Sphinx, error: Exception | None) -> None:
    """Write the page for a wrong address, and the card, beside the pages."""
    if error or app.builder.name != "html":
        return
    out, title = Path(app.outdir), app.config.html_title or app.config.project
    write_together({out / "404.html": not_found(title, app.config.html_baseurl)})
    draw_card(out / CARD, title)


def set_scorer(app: Sphinx, config: Config) -> None:
    """Let the search weigh its results by a file beside this one: Sphinx looks for it where it was started."""
    config.html_search_scorer = str(HERE / "search-scores.js")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("config-inited", set_scorer)
    app.connect("html-page-context", add_card)
    app.connect("build-finished", write_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
