"""The page on which a network sees a digit: the digits that one can choose, and the figure as HTML."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from source_lib.interactive.markup import data_element

Stroke = Sequence[Sequence[float]]

#: How ten digits are drawn: strokes of the pen through these points, column and row on 28 × 28 pixels.
DIGITS: tuple[tuple[Stroke, ...], ...] = (
    (((16, 5.5), (11, 6.5), (8.5, 11), (8.5, 17), (11, 21.5), (15, 22.5), (18.5, 19), (19.5, 13), (18, 7.5), (14, 6)),),
    (((15.5, 5), (14.7, 11), (13.8, 17), (13, 23)),),
    (((9, 9), (11, 6), (15, 5.2), (18, 7.5), (17.5, 11.5), (13.5, 16.5), (8.5, 22)), ((8.5, 22), (14, 21.3), (20, 22))),
    (((9, 7), (13, 5), (17.5, 6.5), (17.5, 10), (13, 13)), ((13, 13), (18, 14.5), (19, 18.5), (15.5, 22.3), (8.5, 21))),
    (((11, 5.5), (9.5, 10), (8.5, 14.5), (13, 15), (20, 14)), ((17, 6), (16.5, 14), (16, 23))),
    (((18.5, 5.5), (11, 6), (10, 12.5)), ((10, 12.5), (14, 11.3), (18, 13.8), (18.3, 19), (15, 22.3), (9, 21.3))),
    (((16.5, 5), (12, 9), (9.5, 14), (9.5, 19), (12.5, 22.5), (17, 21.5), (18.5, 17.5), (15.5, 14.5), (10.5, 17.5)),),
    (((8.5, 6.5), (14, 6.7), (19.5, 6)), ((19.5, 6), (16, 13), (13.5, 23))),
    (
        (
            *((18, 7.5), (14.5, 5), (10.5, 7.5), (12, 11.5), (16, 15)),
            *((17.5, 19), (14.5, 22.5), (10.5, 20.5), (11, 16.5), (15.5, 12), (18, 7.5)),
        ),
    ),
    (((18, 9), (15, 5.5), (10.5, 7), (9.5, 11), (13, 13.7), (17.5, 10.5), (18, 8)), ((18, 8), (17.5, 15), (15.5, 23))),
)
#: Pixels from the middle of a stroke to where it is black again, and to where it begins to fade; at 28 rows.
PEN = (1.8, 0.8)
#: Steps along the curve from one point to the next.
STEPS = 8


def draw(strokes: Sequence[Stroke], side: int = 28) -> np.ndarray:
    """Draw strokes of a soft pen, as the page does: white on black.

    Parameters
    ----------
    strokes : sequence of sequence of (float, float)
        Each goes through these points, column and row on 28 × 28 pixels, along a Catmull-Rom curve.
    side : int
        Rows and columns of the image.

    Returns
    -------
    numpy.ndarray of float32, shape [side, side]
        From 0 to 1.

    References
    ----------
    E. Catmull and R. Rom, "A class of local interpolating splines", Computer Aided Geometric Design, 1974.

    Examples
    --------
    >>> draw([[(4, 14), (24, 14)]])[14, 4:8].tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    scale = side / 28
    image = np.zeros((side, side), np.float32)
    row, column = np.mgrid[:side, :side] + 0.5
    for stroke in strokes:
        points = scale * _curve(np.asarray(stroke, dtype=float))
        for start, end in zip(points[:-1], points[1:], strict=True):
            way = end - start
            length = max(way @ way, 1e-12)
            along = np.clip(((column - start[0]) * way[0] + (row - start[1]) * way[1]) / length, 0, 1)
            distance = np.hypot(column - start[0] - along * way[0], row - start[1] - along * way[1])
            ink = np.clip((PEN[0] * scale - distance) / ((PEN[0] - PEN[1]) * scale), 0, 1)
            image = np.maximum(image, np.float32(ink))
    return image


def _curve(points: np.ndarray) -> np.ndarray:
    before, after = np.concatenate([points[:1], points[:-1]]), np.concatenate([points[1:], points[-1:]])
    found = [points[:1]]
    for place in range(len(points) - 1):
        p, q = points[place], points[place + 1]
        slope, other = (after[place] - before[place]) / 2, (after[place + 1] - before[place + 1]) / 2
        t = np.arange(1, STEPS + 1)[:, None] / STEPS
        found.append(
            (2 * t**3 - 3 * t**2 + 1) * p
            + (t**3 - 2 * t**2 + t) * slope
            + (3 * t**2 - 2 * t**3) * q
            + (t**3 - t**2) * other
        )
    return np.concatenate(found)


def see_network_html(network: Mapping[str, Any], picture: bytes, said: str, *, digit: int = 3) -> str:
    """Return the figure as HTML: draw a digit, and see every number that a network computes from it.

    ``book/_static/see-arithmetic.js`` computes, ``see-network.js`` shows and ``see-network.css`` gives it its looks.
    Without them, and in print, it is a picture and a sentence.

    Parameters
    ----------
    network : mapping
        What `describe` or `quantized` of `network_file` returned.
    picture : bytes
        A PNG file of the digit and its maps.
    said : str
        What is in the picture.
    digit : int
        Which of `DIGITS` is drawn at first.

    Returns
    -------
    str
        One ``div`` of class ``see``.

    Raises
    ------
    ValueError
        If there is no such digit.

    Examples
    --------
    >>> see_network_html({}, b"", "A digit.")[:17]
    '<div class="see" '
    """
    if digit not in range(len(DIGITS)):
        raise ValueError(f"There is no digit {digit} to draw at first; they go from 0 to {len(DIGITS) - 1}.")
    data = {"network": network, "digits": DIGITS, "digit": digit, "pen": PEN, "steps": STEPS}
    source = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
    return (
        '<div class="see" role="group" aria-label="A network sees a digit">'
        f'<div class="see-still"><img src="{source}" alt="{escape(said)}"><p>{escape(said)}</p></div>'
        f"{_LIVE}{data_element(data)}</div>"
    )


#: What the script fills and shows.
_LIVE = """<div class="see-live" hidden>
<div class="see-stage">
<div class="see-left">
<div class="see-box"><canvas class="see-pad" tabindex="0" role="application" aria-roledescription="drawing"
 aria-label="Draw a digit. Arrow keys move the pen, space puts it down and lifts it, delete clears."></canvas></div>
<div class="see-tools"><button type="button" data-do="clear">Clear</button><button type="button"
 data-do="center">Center</button><label class="see-file">Your image <input type="file" accept="image/*"
 data-take="image"></label></div>
<div class="see-gallery" role="group" aria-label="Draw one for me"></div>
<div class="see-scores" role="group" aria-label="Scores; choose one to see Grad-CAM of its class"></div>
</div>
<div class="see-right">
<div class="see-switches"><label><input type="checkbox" data-switch="relu" checked autocomplete="off"> ReLU</label>
<label><input type="checkbox" data-switch="bias" checked autocomplete="off"> bias</label>
<label>order <select data-switch="poolFirst" autocomplete="off"><option value="">ReLU, pooling</option>
<option value="1">pooling, ReLU</option></select></label>
<label>pooling <select data-switch="average" autocomplete="off"><option value="">maximum</option>
<option value="1">average</option></select></label></div>
<div class="see-layers"></div>
<p class="see-legend"><span class="see-scale">negative <i></i> positive</span> <span class="see-time"></span></p>
</div></div>
<p class="see-said" role="status"></p>
<section class="see-number" aria-label="One number, and how it came about">
<div class="see-choose"><label>Layer <select data-choose="layer" autocomplete="off"></select></label>
<label>Map <input type="number" data-choose="channel" autocomplete="off"></label>
<label>Row <input type="number" data-choose="row" autocomplete="off"></label>
<label>Column <input type="number" data-choose="column" autocomplete="off"></label>
<button type="button" data-do="back">Walk back</button></div>
<p class="see-result" role="status"></p>
<div class="see-work"><div class="see-zoom"></div><div class="see-terms" role="group"
 aria-label="What it saw, and the weights" tabindex="0"></div></div>
<div class="see-text" tabindex="0" role="group" aria-label="The arithmetic as text"></div>
</section>
<div class="see-own"><label class="see-file">Your own network <input type="file" accept=".json,application/json"
 data-take="network"></label> <button type="button" data-do="ours" hidden>Back to the course's</button>
<p class="see-loaded" role="status"></p></div>
</div>"""
