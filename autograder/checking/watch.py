"""What a function calls of some packages, noted and refused while it runs in an open notebook.

While grading, stand-ins are in the place of those packages and do the same (`autograder.sandbox.stubs`).
"""

from __future__ import annotations

import functools
import inspect
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable
from types import BuiltinFunctionType, FrameType, FunctionType, ModuleType
from typing import Any

from autograder.sandbox.stubs import HARMLESS, MAX_CALLERS, MAX_NOTED, StubError
from autograder.submissions.cell_run import Noted

#: What Python calls by itself where a package is imported, asked for a name, compared, shown or thrown away.
_BY_ITSELF = frozenset(
    {
        *("<module>", "__getattr__", "__getattribute__", "__dir__", "__del__"),
        *("__instancecheck__", "__subclasscheck__", "__subclasshook__"),
        *("__init_subclass__", "__set_name__", "__prepare__", "__mro_entries__", "__class_getitem__"),
        *("__eq__", "__ne__", "__hash__", "__repr__", "__str__", "__format__"),
    }
)


class Watch:
    """Notes what is called of some packages while a function runs in this process, and refuses it.

    Parameters
    ----------
    packages : iterable of str
        Top-level names.

    Attributes
    ----------
    noted : list of Noted
        What was called, with the names of the functions that led there.

    Examples
    --------
    >>> import json
    >>> watch = Watch(["json"])
    >>> def answer(text):
    ...     return json.loads(text)
    >>> watch.call(answer, "[1, 2]")
    Traceback (most recent call last):
    autograder.sandbox.stubs.StubError: json.loads is not there while answers are graded.
    >>> watch.noted
    [Noted(name='json.loads', callers=('answer',))]
    """

    def __init__(self, packages: Iterable[str]) -> None:
        self.packages = frozenset(packages)
        self.noted: list[Noted] = []
        self._base: FrameType | None = None
        self._tracer: Any = None

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function and return what it returns; a profiler or debugger that runs is put back afterward.

        A profiler that is no function, such as cProfile's, cannot be put back, so nothing is noted while it runs.
        """
        profiler, self._tracer = sys.getprofile(), sys.gettrace()
        if profiler is not None and not callable(profiler):
            return function(*args)
        of_threads = threading.getprofile()
        self._base = sys._getframe()
        try:
            threading.setprofile(self)
            sys.setprofile(self)
            return function(*args)
        finally:
            # First what would come back with the next function that is called.
            if sys.gettrace() is not self._tracer:
                sys.settrace(self._tracer)
            sys.setprofile(profiler)
            threading.setprofile(of_threads)
            self._base = None

    def __call__(self, frame: FrameType, event: str, arg: Any) -> None:
        """Look at one event, as a profile function."""
        if sys.getprofile() is not self:
            # Python drops a profile function that raises; as a trace function it is called once more and comes back.
            sys.setprofile(self)
            sys.settrace(self._tracer)
        if event == "call":
            caller, name, package = frame.f_back, frame.f_code.co_name, _top(frame.f_globals.get("__name__"))
        elif event == "c_call":
            caller, name, package = frame, arg.__name__, _top(arg.__module__ or type(arg.__self__).__module__)
        else:
            return
        if package not in self.packages or name in _BY_ITSELF or name in HARMLESS:
            return
        callers = self._callers(caller)
        path = None if callers is None else _path(frame if event == "call" else arg, package)
        if path is None or path.rpartition(".")[2] in HARMLESS:
            return
        if len(self.noted) < MAX_NOTED:
            self.noted.append(Noted(path, tuple(callers[-MAX_CALLERS:])))
        sys.settrace(self)
        raise StubError(f"{path} is not there while answers are graded.")

    def _callers(self, frame: FrameType | None) -> list[str] | None:
        """Return the names of the functions that led here, the innermost last; None within one of the packages."""
        names: list[str] = []
        while frame is not None and frame is not self._base:
            if _top(frame.f_globals.get("__name__")) in self.packages:
                return None
            names.append(frame.f_code.co_name)
            frame = frame.f_back
        return names[::-1]


def _top(module: Any) -> str:
    return module.partition(".")[0] if isinstance(module, str) else ""


def _path(called: Any, package: str) -> str | None:
    """Return the shortest public path of what is called, a function in C or one that is at its start.

    Of a method that is the path of its class. None for what makes a class: to derive from one computes nothing.
    """
    known = _public(package)
    if not isinstance(called, FrameType):
        path = next((path for path, value in known if value is called), None)
        return path or f"{called.__module__ or type(called.__self__).__module__}.{called.__qualname__}"
    code = called.f_code
    for path, value in known:
        if isinstance(value, FunctionType) and value.__code__ is code and _wraps_the_same(value, called):
            return path
    first = _first_argument(called)
    if isinstance(first, type) and (
        code.co_name == "__init__" or (code.co_name == "__new__" and issubclass(first, type))
    ):
        return None
    bases = (first if isinstance(first, type) else type(first)).__mro__
    owners = [base for base in bases if _top(base.__module__) == package]
    for owner in owners:
        for path, value in known:
            if value is owner:
                return path
    if owners:
        return f"{owners[0].__module__}.{owners[0].__qualname__}"
    return f"{called.f_globals['__name__']}.{code.co_qualname}"


def _wraps_the_same(function: FunctionType, frame: FrameType) -> bool:
    """Return whether a function is the one at its start: all that a decorator returns has one code."""
    kept = inspect.getclosurevars(function).nonlocals
    return all(kept.get(name) is frame.f_locals.get(name) for name in frame.f_code.co_freevars)


def _first_argument(frame: FrameType) -> Any:
    code = frame.f_code
    if code.co_argcount:
        return frame.f_locals.get(code.co_varnames[0])
    several = ()
    if code.co_flags & inspect.CO_VARARGS:
        several = frame.f_locals.get(code.co_varnames[code.co_kwonlyargcount], ())
    return several[0] if several else None


@functools.cache
def _public(package: str) -> list[tuple[str, Any]]:
    """Return the public functions and classes of a package and its modules by their paths, the shortest first."""
    found: list[tuple[str, Any]] = []
    waiting = deque((name, module) for name, module in [(package, sys.modules.get(package))] if module is not None)
    seen = {package}
    while waiting:
        path, module = waiting.popleft()
        for name, value in list(vars(module).items()):
            # A module that is loaded when it is first used says nothing of itself before.
            inside = vars(value).get("__name__") if isinstance(value, ModuleType) else None
            if name.startswith("_") or inside in seen or {"src", "python"} & set(str(inside).split(".")):
                continue
            if _top(inside) == package:
                seen.add(inside)
                waiting.append((f"{path}.{name}", value))
            elif isinstance(value, (FunctionType, BuiltinFunctionType, type)):
                found.append((f"{path}.{name}", value))
    return found
