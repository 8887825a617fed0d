"""Pieces of HTML that the figures to play with share."""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape


def data_element(data: dict) -> str:
    """Return the script element in which a figure finds its data.

    Parameters
    ----------
    data : dict
        What JSON can hold.

    Returns
    -------
    str
        No text in the data can end the element.

    Examples
    --------
    >>> data_element({"name": "</script>"})
    '<script type="application/json">{"name":"\\\\u003c/script>"}</script>'
    """
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json">{text}</script>'


def option_elements(options: Iterable[object], chosen: object) -> str:
    """Return the options of a select element, whose values are their places.

    Parameters
    ----------
    options : iterable
        What they are called.
    chosen : object
        The one that is chosen at first.

    Returns
    -------
    str
        One ``option`` each.

    Examples
    --------
    >>> option_elements(["none", "a < b"], "a < b")
    '<option value="0">none</option><option value="1" selected>a &lt; b</option>'
    """
    return "".join(
        f'<option value="{i}"{" selected" if option == chosen else ""}>{escape(str(option))}</option>'
        for i, option in enumerate(options)
    )
