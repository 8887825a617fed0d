"""The figure in which one pixel of a mask is chosen, and the window that each of two networks saw of the image."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from source_lib.interactive.markup import data_element, option_elements
from source_lib.layers.arithmetic import padding_sides

#: Layers that decide how far an output sees.
KINDS = ("convolution", "pooling", "transposed")
#: What the masks can show, by the name that the script knows.
VIEWS = {"errors": "right and wrong", "mask": "gland or not", "likely": "how likely gland is"}


def boxes(
    layers: Sequence[Mapping[str, Any]], shape: Sequence[int], places: Sequence[tuple[int, int]]
) -> list[tuple[int, int, int, int]]:
    """Return the rectangle of the image that each of some outputs sees.

    Parameters
    ----------
    layers : sequence of mapping
        Along the longest way through the network, first layer first: a ``kind`` of `KINDS`, ``size`` and ``stride``.
        Convolutions keep the size, poolings and transposed convolutions pad nothing.
    shape : sequence of int
        Rows and columns of the image.
    places : sequence of (int, int)
        Row and column of the outputs.

    Returns
    -------
    list of (int, int, int, int)
        First row, first column, last row and last column, without what lies in the padding.

    Raises
    ------
    ValueError
        If a layer is of another kind.

    Examples
    --------
    >>> down = [{"kind": "convolution", "size": 3, "stride": 1}, {"kind": "pooling", "size": 2, "stride": 2}]
    >>> up = [{"kind": "transposed", "size": 2, "stride": 2}]
    >>> boxes([*down, *up], (8, 8), [(0, 0), (4, 7)])
    [(0, 0, 2, 2), (3, 5, 6, 7)]
    """
    sizes = [np.asarray(shape[:2])]
    for layer in layers:
        if layer.get("kind") not in KINDS:
            raise ValueError(f"A layer of kind {layer.get('kind')!r} is none of {', '.join(KINDS)}.")
        size, stride, n = layer["size"], layer["stride"], sizes[-1]
        grown = {"convolution": -(-n // stride), "pooling": (n - size) // stride + 1}
        sizes.append(grown[layer["kind"]] if layer["kind"] in grown else (n - 1) * stride + size)
    first = last = np.asarray(places).reshape(-1, 2)
    for layer, n in zip(reversed(layers), reversed(sizes[:-1]), strict=True):
        size, stride = layer["size"], layer["stride"]
        if layer["kind"] == "transposed":
            # Copies of the kernel begin at the multiples of the stride.
            first, last = -((size - 1 - first) // stride), last // stride
        else:
            same = layer["kind"] == "convolution"
            before = np.array([padding_sides(int(side), size, stride, "same" if same else 0)[0] for side in n])
            first, last = first * stride - before, last * stride - before + size - 1
        first, last = np.maximum(first, 0), np.minimum(last, n - 1)
    return [(int(a), int(b), int(c), int(d)) for (a, b), (c, d) in zip(first, last, strict=True)]


def islands(mask: np.ndarray) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Return which gland each pixel belongs to, and what is known of each gland.

    Parameters
    ----------
    mask : numpy.ndarray of bool, shape [rows, columns]

    Returns
    -------
    labels : numpy.ndarray of uint8, shape [rows, columns]
        Counted from 1; 0 is outside.
    glands : list of dict
        ``pixels``; ``width``, the diameter of the largest circle that fits in, in pixels; and its ``middle``, row and
        column.

    Raises
    ------
    ValueError
        If there are more than 255 of them.

    Examples
    --------
    >>> labels, glands = islands(np.array([[1, 1, 0, 1]], bool))
    >>> labels.tolist(), [gland["pixels"] for gland in glands]
    ([[1, 1, 0, 2]], [2, 1])
    """
    from scipy.ndimage import distance_transform_edt, label

    labels, count = label(mask)
    if count > 255:
        raise ValueError(f"The mask has {count} parts; the figure counts 255 at most.")
    # Beyond the edge of the image a gland may go on, but nobody knows.
    depth = distance_transform_edt(np.pad(np.asarray(mask, bool), 1))[1:-1, 1:-1]
    glands = []
    for number in range(1, count + 1):
        inside = np.where(labels == number, depth, 0)
        middle = np.unravel_index(inside.argmax(), inside.shape)
        glands.append(
            {
                "pixels": int((labels == number).sum()),
                "width": round(float(2 * inside.max()), 1),
                "middle": [int(side) for side in middle],
            }
        )
    return labels.astype(np.uint8), glands


def decoded(png: str) -> np.ndarray:
    """Return the values of a PNG file in base64.

    Parameters
    ----------
    png : str

    Returns
    -------
    numpy.ndarray of uint8, shape [rows, columns, 3]
    """
    from PIL import Image

    with Image.open(io.BytesIO(base64.b64decode(png)), formats=["PNG"]) as image:
        return np.asarray(image.convert("RGB"))


def see_glands_html(
    networks: Sequence[Mapping[str, Any]],
    pictures: Sequence[Mapping[str, Any]],
    still: bytes,
    said: str,
    *,
    shown: int = 0,
) -> str:
    """Return the figure as HTML: point at a pixel of a mask, and see the window that each network saw for it.

    ``book/_static/glands.js`` shows it, ``see-arithmetic.js`` finds the windows and ``glands.css`` gives it its looks.
    Without them, and in print, it is a picture and a sentence.

    Parameters
    ----------
    networks : sequence of two mappings
        ``key``, ``name``, ``parameters`` and ``layers`` of each, the latter as `boxes` takes them.
    pictures : sequence of mappings
        ``image`` and ``masks`` as PNG files in base64, and ``glands`` as `islands` returns them. Red and green of
        ``masks`` are how likely gland is for the first network and for the second, and blue is the gland's number.
    still : bytes
        A PNG file for paper.
    said : str
        What is on it.
    shown : int
        Which picture is shown at first.

    Returns
    -------
    str
        One ``div`` of class ``glands``.

    Raises
    ------
    ValueError
        If there are not two networks, or there is no such picture.

    Examples
    --------
    >>> two = [{"key": name, "name": name, "parameters": 1, "layers": []} for name in "ab"]
    >>> see_glands_html(two, [{}], b"", "Two masks.")[:19]
    '<div class="glands"'
    """
    if len(networks) != 2:
        raise ValueError(f"The figure compares two networks; it got {len(networks)}.")
    if shown not in range(len(pictures)):
        raise ValueError(f"There is no picture {shown} to show at first; they go from 0 to {len(pictures) - 1}.")
    source = f"data:image/png;base64,{base64.b64encode(still).decode()}"
    names = [escape(str(network["name"])) for network in networks]
    panels = [_panel("image", "Tissue"), _panel("truth", "Truth")]
    for place, (network, name) in enumerate(zip(networks, names, strict=True)):
        panels += [
            _panel(f"mask{place}", f"Mask of the {name}", f"{network['parameters']:,} parameters", key=place),
            _panel(f"saw{place}", f"What the {name} saw", key=place),
        ]
    buttons = ['<button type="button" data-go="widest">Middle of the widest gland</button>'] + [
        f'<button type="button" data-go="{place}">Where only the {name} is right</button>'
        for place, name in enumerate(names)
    ]
    data = {"networks": networks, "pictures": pictures, "shown": shown}
    return (
        '<div class="glands" role="group" aria-label="What did it see of the gland?">'
        f'<div class="glands-still"><img src="{source}" alt="{escape(said)}"><p>{escape(said)}</p></div>'
        '<div class="glands-live" hidden><div class="glands-controls">'
        f"{_choice('picture', 'Picture', [f'{k + 1} of {len(pictures)}' for k in range(len(pictures))], shown)}"
        f"{_choice('view', 'Masks show', list(VIEWS.values()), 0)}"
        '<label>Row <input type="number" data-choose="row" min="0" autocomplete="off"></label>'
        '<label>Column <input type="number" data-choose="column" min="0" autocomplete="off"></label></div>'
        f'<div class="glands-controls">{"".join(buttons)}</div>'
        f'<div class="glands-panels">{"".join(panels)}</div><ul class="glands-legend"></ul>'
        f'<p class="glands-said" role="status"></p></div>{data_element(data)}</div>'
    )


def _panel(name: str, title: str, more: str = "", *, key: int | None = None) -> str:
    frame = "" if key is None else f' data-network="{key}"'
    about = f" <span>{more}</span>" if more else ""
    return (
        f'<figure class="glands-panel" data-panel="{name}"{frame}><figcaption><b>{title}</b>{about} '
        f'<span class="glands-value"></span></figcaption><canvas></canvas></figure>'
    )


def _choice(name: str, label: str, options: Sequence[str], chosen: int) -> str:
    entries = option_elements(options, options[chosen])
    return f'<label>{label} <select data-choose="{name}" autocomplete="off">{entries}</select></label>'
