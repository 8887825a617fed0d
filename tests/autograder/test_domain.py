"""A domain's questions cover every pair of regions, and the line on it charges what no other line has."""

from itertools import combinations, product

import numpy as np
import pytest

from autograder.checking import compare
from autograder.checking.domain import Domain, whole_domain
from autograder.checking.faults import fault_functions
from autograder.checking.rubric import Check, Line
from autograder.checking.student import Namespace, NotebookStudent
from autograder.grading.student import SandboxStudent
from autograder.labs import all_labs
from autograder.labs.lab1 import domains

DOMAIN = Domain(
    {"size": (1, 4, 40), "sign": (-1, 1), "scale": (0.1, 1, 30), "column": (False, True)},
    lambda rng, at: (at["sign"] * at["scale"] * rng.uniform(1, 2, (at["size"], 1) if at["column"] else at["size"]),),
    lambda at: not (at.get("size") == 40 and at.get("column")),
)
OF_LAB_1 = {name: value for name, value in vars(domains).items() if isinstance(value, Domain)}


def pairs(domain):
    """Return every pair of regions that is possible by itself."""
    found = set()
    for one, other in combinations(domain.axes, 2):
        for left, right in product(domain.axes[one], domain.axes[other]):
            if domain.possible({one: left, other: right}):
                found.add(((one, left), (other, right)))
    return found


@pytest.mark.parametrize("domain", [DOMAIN, *OF_LAB_1.values()], ids=["here", *OF_LAB_1])
@pytest.mark.parametrize("seed", [0, 1, 2**63 - 1])
def test_every_possible_pair_of_regions_is_asked(domain, seed):
    questions = domain.questions(seed)
    asked = {pair for question in questions for pair in combinations(question.regions.items(), 2)}
    assert pairs(domain) <= asked
    assert all(domain.possible(question.regions) for question in questions)
    sizes = [question.size or np.inf for question in questions]
    assert sizes == sorted(sizes)


def test_the_same_seed_draws_the_same_and_another_does_not():
    again = Domain(DOMAIN.axes, DOMAIN.draw, DOMAIN.possible)
    for one, other in zip(DOMAIN.questions(5), again.questions(5), strict=True):
        np.testing.assert_array_equal(one.arguments[0], other.arguments[0])
    drawn = [np.concatenate([np.ravel(one.arguments[0]) for one in DOMAIN.questions(seed)]) for seed in (5, 6)]
    assert not np.isin(drawn[0], drawn[1]).any()


def judge(student, question, answer, expected):
    what = compare.difference(answer.value, expected)
    return None if what is None else f"double {what}."


def ordinary(student, rng):
    x = rng.uniform(1, 2, 3)
    return None if compare.agree(student.call("double", x), 2 * x) else "double does not double."


def form(student, rng):
    return None if np.shape(student.call("double", np.ones(3))) == (3,) else "double returns another shape."


LINES = (Line("ordinary", "Ordinary", 1, ordinary), Line("form", "Form", 1, form))
CHECK = Check("double", (*LINES, whole_domain("double", DOMAIN, judge, 1)))
RIGHT = {"double": lambda x: 2 * x}
ORACLE = Namespace(RIGHT | fault_functions([], RIGHT))


def lost(answer, check=CHECK):
    student = NotebookStudent({"double": answer}, ORACLE)
    items = check(student, np.random.default_rng(3))
    return [line.key for line, item in zip(check.lines, items, strict=True) if not item.passed]


def raising(x):
    if x.size > 10:
        raise ValueError("too many")
    return 2 * x


@pytest.mark.parametrize(
    "answer",
    [
        lambda x: 2 * np.clip(x, -20, 20),
        lambda x: 2 * np.abs(x),
        lambda x: 2 * x if x.size < 40 else np.zeros_like(x),
        lambda x: 2 * x if np.ndim(x) == 1 or np.all(x > 0) else 2 * x[::-1] + 0.1,
        lambda x: np.where(np.abs(x) < 0.3, 0, 2 * x),
        raising,
    ],
    ids=["large", "sign", "size", "pair", "small", "raises"],
)
def test_what_is_wrong_in_one_region_costs_the_line_on_the_domain_alone(answer):
    assert lost(answer) == ["domain"]


def test_what_is_right_everywhere_loses_nothing():
    assert lost(lambda x: x + x) == []
    assert lost(lambda x: np.multiply(x, np.float32(2))) == []


def test_one_fault_costs_once_and_nothing_earns_nothing():
    assert lost(lambda x: 3 * x) == ["ordinary"]
    assert lost(lambda x: 2 * x if np.ndim(x) == 1 and len(x) == 3 and x[0] != 1 else 2 * x[None]) == ["form"]
    assert lost(lambda x: None) == ["ordinary", "form", "domain"]
    assert lost(lambda x: np.float64(0)) == ["ordinary", "form", "domain"]


def test_who_answers_nothing_does_not_wait_for_what_is_right():
    class Asked(Namespace):
        def call(self, function, *args):
            calls.append(function)
            return super().call(function, *args)

    def judged(answer):
        return CHECK.judge(NotebookStudent({"double": answer}, oracle), np.random.default_rng(0))

    def nothing(x):
        raise NotImplementedError

    calls, oracle = [], Asked(ORACLE.functions)
    assert all(problem is not None for problem in judged(nothing)) and calls == []
    assert judged(RIGHT["double"]) == [None] * len(CHECK.lines) and calls


def test_without_the_core_no_other_line_is_paid():
    def core(student, rng):
        return None if np.any(student.call("double", np.ones(3))) else "double gives zeros."

    check = Check("double", (Line("ordinary", "Ordinary", 1, ordinary, core=core), *CHECK.lines[1:]))
    assert lost(lambda x: 3 * x, check) == ["ordinary"]
    assert lost(lambda x: 0 * x, check) == ["ordinary", "form", "domain"]
    student = NotebookStudent({"double": lambda x: 0 * x}, ORACLE)
    items = check(student, np.random.default_rng(3))
    assert items[1].message == "All other lines wait for “Ordinary”. double does not double."


CELL = """
import os
def double(x):
    if x.size == 4:
        raise ValueError("four")
    if x.size == 40:
        x[0] = 7.0
    return 2 * x
def hangs(x):
    while True:
        pass
def ends(x):
    os._exit(3)
"""


def test_a_sandbox_answers_many_questions_at_once_as_a_notebook_does(sandbox):
    namespace = {}
    exec(CELL, namespace)
    asked = [question.arguments for question in DOMAIN.questions(1)]
    student = SandboxStudent(sandbox, {0: CELL})
    there, here = student.ask_all("double", asked), NotebookStudent(namespace).ask_all("double", asked)
    assert len(there) == len(here) == len(asked)
    for one, other, (x,) in zip(there, here, asked, strict=True):
        assert type(one) is type(other)
        if x.size == 4:
            assert str(one).startswith("double stopped with ValueError: four")
            continue
        np.testing.assert_array_equal(one.value, other.value)
        assert one.modified == other.modified == ((0,) if x.size == 40 else ())
    student.close()


def test_each_function_of_lab_1_is_asked_over_its_domain():
    (lab,) = [lab for lab in all_labs() if lab.name == "lab1"]
    assert [check.function for check in lab.checks if "domain" not in [line.key for line in check.lines]] == []
