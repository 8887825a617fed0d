"""The templates of the pages, which escape whatever they are given."""

from __future__ import annotations

from functools import cache

import jinja2


@cache
def template(name: str) -> jinja2.Template:
    """Return one of this folder's templates, read once.

    Parameters
    ----------
    name : str
        Of its file.

    Raises
    ------
    jinja2.TemplateNotFound
        If there is none.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("autograder.gradebook", ""),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template(name)
