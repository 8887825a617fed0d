"""Many more honest ways to write lab 1 than in `tests.labs.lab1.variants`: what the mutation score changes.

Each module holds the ways of one function, and nothing else that is public; the name of a way says how. A layer calls
the ``activation`` of whoever writes it, as in a notebook. None of them hands memory to NumPy that it could leave:
changed a little, it would end the process instead of answering.
"""

import importlib
import types
from collections.abc import Callable
from typing import Any

from tests.labs.lab1 import variants


def _written_here(function: str) -> dict[str, Callable]:
    module = importlib.import_module(f"{__name__}.{function}")
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, types.FunctionType) and value.__module__ == module.__name__ and not name.startswith("_")
    }


#: Right functions by graded function and way: those of `variants` first.
WAYS = {function: variants.VARIANTS[function] | _written_here(function) for function in variants.GRADED}


def namespace(function: str, answer: Callable) -> dict[str, Any]:
    """Return the functions of a student who is right, with one answer in its place and what it needs around it.

    Parameters
    ----------
    function : str
    answer : callable
        One of the `WAYS`, or any other function.
    """
    names = variants.functions(**{function: answer})
    around = getattr(answer, "__globals__", {})
    if around.get("__name__", "").startswith(f"{__name__}."):
        for name, value in around.items():
            names.setdefault(name, value)
        names[function] = types.FunctionType(answer.__code__, names, function, answer.__defaults__, answer.__closure__)
    return names
