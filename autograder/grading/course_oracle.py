"""The course's own answers, from jobs that no student's code has touched."""

from __future__ import annotations

import importlib
import inspect
import json
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from autograder.checking.lab import Lab
from autograder.checking.student import Answer, StudentError
from autograder.grading.answer_cache import AnswerCache
from autograder.grading.student import SandboxStudent, Timeouts
from autograder.sandbox.launch import SandboxError
from autograder.sandbox.pool import JobOptions, Sandbox


class CourseOracle:
    """The course's own answers to a lab, from jobs of their own that no student's code has touched.

    Each is asked once and then remembered: everyone gets the same questions.

    Parameters
    ----------
    lab : Lab
        Whose reference and known faults answer.
    complete : Sandbox
        Has all packages: where most answers come from, and where notebooks run that need those of ``lab.forbidden``.
        It may be lazy: where all answers are known, nobody needs it.
    beside : Sandbox
        One of those in which submissions run: where what is only timed runs.
    known : mapping, optional
        Answers of an earlier time, as `answer_cache` holds them.
    """

    def __init__(self, lab: Lab, complete: Sandbox, beside: Sandbox, known: Mapping[str, Any] | None = None) -> None:
        self.lab, self.complete = lab, complete
        self._complete = _Jobs(complete, lab.reference_modules, lab.reference)
        self._beside = _Jobs(beside, [lab.reference] if lab.timed else [], lab.reference)
        #: Held while a submission runs in the complete sandbox: its jobs share a limit on processes.
        self.lent = threading.Lock()
        self.answers = AnswerCache(self, OrderedDict(known or {}))
        if lab.prepare is not None:
            lab.prepare(self.answers)

    def ask(self, function: str, *args: Any) -> Answer:
        """Ask a job of the course, once more in a fresh one where it is gone: that is never the student's fault.

        Parameters
        ----------
        function : str
        *args
            Plain values: arrays, numbers, text, and lists of these.

        Returns
        -------
        Answer

        Raises
        ------
        StudentError
            If the function itself raised, as a known fault may.
        SandboxError
            If there is no answer from a fresh job either.
        """
        return (self._beside if function in self.lab.timed else self._complete).ask(function, *args)

    def call(self, function: str, *args: Any) -> Any:
        """Return only the value of `ask`."""
        return self.ask(function, *args).value


#: The sandbox does not see this package, so its text goes over the wire and becomes modules of the same names.
_LOADING = """
import json, sys, types
for _name, _source in json.loads({sources!r}).items():
    _parts = _name.split(".")
    for _end in range(1, len(_parts)):
        _parent = ".".join(_parts[:_end])
        sys.modules.setdefault(_parent, types.ModuleType(_parent)).__path__ = []
    _module = sys.modules[_name] = types.ModuleType(_name)
    setattr(sys.modules[_name.rpartition(".")[0]], _parts[-1], _module)
    exec(compile(_source, _name, "exec"), vars(_module))
_right = vars(sys.modules.get({reference!r}, types))
globals().update({{_name: _value for _name, _value in _right.items() if not _name.startswith("_")}})
_kit = sys.modules.get("autograder.checking.faults")
_faults = sys.modules.get({reference!r}.rpartition(".")[0] + ".faults")
if _kit and _faults:
    globals().update(_kit.fault_functions(_faults.FAULTS, _right))
"""


class _Jobs:
    """One job after another that answers with the functions of some modules, the first when something is asked."""

    def __init__(self, sandbox: Sandbox, modules: Sequence[str], reference: str) -> None:
        sources = {name: inspect.getsource(importlib.import_module(name)) for name in modules}
        self._cell = _LOADING.format(sources=json.dumps(sources), reference=reference)
        self._sandbox = sandbox
        self._asked: SandboxStudent | None = None
        # One job answers for all whose submissions are graded in parallel.
        self._lock = threading.Lock()

    def ask(self, function: str, *args: Any) -> Answer:
        with self._lock:
            for last in (False, True):
                if self._asked is None:
                    self._asked = self._start()
                try:
                    return self._asked.ask(function, *args)
                except StudentError as error:
                    if self._asked.alive:
                        raise
                    self._asked = None
                    if last:
                        raise SandboxError(f"The course's own answer to {function} did not come: {error}") from None

    def _start(self) -> SandboxStudent:
        asked = SandboxStudent(
            self._sandbox, {0: self._cell}, timeouts=Timeouts(60, 60, 10**9), options=JobOptions(trusted=True)
        )
        ran = asked.run()[0]
        if ran.error is not None or ran.cut_off is not None:
            reason = ran.cut_off or f"{ran.error.get('ename')}: {ran.error.get('evalue')}"
            raise SandboxError(f"The course's own answers do not load: {reason}")
        return asked
