"""The mutation score: what is generated, what counts as found or as equivalent, and a sample of each lab's faults."""

import ast
import builtins
import dis
import functools
import inspect
import re
import textwrap
from dataclasses import replace
from unittest.mock import ANY

import numpy as np
import pytest

from autograder.checking.student import NotebookStudent
from autograder.grading.answer_cache import AnswerCache
from autograder.labs import all_labs, get_lab
from benchmarks import mutation, syntax_changes
from benchmarks.domain import Domain, Pool, Region, confined, domains_of
from benchmarks.mutation import QUICK, QUICK_WHERE_SLOW, Mutant, Result

MEASURED = [(lab, domains_of(lab)) for lab in all_labs() if domains_of(lab) is not None]
FUNCTIONS = [
    pytest.param(lab, module, function, id=f"{lab.name}-{function}")
    for lab, module in MEASURED
    for function in module.DOMAINS
]
EVERY_FUNCTION = pytest.mark.parametrize(("lab", "module", "function"), FUNCTIONS)
#: The same, for what takes minutes where an answer is slow.
EVERY_QUICK_FUNCTION = pytest.mark.parametrize(
    ("lab", "module", "function"),
    [
        pytest.param(lab, module, function, id=each.id, marks=pytest.mark.long)
        if module.DOMAINS[function].slow
        else each
        for each in FUNCTIONS
        for lab, module, function in [each.values]
    ],
)


@functools.cache
def answers_of(name):
    return AnswerCache(get_lab(name).oracle())


# A domain of its own: half of a number.


def _fail(value, arguments):
    raise ValueError


def _in_place(value, arguments):
    arguments[0][...] = 0
    return value


HALVES = Domain(
    draw=lambda rng: (rng.integers(-3, 4, int(rng.integers(1, 4))).astype(float),),
    solve=lambda x: x / 2,
    right=lambda value, expected, arguments: np.array_equal(value, expected),
    regions={
        "negative": Region("sign", lambda x: (x < 0).all()),
        "positive": Region("sign", lambda x: (x > 0).all()),
        "single": Region("size", lambda x: x.size == 1),
        "broken": Region("size", lambda x: x.no_such_attribute),
        "zero": Region("sign", lambda x: not x.any()),
    },
    wrongs={
        "doubles": lambda value, arguments: 4 * value,
        "takes absolute values": lambda value, arguments: abs(value),
        "raises": _fail,
        "changes its input": _in_place,
    },
)


@pytest.fixture(scope="module")
def pool():
    return Pool(HALVES, 400)


def test_confined_fault_is_wrong_in_its_regions_alone():
    fault = confined(HALVES, ["negative", "single"], "doubles")
    assert fault(np.array([-3.0])) == -6
    assert fault(np.array([3.0])) == 1.5
    assert list(fault(np.array([-3.0, -1.0]))) == [-1.5, -0.5]


def test_what_a_region_cannot_look_at_lies_outside():
    assert confined(HALVES, ["broken"], "doubles")(np.array([3.0])) == 1.5


def test_fault_is_generated_only_where_it_shows(pool):
    assert pool.faults("negative") == list(HALVES.wrongs)
    assert "takes absolute values" not in pool.faults("positive")
    assert pool.faults("zero") == ["raises"], "twice nothing is nothing, and 0 stays 0"
    assert pool.faults("broken") == [], "nothing lies there"


def test_pairs_are_of_different_factors(pool):
    assert ("negative", "single") in list(pool.pairs())
    assert ("negative", "positive") not in list(pool.pairs())


@pytest.mark.parametrize(
    ("function", "wrong"),
    [
        (lambda x: x * 0.5, False),
        (lambda x: x / 2 if x[0] < 3 else x, True),
        (lambda x: np.multiply(x, 0.5, out=x), True),
        (lambda x: x / 2 if x.size < 3 else _fail(x, ()), True),
    ],
)
def test_first_wrong_finds_what_is_not_right(pool, function, wrong):
    assert (pool.first_wrong(function) is not None) == wrong


def test_where_an_error_is_right_no_error_is_wrong():
    def solve(x):
        return x / 2 if x[0] >= 0 else _fail(x, ())

    strict = Pool(Domain(HALVES.draw, solve, HALVES.right, HALVES.regions, HALVES.wrongs), 100)
    assert strict.first_wrong(solve) is None
    assert strict.first_wrong(lambda x: x / 2) is not None


def test_what_must_be_the_same_again_is_asked_twice():
    seeded = replace(HALVES, right=lambda value, expected, arguments: True, again=np.array_equal)
    rng = np.random.default_rng(0)
    assert Pool(seeded, 20).first_wrong(lambda x: x / 2) is None
    assert Pool(seeded, 20).first_wrong(lambda x: rng.random()) == 0
    assert Pool(replace(seeded, again=None), 20).first_wrong(lambda x: rng.random()) is None


#: What functions return that nobody foresaw: to numbers no person would give, and to things that are no numbers.
ODD = {
    "no number": float("nan"),
    "infinite": float("inf"),
    "infinite, twice": (float("inf"), float("inf")),
    "no number, twice": np.full(2, np.nan),
    "a long number": 10**400,
    "minus one": -1,
    "text": "0.5",
    "an array of no size": np.zeros((0, 3)),
    "lists of other lengths": [[1.0], [2.0, 3.0]],
    "arrays that hold no number": [np.full((2, 2), np.nan), None],
    "a mapping": {"a": {}},
    "nothing": None,
}


@EVERY_FUNCTION
@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.long)])
def test_an_odd_answer_is_not_paid_and_stops_no_check(lab, module, function, every):
    # Others for each function, so that each is tried.
    first = [each.id for each in FUNCTIONS].index(f"{lab.name}-{function}") % every
    for name, value in list(ODD.items())[first::every]:
        functions = module.namespace(function, lambda *arguments, value=value: value)
        student = NotebookStudent(functions, answers_of(lab.name))
        items = mutation.untimed_check(lab.name, function)(student, np.random.default_rng(1))
        assert not any(item.passed for item in items), name
        assert all(len(item.message) < 1200 for item in items), name


# Changes to the code.


def example(x, name):
    total = -x[0] + x[1:].sum(axis=0)
    for k in range(len(x)):
        if total < 2 and name == "same":
            total += max(k, 1.5)
    return total


CHANGED = [
    ("x[0] + x[1:]", "an operator before a value is dropped"),
    ("-x[0] - x[1:]", "an operator"),
    ("x[1]", "an index"),
    ("x.sum", "a bound of a slice, or the slice"),
    ("x[1:].mean(", "a method that is taken for another"),
    ("sum()", "a keyword argument is dropped"),
    ("sum(axis=1)", "a constant"),
    ("total <= 2", "a comparison"),
    ("total < 3", "a constant in a comparison"),
    ("total < 2 or", "and, or"),
    ("!= 'same'", "equality"),
    ("'valid'", "a text"),
    ("total -= ", "an operator of an assignment"),
    ("total = max(k", "an assignment in the place of an addition"),
    ("max(1.5, k)", "the order of arguments"),
    ("min(k", "a function that is taken for another"),
    ("max(k)", "an argument is dropped"),
    ("total += k\n", "a call is dropped"),
    ("range(len(x) - 1)", "the last turn of a loop"),
    ("if True", "a condition"),
]


@pytest.mark.parametrize(("text", "what"), CHANGED)
def test_every_kind_of_change_is_made(text, what):
    assert any(text in change.source for change in syntax_changes.changes(example)), what


def test_changes_are_different_functions_each_with_its_place():
    found = syntax_changes.changes(example)
    sources = [change.source for change in found]
    assert len(set(sources)) == len(sources) > len(CHANGED)
    assert ast.unparse(ast.parse(textwrap.dedent(inspect.getsource(example)))) not in sources
    assert all(ast.parse(source) for source in sources)
    place = "line 4: if total < 2 and name == 'same': -> if total <= 2 and name == 'same':"
    assert place in [change.where for change in found]


# What counts.


def test_score_leaves_out_what_is_equivalent_and_lists_what_survives():
    def result(found, **more):
        return Result(Mutant("f", way="a way", change="a change"), found, **more)

    figure = mutation.score(
        [result((True, True)), result((True, False), shows="[3]"), result((False, False), equivalent=True)],
        get_lab("lab1"),
        "f",
    )
    assert figure.measured == 0.75 and figure.verdict == "missed"
    assert figure.raw["kinds"]["syntax"] == {"generated": 3, "found": 1, "found sometimes": 1, "equivalent": 1}
    assert [(one["fault"], one["found"], one["shows"]) for one in figure.raw["survivors"]] == [("a change", 1, "[3]")]


def graded(source):
    """Grade one answer to the simplest function there is, as if it came from a changed right one."""
    return mutation.graded("lab1", QUICK, Mutant("flatten_layer", way="raveled", change="a test", source=source))


def test_fault_that_loses_points_is_found():
    assert graded("def f(h):\n    return h.ravel() + 1") == Result(ANY, (True,))
    assert graded("def f(h):\n    return h.no_such_attribute") == Result(ANY, (True,))
    assert graded("def f(h, more=[].pop()):\n    return h") == Result(ANY, (True,)), "it is never defined"


def test_change_that_is_still_right_is_equivalent():
    assert graded("def f(h):\n    return np.ravel(h, order='C')") == Result(ANY, (False,), equivalent=True)


def test_fault_that_keeps_its_points_is_listed_with_an_input_that_shows_it(monkeypatch):
    nothing = replace(get_lab("lab1").check("check_flatten_layer"), lines=())
    monkeypatch.setattr(mutation, "untimed_check", lambda lab, function: nothing)
    result = graded("def f(h):\n    return h.ravel(order='F')")
    assert result.found == (False,) and not result.equivalent
    assert re.match(r"wrong for \[\d+, \d+, \d+\] \(float", result.shows)


def test_what_hangs_is_stopped_and_gets_no_points(monkeypatch):
    monkeypatch.setattr(mutation, "SECONDS", 0.1)
    loop = "    while True:\n        try:\n            h + 1\n        except Exception:\n            pass"
    assert graded(f"def f(h):\n{loop}") == Result(ANY, (True,))


def test_check_that_breaks_has_not_found_anything(monkeypatch):
    def question(student, rng):
        return student.call("flatten_layer", np.zeros((1, 1, 1))).no_such_attribute

    check = get_lab("lab1").check("check_flatten_layer")
    broken = replace(check, lines=(replace(check.lines[0], question=question),))
    monkeypatch.setattr(mutation, "untimed_check", lambda lab, function: broken)
    result = graded("def f(h):\n    return h.ravel()")
    assert result.found == (False,) and not result.equivalent and "no_such_attribute" in result.shows
    assert "the check itself raises" in result.shows


def test_what_was_measured_is_measured_again_only_where_something_changed(tmp_path):
    effort = replace(QUICK, most=1, drawn=100)
    measure = mutation.kept(tmp_path)
    first = measure("lab1", "flatten_layer", effort, "a version")
    again = mutation.kept(tmp_path)
    assert again.check_call_in_cache("lab1", "flatten_layer", effort, "a version")
    assert again("lab1", "flatten_layer", effort, "a version") == first
    assert not again.check_call_in_cache("lab1", "flatten_layer", effort, "another")
    assert not again.check_call_in_cache("lab1", "flatten_layer", QUICK, "a version")
    versions = [mutation.version_of(lab) for lab, _ in MEASURED]
    assert len(set(versions)) == len(MEASURED) and versions == [mutation.version_of(lab) for lab, _ in MEASURED]


@EVERY_FUNCTION
@pytest.mark.parametrize("drawn", [60, pytest.param(mutation.FULL.drawn, marks=pytest.mark.long)])
def test_there_are_twenty_right_ways_and_each_is_right_all_over_the_domain(lab, module, function, drawn):
    slow = module.DOMAINS[function].slow and drawn != mutation.FULL.drawn
    pool = mutation.pool_of(lab.name, function, drawn // 10 if slow else drawn)
    assert len(module.WAYS[function]) >= 20
    wrong = {}
    for way, answer in module.WAYS[function].items():
        position = pool.first_wrong(module.namespace(function, answer)[function])
        if position is not None:
            wrong[way] = mutation.described(pool.arguments[position])
    assert wrong == {}


@EVERY_FUNCTION
@pytest.mark.parametrize("seeds", [1, pytest.param(20, marks=pytest.mark.long)])
def test_right_ways_lose_nothing(lab, module, function, seeds):
    ways = {**module.WAYS[function], "that of the domain": module.DOMAINS[function].solve}
    if seeds == 1:
        ways = dict(list(ways.items())[:: 7 if module.DOMAINS[function].slow else 3])
    lost = [
        (way, seed)
        for way, answer in ways.items()
        for seed in range(seeds)
        if mutation.loses_points(lab, function, module.namespace(function, answer), seed)
    ]
    assert lost == []


def _global_names(code):
    yield from (one.argval for one in dis.get_instructions(code) if one.opname == "LOAD_GLOBAL")
    for constant in code.co_consts:
        if inspect.iscode(constant):
            yield from _global_names(constant)


@EVERY_FUNCTION
def test_a_changed_way_has_all_that_its_text_names(lab, module, function):
    """Without it, every change of the text would be found, and for the wrong reason."""
    missing = {}
    for way, answer in module.WAYS[function].items():
        source = textwrap.dedent(inspect.getsource(answer))
        around = mutation.functions_of(Mutant(function, way=way, change="none", source=source), module)
        names = set(_global_names(around[function].__code__))
        if unknown := names - around.keys() - set(dir(builtins)):
            missing[way] = unknown
    assert missing == {}


@EVERY_QUICK_FUNCTION
def test_every_region_holds_something_to_be_wrong_about(lab, module, function):
    pool = mutation.pool_of(lab.name, function, QUICK.drawn)
    assert [name for name in pool.domain.regions if not pool.faults(name)] == []


@EVERY_QUICK_FUNCTION
def test_known_faults_are_wrong_in_the_domain(lab, module, function):
    """What a known fault does wrong must show: else the domain is too small to judge a check by."""
    pool = mutation.pool_of(lab.name, function, QUICK.drawn)
    (right, *_) = module.WAYS[function].values()
    faulty = getattr(module, "faulty", lambda fault, answer: fault.apply(answer))
    unseen = []
    for fault in lab.faults:
        if fault.function == function and fault.to == "function":
            answer = faulty(fault, module.namespace(function, right)[function])
            if pool.first_wrong(answer) is None:
                unseen.append(fault.id)
    assert unseen == []


@pytest.mark.parametrize("slow", [False, pytest.param(True, marks=pytest.mark.long)])
@pytest.mark.parametrize(("lab", "module"), MEASURED, ids=[lab.name for lab, _ in MEASURED])
def test_checks_find_a_sample_of_the_faults(lab, module, slow):
    """The same few of each function and kind every time; ``python -m benchmarks --only mutation`` tries far more."""
    efforts = {False: QUICK, True: QUICK_WHERE_SLOW}
    effort = {name: efforts[slow] for name, domain in module.DOMAINS.items() if domain.slow == slow}
    if not effort:
        pytest.skip("none of its functions is slow")
    results = [one for name in effort for one in mutation.measured(lab.name, name, effort[name])]
    figure = mutation.score(results, lab, "all functions")
    # These are few: the benchmark asks for `mutation.WANTED` of many.
    assert figure.measured >= 0.95, "\n".join(mutation.survivors(results))
