"""What the kernel of an open notebook holds that grading will not have: names of cells that it skips, above all."""

from __future__ import annotations

import ast
import builtins
import contextlib
import dis
import inspect
import sys
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any

from autograder.checking.saved_notebook import SavedCell, saved_cells
from autograder.submissions import absent
from autograder.submissions.exploring import EXPLORE, MAX_SOURCE, fingerprint, text_explores
from autograder.submissions.limits import CELL_SECONDS
from autograder.submissions.names import Function, changed_by, lacking, looked_up, made_by
from autograder.submissions.python_source import is_definition, parsed

_states: weakref.WeakKeyDictionary[Any, HiddenState] = weakref.WeakKeyDictionary()


def hidden_state(functions: Mapping[str, Any], released: Set[str]) -> HiddenState | None:
    """Return what watches the kernel that this runs in, from the first call on; None where there is none.

    Parameters
    ----------
    functions : mapping of str to object
        The notebook's ``globals()``.
    released : set of str
        The `exploring.fingerprint` of each released cell that only explores.
    """
    interactive = sys.modules.get("IPython.core.interactiveshell")
    if interactive is None or not interactive.InteractiveShell.initialized():
        return None
    shell = interactive.InteractiveShell.instance()
    if shell.user_ns is not functions:
        return None
    if shell not in _states:
        _states[shell] = HiddenState(shell)
    state = _states[shell]
    state.learn(released)
    return state


@dataclass(frozen=True)
class _Run:
    """A cell that grading runs too: its text, what it made here, and what other cells had made of these names."""

    text: str
    body: list[ast.stmt]
    made: Set[str]
    older: Mapping[str, Any]


class HiddenState:
    """Knows of each name of a kernel which cell made it last, and whether grading will have it.

    A cell that grading skips leaves its names here and not there: they are *absent*, and so are those that other cells
    make after a line that surely needs one. Where that depends on what happens, a name is *doubtful*: grading may have
    another value, or none.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The kernel's. What it ran before is taken from its history.

    Attributes
    ----------
    absent : dict of str to str
        Why grading will not have a name.
    doubtful : dict of str to str
        Why it may have another value.
    """

    def __init__(self, shell: Any) -> None:
        self.absent: dict[str, str] = {}
        self.doubtful: dict[str, str] = {}
        self._shell = shell
        self._released: Set[str] | None = None
        #: What names were worth in cells that grading runs, before a cell that it skips made them anew.
        self._graded: dict[str, Any] = {}
        #: For each name, the cell that made it last and its text.
        self._makers: dict[str, tuple[str, str]] = {}
        self._functions: dict[str, Function] = {}
        #: The cells that grading runs, in the order in which they ran last; which names they miss is settled later.
        self._runs: dict[str, _Run] = {}
        self._late: set[str] = set()
        self._perhaps: dict[str, str] = {}
        #: The names that there were, and the time, when each cell began that runs now: one may run another.
        self._running: list[tuple[dict[str, Any], float]] = []
        shell.events.register("pre_run_cell", self._begin)
        shell.events.register("post_run_cell", self._end)

    def learn(self, released: Set[str]) -> None:
        """Take note of a lab's released cells that only explore.

        Parameters
        ----------
        released : set of str
        """
        first, self._released = self._released is None, released | (self._released or frozenset())
        # The last input is the one that runs now.
        for text in self._shell.user_ns.get("In", [])[1:-1] if first else ():
            self._note(text, {}, None, 0.0)

    # Events.

    def _begin(self, info: Any) -> None:
        self._running.append((self._names(), time.perf_counter()))

    def _end(self, result: Any) -> None:
        # The cell in which this was made began before it.
        before, start = self._running.pop() if self._running else (None, time.perf_counter())
        seconds = time.perf_counter() - start
        message = getattr(self._shell, "parent_header", None) or {}
        text = result.info.raw_cell or ""
        self._note(text, message.get("metadata") or {}, before, seconds, ended=before is None or result.success)

    def _names(self) -> dict[str, Any]:
        hidden = self._shell.user_ns_hidden
        return {name: value for name, value in self._shell.user_ns.items() if name not in hidden}

    def _note(
        self,
        text: str,
        metadata: Mapping[str, Any],
        before: Mapping[str, Any] | None,
        seconds: float,
        ended: bool = True,
    ) -> None:
        """Learn what a cell did that has run; ``before`` holds the names that there were, where that is known."""
        tree = parsed(text)
        body = tree.body if tree is not None else []
        now = self._names()
        # A name that gets the value which it has is made too, unless an error came first.
        made = made_by(body) & now.keys() if ended else set()
        if before is not None:
            made |= {name for name, value in now.items() if name not in before or before[name] is not value}
        for known in (self.absent, self.doubtful, self._graded, self._makers, self._functions):
            for name in known.keys() - now.keys():
                del known[name]
        self._functions |= {node.name: node for node in body if isinstance(node, Function)}
        cell = str(metadata.get("cellId") or text)
        self._mark_stale(cell, text, made, metadata)
        why = self._skipped(text, metadata)
        self._runs.pop(cell, None)
        # What this cell itself made before is not there twice.
        older = {name: value for name, value in (before or {}).items() if self._makers.get(name, ("",))[0] != cell}
        if why:
            self._note_skipped(text, why, body if why == absent.EXPLORES else [], made, older)
            self._doubt_changed(text, changed_by(body) & now.keys() - made, now)
        else:
            there = made & older.keys() - self.absent.keys()
            self._runs[cell] = _Run(text, body, made, {name: older[name] for name in there})
            for name in made:
                self._show(name)
            if seconds > CELL_SECONDS and not all(map(is_definition, body)):
                reason = f"It took {seconds:.0f} seconds, and grading leaves out a cell after {CELL_SECONDS:g}."
                self.doubtful |= {name: absent.made_in(name, text, reason) for name in made - self.absent.keys()}
        self._makers |= dict.fromkeys(made, (cell, text))
        makers = {maker for maker, _ in self._makers.values()}
        self._runs = {one: run for one, run in self._runs.items() if one in makers}

    def _note_skipped(
        self, text: str, why: str, body: list[ast.stmt], made: Set[str], older: Mapping[str, Any]
    ) -> None:
        """Learn what a cell did that grading skips, but for what it defines."""
        # What is changed after it was defined, or made otherwise too, is here not what it is there.
        rest = [one for one in body if not is_definition(one)]
        computed = made_by(rest)
        others = computed | changed_by(rest)
        defined: set[str] = set()
        for statement in body:
            if is_definition(statement) and not lacking(statement, self._gone() | computed - defined, self._functions):
                defined |= made_by([statement])
        for name in made:
            if name not in defined:
                self._hide(name, absent.made_in(name, text, why), older)
            else:
                self._show(name)
        for statement in body:
            if isinstance(statement, (ast.Assign, ast.AnnAssign)) and made_by([statement]) & others & defined:
                self._hide_changed(statement, text)

    def _hide_changed(self, table: ast.stmt, text: str) -> None:
        """Keep the value that grading has of a table which the rest of its cell changes."""
        names = dict(self._shell.user_ns)
        with contextlib.suppress(Exception):
            exec(compile(ast.Module([table], []), "<the table of a cell>", "exec"), names)
            for name in made_by([table]):
                self.absent[name] = absent.made_in(name, text, absent.EXPLORES)
                self._graded[name] = names[name]

    def _gone(self) -> set[str]:
        """Return the absent names of which grading has no value at all."""
        return self.absent.keys() - self._graded.keys() - vars(builtins).keys()

    def _settle(self) -> None:
        """Find out what the cells that grading runs make there, now that it is known what is absent."""
        for name in self._late & self.absent.keys():
            del self.absent[name]
            self._graded.pop(name, None)
        self._late, self._perhaps = set(), {}
        before = None
        # One that stops may be why another one does.
        while before != len(self.absent):
            before = len(self.absent)
            for cell, run in self._runs.items():
                self._settle_one(cell, run)

    def _settle_one(self, cell: str, run: _Run) -> None:
        gone, unsure = self._gone(), set(self.absent)
        there: set[str] = set()
        needed = ""
        for statement in run.body:
            missing = lacking(statement, gone - there, self._functions)
            needed = needed or min(missing, default="")
            # After such a line, grading takes from the cell what it defines.
            if missing or (needed and not is_definition(statement)):
                continue
            found = made_by([statement])
            perhaps = min(looked_up([statement], self._functions, surely=False) & (unsure - there), default="")
            there |= found
            for name in found & run.made if perhaps else ():
                why = f"It may need {perhaps}. {self.absent[perhaps]}"
                self._perhaps[name] = absent.made_in(name, run.text, why)
        for name in run.made & made_by(run.body) - there - self.absent.keys():
            if name in self._makers and self._makers[name][0] == cell:
                self.absent[name] = absent.made_in(name, run.text, absent.stops(needed, self.absent[needed]))
                self._late.add(name)
                if name in run.older:
                    self._graded[name] = run.older[name]

    def _show(self, name: str) -> None:
        for known in (self.absent, self.doubtful, self._graded):
            known.pop(name, None)
        self._late.discard(name)

    def _hide(self, name: str, why: str, older: Mapping[str, Any]) -> None:
        if name not in self.absent and name in older:
            self._graded[name] = older[name]
        self.absent[name] = why
        self.doubtful.pop(name, None)
        self._late.discard(name)

    def _doubt_changed(self, text: str, names: Set[str], now: Mapping[str, Any]) -> None:
        """Doubt names whose values a skipped cell changed in place."""
        for name in names - self.absent.keys():
            if name in self._makers and not isinstance(now[name], (ModuleType, FunctionType, type)):
                self.doubtful[name] = absent.changed_in(name, text)

    def _mark_stale(self, cell: str, text: str, made: Set[str], metadata: Mapping[str, Any]) -> None:
        """Doubt names that an earlier text of this cell made, or a cell that was deleted."""
        deleted = metadata.get("deletedCells")
        deleted = set(map(str, deleted)) if isinstance(deleted, list) else set()
        for name, (maker, old) in self._makers.items():
            if name not in self.absent and (maker in deleted or (maker == cell and name not in made and old != text)):
                self.doubtful[name] = absent.stale(name, old)

    def _skipped(self, text: str, metadata: Mapping[str, Any]) -> str:
        """Return why grading does not run a cell; nothing where it does."""
        if len(text) > MAX_SOURCE:
            return absent.TOO_LONG
        role = metadata.get("nbgrader")
        if isinstance(role, dict) and role.get("grade_id"):
            return ""
        tags = metadata.get("tags")
        if text_explores(text, tags if isinstance(tags, list) else [], self._released):
            return absent.EXPLORES
        # JupyterLab tells with every cell what its tags are. Others tell nothing, and there is only the saved notebook.
        if "deletedCells" not in metadata and fingerprint(text) in {
            fingerprint(cell.text) for cell in saved_cells(self._shell.user_ns) if cell.tagged
        }:
            return absent.EXPLORES
        return ""

    def _out_of_order(self) -> dict[str, str]:
        """Return the names that are here what they would not be had the cells run as they stand in the saved notebook.

        What was not saved yet is not looked at.
        """
        cells = [cell for cell in saved_cells(self._shell.user_ns) if not self._explores(cell)]
        places = {fingerprint(cell.text): place for place, cell in enumerate(cells)}
        first: dict[str, int] = {}
        last: dict[str, int] = {}
        for place, cell in enumerate(cells):
            for name in cell.made:
                first.setdefault(name, place)
                last[name] = place
        found: dict[str, str] = {}
        for run in self._runs.values():
            place = places.get(fingerprint(run.text))
            if place is None:
                continue
            for name in run.made & last.keys():
                if last[name] > place and self._makers.get(name, ("", ""))[1] == run.text:
                    found[name] = absent.made_again(name, run.text, cells[last[name]].text)
            later = {name for name, there in first.items() if there > place}
            missing = [lacking(one, later, self._functions) for one in run.body]
            if needed := min(set().union(*missing), default=""):
                stop = next(number for number, names in enumerate(missing) if names)
                rest = zip(run.body[stop:], missing[stop:], strict=True)
                late = made_by(one for one, names in rest if names or not is_definition(one))
                why = absent.too_early(needed, cells[first[needed]].text)
                found |= {name: absent.made_in(name, run.text, why) for name in late & run.made}
        return found

    def _explores(self, cell: SavedCell) -> bool:
        return text_explores(cell.text, [EXPLORE] if cell.tagged else [], self._released or frozenset())

    # What a check needs.

    @contextlib.contextmanager
    def as_graded(self) -> Iterator[None]:
        """Take the absent names out of the kernel until the ``with`` block is left, and put in what grading has."""
        self._settle()
        names, start = self._shell.user_ns, time.perf_counter()
        saved = {name: names.pop(name) for name in self.absent if name in names}
        names.update(self._graded)
        try:
            yield
        finally:
            # What a check takes is not the time of the cell that calls it: grading asks by itself.
            asked = time.perf_counter() - start
            self._running = [(before, begun + asked) for before, begun in self._running]
            for name in self._graded:
                names.pop(name, None)
            names.update(saved)

    def why(self, name: str) -> str:
        """Return why grading will not have a name; nothing where it has it.

        Parameters
        ----------
        name : str
        """
        return self.absent.get(name, "")

    def doubts(self, asked: Iterable[str]) -> list[str]:
        """Return what is doubtful of some functions, and of all that they need, a sentence each.

        Parameters
        ----------
        asked : iterable of str
        """
        names, waiting = self._shell.user_ns, list(asked)
        seen: dict[str, None] = {}
        while waiting:
            name = waiting.pop()
            if name not in seen and name in names:
                seen[name] = None
                waiting.extend(_globals_of(names[name]))
        doubtful = self._out_of_order() | self._perhaps | self.doubtful
        return [doubtful[name] for name in seen if name in doubtful and name not in self.absent]


def _globals_of(value: Any) -> set[str]:
    """Return the global names that a function, or what it was made of by decorators, looks up."""
    with contextlib.suppress(ValueError):
        value = inspect.unwrap(value) if callable(value) else value
    code = getattr(value, "__code__", None)
    found: set[str] = set()
    waiting = [code] if isinstance(code, CodeType) else []
    while waiting:
        code = waiting.pop()
        waiting.extend(part for part in code.co_consts if isinstance(part, CodeType))
        found |= {one.argval for one in dis.get_instructions(code) if one.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return found
