"""The mutation score: of generated faults in each graded function, the part that loses points.

Two kinds are generated. A *confined* fault is right, but for one region of the domain or for where two regions meet:
what a check forgets to ask shows there. A *syntax* fault changes one operator, comparison, constant, index or call of a
right way to write the function. Each is graded by the checks of the lab, as an open notebook is, with several seeds of
the questions. A syntax fault that is as right as before on inputs from all over the domain is no fault, and counts as
equivalent; where that cannot be decided, it counts as missed.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import joblib
import numpy as np

from autograder.checking.lab import Lab
from autograder.checking.rubric import Check
from autograder.checking.student import NotebookStudent, Oracle
from autograder.grading.answer_cache import AnswerCache
from autograder.labs import all_labs, get_lab
from benchmarks import syntax_changes
from benchmarks.domain import Pool, confined, domains_of
from benchmarks.report import Figure

ROOT = Path(__file__).resolve().parents[1]
#: Where the figures are kept that need not be measured again.
RESULTS = ROOT / "benchmarks" / "results"
WORKERS = 2
#: A process is given as many parts of the work, then another one goes on: what it keeps of each function piles up.
CHUNKS = 30
#: Of processor time for one fault and one seed, and so many times as long in a slow domain: what hangs gets no points.
SECONDS, LONGER_WHERE_SLOW = 10.0, 6
#: The same to find out whether what survives in a slow domain is a fault at all: thousands of networks are built then.
SECONDS_WHERE_SLOW = 300.0
WANTED = 0.99
#: How many of what survives is kept of one function.
KEPT = 60
KINDS = ("region", "pair", "syntax")


@dataclass(frozen=True)
class Effort:
    """How much is tried.

    Attributes
    ----------
    seeds : tuple of int
        Of the questions.
    most : int
        How many faults of a kind are graded of one function; if there are more, always the same sample.
    drawn : int
        How many inputs are drawn from a domain.
    """

    seeds: tuple[int, ...] = (1, 2)
    most: int = 300
    drawn: int = 3000


FULL, QUICK = Effort(), Effort(seeds=(1,), most=8, drawn=500)
#: The same for a domain that is slow.
FULL_WHERE_SLOW, QUICK_WHERE_SLOW = replace(FULL, most=100, drawn=300), replace(QUICK, most=2, drawn=60)


@dataclass(frozen=True)
class Mutant:
    """One generated fault.

    Attributes
    ----------
    function : str
    regions, wrong : tuple of str, str
        Where and how a confined fault is wrong; empty in a syntax fault.
    way, change, source : str
        Of a syntax fault: which right function was changed, what was changed in it, and the text of all of it.
    """

    function: str
    regions: tuple[str, ...] = ()
    wrong: str = ""
    way: str = ""
    change: str = ""
    source: str = ""

    @property
    def kind(self) -> str:
        """``"region"``, ``"pair"`` or ``"syntax"``."""
        return KINDS[len(self.regions) - 1]

    @property
    def name(self) -> str:
        """What is wrong, and where."""
        return self.change or f"{self.wrong} where {' and '.join(self.regions)}"


@dataclass(frozen=True)
class Result:
    """What became of a fault.

    Attributes
    ----------
    mutant : Mutant
    found : tuple of bool
        For each seed, whether it lost points.
    equivalent : bool
        Whether it is as right as what it was made of.
    shows : str
        Why it should have been found, such as an input that it is wrong for; empty where it was always found.
    """

    mutant: Mutant
    found: tuple[bool, ...]
    equivalent: bool = False
    shows: str = ""


class TooLongError(BaseException):
    """A fault took too long. No `Exception`: the functions that are asked may catch those."""


def figures(quick: bool, tell: Callable[[str], None]) -> list[Figure]:
    """Generate and grade the faults of every lab that says what its domains are, and return the figures.

    A function whose checks and domain did not change is not measured again, and a run that was stopped goes on.

    Parameters
    ----------
    quick : bool
        A sample of the faults, with one seed.
    tell : callable
        Gets a sentence for the reader now and then.

    Returns
    -------
    list of Figure
    """
    found: list[Figure] = []
    usual, where_slow = (QUICK, QUICK_WHERE_SLOW) if quick else (FULL, FULL_WHERE_SLOW)
    measure = kept(RESULTS)
    # Spawned, not forked: TensorFlow does not survive a fork once it has computed something.
    with multiprocessing.get_context("spawn").Pool(WORKERS, maxtasksperchild=CHUNKS) as processes:
        for lab in all_labs():
            if (module := domains_of(lab)) is None:
                continue
            for function, domain in module.DOMAINS.items():
                effort = where_slow if domain.slow else usual
                figure, lines = measure(lab.name, function, effort, version_of(lab), processes)
                found.append(figure)
                tell(counted(figure))
                for line in lines:
                    tell(f"  {line}")
            found.append(losses(lab, module, usual.seeds, tell))
    return found


def kept(folder: Path) -> Callable[..., tuple[Figure, list[str]]]:
    """Return `of_function`, which keeps what it returned in a folder and takes it from there."""
    return joblib.Memory(folder, verbose=0).cache(of_function, ignore=["processes"])


def of_function(
    lab_name: str, function: str, effort: Effort, version: str, processes: Any = None
) -> tuple[Figure, list[str]]:
    """Return the figure of one function, and a line for each place where faults were not found."""
    start = time.perf_counter()
    results = measured(lab_name, function, effort, processes)
    seconds = round(time.perf_counter() - start, 1)
    tried = {"seeds": len(effort.seeds), "drawn": effort.drawn, "seconds": seconds}
    return score(results, get_lab(lab_name), function, **tried), list(survivors(results))


def version_of(lab: Lab) -> str:
    """Return what stands for all that decides the score of a lab's functions."""
    own = [ROOT / "benchmarks" / f"{name}.py" for name in ("domain", "mutation", "syntax_changes")]
    code = ROOT / "autograder"
    places = (code / "checking", code / "labs" / lab.name, ROOT / "tests" / "labs" / lab.name)
    files = own + [path for place in places for kind in ("*.py", "*.toml") for path in sorted(place.rglob(kind))]
    return joblib.hash(([path.read_bytes() for path in files], np.__version__, sys.version))


def score(results: Sequence[Result], lab: Lab, function: str, **more: float) -> Figure:
    """Return the figure of one function.

    Parameters
    ----------
    results : sequence of Result
    lab : Lab
    function : str
    **more
        What else is kept.
    """
    real = [result for result in results if not result.equivalent]
    asked = [found for result in real for found in result.found]
    table = {
        kind: {
            "generated": len(of_kind),
            "found": sum(all(result.found) for result in of_kind),
            "found sometimes": sum(any(result.found) and not all(result.found) for result in of_kind),
            "equivalent": sum(result.equivalent for result in of_kind),
        }
        for kind in KINDS
        for of_kind in [[result for result in results if result.mutant.kind == kind]]
    }
    left = [
        {"fault": result.mutant.name, "way": result.mutant.way, "found": sum(result.found), "shows": result.shows}
        for result in real
        if not all(result.found)
    ]
    return Figure(
        f"mutation score, {lab.name}: {function}",
        sum(asked) / len(asked),
        at_least=WANTED,
        timed=False,
        raw={"lab": lab.name, "function": function, "kinds": table, "survivors": left[:KEPT], "left": len(left)} | more,
    )


def counted(figure: Figure) -> str:
    """Say in a line what became of the faults of one function."""
    kinds = figure.raw["kinds"].values()
    generated, found, equivalent = (sum(kind[what] for kind in kinds) for what in ("generated", "found", "equivalent"))
    numbers = f"{generated} generated, {found} found, {equivalent} equivalent, {figure.raw['left']} survive"
    return f"{figure.raw['function']}: {numbers}, score {figure.measured:.4f}"


def losses(lab: Lab, module: ModuleType, seeds: Sequence[int], tell: Callable[[str], None]) -> Figure:
    """Return how many of the right ways lose points: their changes would be found for the wrong reason."""
    ways = {
        (function, way): answer
        for function, domain in module.DOMAINS.items()
        for way, answer in {**module.WAYS[function], "that of the domain": domain.solve}.items()
    }
    bad = [
        f"{function}, {way}"
        for (function, way), answer in ways.items()
        if any(loses_points(lab, function, module.namespace(function, answer), seed) for seed in seeds)
    ]
    for way in bad:
        tell(f"{lab.name}: the right way {way} loses points")
    raw = {"ways": bad, "tried": len(ways)}
    return Figure(f"right ways that lose points, {lab.name}", len(bad), at_most=0, timed=False, raw=raw)


def survivors(results: Sequence[Result]) -> Iterator[str]:
    """Yield a line for each place at which faults were not found, those with most of them first."""
    places = defaultdict(list)
    for result in results:
        if not result.equivalent and not all(result.found):
            mutant = result.mutant
            times = sum(result.found)
            sometimes = f" (found with {times} of {len(result.found)} seeds)" if times else ""
            places[mutant.kind, " and ".join(mutant.regions) or mutant.way].append((mutant, sometimes, result.shows))
    for (kind, place), ones in sorted(places.items(), key=lambda item: (KINDS.index(item[0][0]), -len(item[1]))):
        function = ones[0][0].function
        if kind == "syntax":
            yield from (f"{function}, {place}: {mutant.name}{sometimes}; {shows}" for mutant, sometimes, shows in ones)
        else:
            ways = ", ".join(f"{mutant.wrong}{sometimes}" for mutant, sometimes, _ in ones)
            broken = {shows for _, _, shows in ones if shows.startswith("the check")}
            yield "; ".join([f"{function} where {place}: {len(ones)} not found: {ways}", *sorted(broken)])


# Generating.


@functools.cache
def pool_of(lab: str, function: str, drawn: int) -> Pool:
    """Return inputs from all over the domain of a function, always the same ones."""
    return Pool(domains_of(get_lab(lab)).DOMAINS[function], drawn)


def mutants(lab: str, function: str, effort: Effort) -> list[Mutant]:
    """Return the faults of one function, always the same ones.

    Parameters
    ----------
    lab, function : str
    effort : Effort
    """
    ones = [*_confined(function, pool_of(lab, function, effort.drawn))]
    for way, answer in domains_of(get_lab(lab)).WAYS[function].items():
        for change in syntax_changes.changes(answer):
            ones.append(Mutant(function, way=way, change=change.where, source=change.source))
    rng = np.random.default_rng(0)
    by_kind = [[one for one in ones if one.kind == kind] for kind in KINDS]
    return [of_kind[k] for of_kind in by_kind for k in sorted(rng.permutation(len(of_kind))[: effort.most])]


def _confined(function: str, pool: Pool) -> Iterator[Mutant]:
    """Yield every way to be wrong in each region, and one, drawn, for each pair of regions."""
    rng = np.random.default_rng(0)
    for region in pool.domain.regions:
        for wrong in pool.faults(region):
            yield Mutant(function, (region,), wrong)
    for pair in pool.pairs():
        if wrongs := pool.faults(*pair):
            yield Mutant(function, pair, str(rng.choice(wrongs)))


def functions_of(mutant: Mutant, module: ModuleType) -> dict[str, Any]:
    """Return the functions of a student who has one fault.

    Parameters
    ----------
    mutant : Mutant
    module : module
        The lab's ``domains``.

    Raises
    ------
    Exception
        Whatever the changed code raises where it is defined.
    """
    ways = module.WAYS[mutant.function]
    if mutant.regions:
        fault = confined(module.DOMAINS[mutant.function], mutant.regions, mutant.wrong)
        return module.namespace(mutant.function, fault)
    functions = module.namespace(mutant.function, ways[mutant.way])
    defined: dict[str, Any] = {}
    exec(compile(mutant.source, "a fault", "exec"), functions, defined)
    ((name, changed),) = defined.items()
    # A way may call itself, by the name that it has in its file.
    functions[name] = functions[mutant.function] = changed
    return functions


# Grading.


def measured(lab: str, function: str, effort: Effort, processes: Any = None) -> list[Result]:
    """Grade the faults of one function.

    Parameters
    ----------
    lab, function : str
    effort : Effort
    processes : multiprocessing.pool.Pool, optional
        Where; in this process without.

    Returns
    -------
    list of Result
    """
    ones = mutants(lab, function, effort)
    each = functools.partial(graded, lab, effort)
    return list(map(each, ones) if processes is None else processes.imap(each, ones, chunksize=8))


def graded(lab_name: str, effort: Effort, mutant: Mutant) -> Result:
    """Grade one fault with all seeds.

    Parameters
    ----------
    lab_name : str
    effort : Effort
    mutant : Mutant

    Returns
    -------
    Result
    """
    lab = get_lab(lab_name)
    try:
        functions = functions_of(mutant, domains_of(lab))
    except Exception:
        # What ends the cell gets nothing, whatever is asked.
        return Result(mutant, (True,) * len(effort.seeds))
    try:
        found = tuple(loses_points(lab, mutant.function, functions, seed) for seed in effort.seeds)
    except Exception as error:
        # What a student returns must not break a check: it is as bad as paying for it.
        return Result(mutant, (False,) * len(effort.seeds), shows=f"the check itself raises {error!r}")
    if all(found):
        return Result(mutant, found)
    pool = pool_of(lab_name, mutant.function, effort.drawn)
    try:
        with time_limit(SECONDS_WHERE_SLOW if pool.domain.slow else SECONDS):
            position = pool.first_wrong(functions[mutant.function])
    except TooLongError:
        return Result(mutant, found, shows="takes too long on some input")
    if position is None:
        return Result(mutant, found, equivalent=True)
    return Result(mutant, found, shows=f"wrong for {described(pool.arguments[position])}")


@functools.cache
def _answers(lab: str) -> Oracle:
    """Return the course's answers to a lab, which are the same for every fault."""
    return AnswerCache(get_lab(lab).oracle())


@functools.cache
def untimed_check(lab: str, function: str) -> Check:
    """Return the check of a function without what measures times.

    Parameters
    ----------
    lab, function : str
    """
    check = get_lab(lab).check(f"check_{function}")
    timed = getattr(domains_of(get_lab(lab)), "TIMED", ())
    return replace(check, lines=tuple(line for line in check.lines if line.key not in timed))


def loses_points(lab: Lab, function: str, functions: Mapping[str, Any], seed: int) -> bool:
    """Return whether the check of a function takes points off.

    Parameters
    ----------
    lab : Lab
    function : str
    functions : mapping of str to object
        All functions of the student.
    seed : int
        Of the questions.
    """
    check = untimed_check(lab.name, function)
    student = NotebookStudent(functions, _answers(lab.name))
    slow = domains_of(lab).DOMAINS[function].slow
    try:
        with time_limit(SECONDS * LONGER_WHERE_SLOW if slow else SECONDS):
            return any(problem is not None for problem in check.judge(student, np.random.default_rng(seed)))
    except TooLongError:
        return True


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise a `TooLongError` in what takes more than so many ``seconds`` of processor time."""

    def stop(*_: object) -> None:
        raise TooLongError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def described(arguments: Sequence) -> str:
    """Return arguments in a few words: shapes, types and ranges."""

    def of_a_list(part: Any) -> str:
        if isinstance(part, dict):
            return f"{{{', '.join(part)}}}"
        return str(list(part.shape)) if hasattr(part, "shape") else type(part).__name__

    def one(value: Any) -> str:
        if isinstance(value, np.ndarray):
            order = "" if value.flags.c_contiguous else ", Fortran order"
            extent = f", {value.min():.3g} to {value.max():.3g}" if value.size else ""
            return f"{list(value.shape)} ({value.dtype}{order}{extent})"
        if isinstance(value, list):
            return f"[{', '.join(map(of_a_list, value))}]"
        return "a random generator" if isinstance(value, np.random.Generator) else repr(value)

    return ", ".join(map(one, arguments))
