"""Lab 1's rubric: right solutions get everything, a fault costs its lines, a stub gets nothing."""

import inspect
import os
import subprocess
import sys
import textwrap
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.checking import faults as kit
from autograder.checking.student import NotebookStudent
from autograder.labs.lab1 import LAB, faults, reference
from autograder.labs.lab1.domains import CONVOLUTION
from autograder.labs.lab1.faults import FAULTS
from autograder.labs.lab1.shared import domain_of_layer
from tests.labs.lab1.variants import GRADED, VARIANTS, functions, slow_ndimage, slow_samples
from tests.short import one_in

COURSE = LAB.oracle()
EXAMPLES = pytest.mark.parametrize("examples", [4, pytest.param(60, marks=pytest.mark.long)])
TIMED = ("ten", "thirty")
SEEDS = pytest.mark.parametrize("seeds", [1, pytest.param(5, marks=pytest.mark.long)])
TIMED_LINES = {f"fast_conv2d_layer.{key}" for key in TIMED}


def check_of(function, timed):
    """Return the check of one function, without the lines about its speed where these are not wanted."""
    check = LAB.check(f"check_{function}")
    return check if timed else replace(check, lines=tuple(line for line in check.lines if line.key not in TIMED))


def judge(function, namespace, seed, timed=False):
    """Return the items of one check by the key of their line."""
    check = check_of(function, timed)
    items = check(NotebookStudent(namespace, COURSE), np.random.default_rng(seed))
    return {line.key: item for line, item in zip(check.lines, items, strict=True)}


def lost(items):
    return {key: item.message for key, item in items.items() if not item.passed}


def passed(function, namespace, seed, timed=False):
    """Return the keys of the lines that are paid, without the reasons why others are not."""
    check = check_of(function, timed)
    problems = check.judge(NotebookStudent(namespace, COURSE), np.random.default_rng(seed))
    return [line.key for line, problem in zip(check.lines, problems, strict=True) if problem is None]


def on_seeds(examples, holds):
    """Ask with so many drawn seeds: always the same ones in the short form, others each time in the long one."""
    chosen = settings(max_examples=examples, deadline=None, derandomize=examples < 10, database=None)
    chosen(given(seed=st.integers(0, 2**64))(holds))()


def test_points_are_those_of_the_notebook():
    points = {check.function: check.points for check in LAB.checks}
    assert points == dict(zip(GRADED, (4, 8, 4, 2, 4, 3, 5, 5), strict=True))
    assert LAB.points == 35
    assert LAB.manual == {"discussion": 10}


@pytest.mark.parametrize("slow", [slow_samples, slow_ndimage])
def test_slow_answer_is_right_but_not_fast(slow):
    items = judge("fast_conv2d_layer", functions(fast_conv2d_layer=slow), 1, timed=True)
    assert set(lost(items)) == set(TIMED)
    assert "30 times are asked" in items["thirty"].message


def test_answer_between_the_bands_gets_the_first():
    def dawdling(x, W, b, act):
        # As slow as a loop over one of the twenty samples, so less than 20 times as fast as the whole loop.
        reference.convolve_loop(x[:1], W)
        return namespace["swift"](x, W, b, act)

    namespace = functions()
    namespace["swift"] = namespace["fast_conv2d_layer"]
    namespace["fast_conv2d_layer"] = dawdling
    # Other work on the machine can make the loop seem slow, and so this fast, but not again and again.
    measured = (judge("fast_conv2d_layer", namespace, seed, timed=True) for seed in (1, 2, 3))
    assert any(set(lost(items)) == {"thirty"} for items in measured)


def test_loop_in_plain_python_is_told_without_waiting_for_it():
    def crawling(x, W, b, act):
        N, D_y, D_x, C_I = x.shape
        out = np.zeros((N, D_y, D_x, W.shape[3]))
        calls.append(x.shape)
        margin = np.pad(x, ((0, 0), (W.shape[0] // 2,) * 2, (W.shape[1] // 2,) * 2, (0, 0)))
        for n, y, q, o in np.ndindex(out.shape):
            for r in range(W.shape[0]):
                for s in range(W.shape[1]):
                    for i in range(C_I):
                        out[n, y, q, o] += margin[n, y + r, q + s, i] * W[r, s, i, o]
        return reference.activation(out + b, act)

    calls = []
    items = judge("fast_conv2d_layer", functions(fast_conv2d_layer=crawling), 1, timed=True)
    assert set(lost(items)) == set(TIMED)
    assert max(np.prod(shape) for shape in calls) < 20 * 7 * 5 * 64


def test_remembered_answer_is_not_timed():
    memory = {}

    def remembering(x, W, b, act):
        if x.shape not in memory:
            # Fast enough that it is timed a second time, and not so fast that it is believed at once.
            reference.convolve_loop(x[:2], W)
            memory[x.shape] = namespace["swift"](x, W, b, act)
        return memory[x.shape]

    namespace = functions()
    namespace["swift"] = namespace["fast_conv2d_layer"]
    namespace["fast_conv2d_layer"] = remembering
    items = judge("fast_conv2d_layer", namespace, 1, timed=True)
    assert "The timed answer is not right" in items["ten"].message
    assert "The timed answer is not right" in items["thirty"].message


FAST = [fault for fault in FAULTS if fault.function == "fast_conv2d_layer"]


# The other faults are timed in `tests/labs/test_labs.py`.
@pytest.mark.parametrize("fault", {fault.loses: fault for fault in FAST}.values(), ids=lambda m: m.id)
def test_speed_counts_only_for_right_answers(fault):
    items = judge(
        fault.function, functions(fast_conv2d_layer=fault.apply(getattr(reference, fault.function))), 1, timed=True
    )
    assert {f"{fault.function}.{key}" for key in lost(items)} == fault.loses


@pytest.mark.parametrize("fault", one_in(2, [m for m in FAULTS if m.function == "activation"], lambda m: m.id))
@pytest.mark.parametrize("function", ["conv2d_layer", "dense_layer", "fast_conv2d_layer"])
@SEEDS
def test_wrong_activation_costs_no_layer(fault, function, seeds):
    variants = list(VARIANTS[function].values())
    # With one seed each fault meets one way to write the layer, and each way several faults.
    for variant in variants if seeds > 1 else [variants[FAULTS.index(fault) % len(variants)]]:
        namespace = functions(activation=fault.apply(getattr(reference, fault.function)), **{function: variant})
        for seed in range(seeds):
            assert lost(judge(function, namespace, seed)) == {}


def _overflowing(x):
    with np.errstate(all="ignore"):
        return np.exp(x) / (1 + np.exp(x))


def _overflowing_softmax(x):
    with np.errstate(all="ignore"):
        return np.exp(x) / np.exp(x).sum()


WRONG_WHERE_LARGE = {
    "linear is clipped": ("linear", lambda x: np.clip(x, -3, 3)),
    "relu is clipped": ("relu", lambda x: np.clip(x, 0, 6)),
    "relu leaks": ("relu", lambda x: np.where(x < -4, x / 10, np.maximum(x, 0))),
    "sigmoid overflows": ("sigmoid", _overflowing),
    "softmax overflows": ("softmax", _overflowing_softmax),
}


@pytest.mark.parametrize("name", WRONG_WHERE_LARGE)
@pytest.mark.parametrize("function", ["conv2d_layer", "dense_layer", "fast_conv2d_layer"])
@SEEDS
def test_activation_that_is_wrong_where_numbers_are_large_costs_no_layer(name, function, seeds):
    which, wrong = WRONG_WHERE_LARGE[name]
    right = functions()["activation"]

    def activation(x, activation):
        return wrong(x) if activation == which else right(x, activation)

    for seed in range(seeds):
        timed = function == "fast_conv2d_layer" and which == "linear"
        assert lost(judge(function, functions(activation=activation), seed, timed=timed)) == {}


def identity(*arguments):
    return arguments[0]


def both(*arguments):
    return arguments[:2]


def raising(*arguments):
    raise NotImplementedError


STUBS = {
    "nothing": lambda *arguments: None,
    "raising": raising,
    "identity": identity,
    "arguments": both,
    "text": lambda *arguments: "42",
    "zero": lambda *arguments: 0,
    "constant": lambda *arguments: 1.5,
    "pair": lambda *arguments: (0.0, 0.0),
    "constants": lambda *arguments: (2.3, 50.0),
    "empty": lambda *arguments: np.array([]),
    "nan": lambda *arguments: np.full_like(arguments[0], np.nan),
    "zeros of the input": lambda *arguments: np.zeros(np.shape(arguments[0])),
    "ones of the input": lambda *arguments: np.ones(np.shape(arguments[0])),
    "ragged": lambda *arguments: [[1.0], [1.0, 2.0]],
    "complex": lambda *arguments: np.asarray(arguments[0]) * 1j,
    "huge": lambda *arguments: 10**400,
}


def shaped(function, value):
    """Return a stub that has the right shape and one number everywhere."""

    def stub(*arguments):
        if function == "activation":
            return np.full(np.shape(arguments[0]), value)
        if function == "count_weights":
            return value
        if function == "evaluate":
            return value, value
        return np.full(np.shape(getattr(reference, function)(*arguments)), value)

    return stub


@pytest.mark.parametrize("function", GRADED)
@pytest.mark.parametrize("stub", one_in(3, STUBS))
@SEEDS
def test_stub_gets_nothing(function, stub, seeds):
    for seed in range(seeds):
        items = judge(function, functions(**{function: STUBS[stub]}), seed, timed=seed == 0)
        assert [key for key, item in items.items() if item.passed] == []
        assert passed(function, dict.fromkeys(GRADED, STUBS[stub]), seed, timed=seed == 0) == []


@pytest.mark.parametrize(
    "cut", [lambda h: h[: len(h) // 2, : h.shape[1] // 2], lambda h: h[len(h) % 2 :, h.shape[1] % 2 :][: len(h) // 2]]
)
def test_image_that_is_cut_is_not_pooled(cut):
    for seed in range(5):
        items = judge("pool2d_layer", functions(pool2d_layer=cut), seed)
        assert [key for key, item in items.items() if item.passed] == []


@pytest.mark.parametrize("function", GRADED)
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0, -0.7, 1000.0])
@SEEDS
def test_constant_of_the_right_shape_gets_nothing(function, value, seeds):
    constants = {name: shaped(name, value) for name in GRADED}
    for namespace in (functions(**{function: constants[function]}), constants):
        for seed in range(seeds):
            assert passed(function, namespace, seed, timed=seed == 0) == []


def test_empty_notebook_gets_nothing_and_is_told_what_to_run():
    for function in GRADED:
        items = judge(function, {}, 0, timed=True)
        assert not any(item.passed for item in items.values())
        assert all(f"no function {function} yet" in item.message for item in items.values())


@pytest.mark.parametrize("function", ["conv2d_layer", "dense_layer", "fast_conv2d_layer", "pool2d_layer", "evaluate"])
def test_half_precision_and_rounding_are_not_enough(function):
    def converted(convert):
        def answer(*arguments):
            right = getattr(reference, function)(*arguments)
            return tuple(map(convert, right)) if isinstance(right, tuple) else convert(right)

        return answer

    keys = {"conv2d_layer": "kernel", "dense_layer": "sum", "fast_conv2d_layer": "answers", "pool2d_layer": "maximum"}
    for convert in (np.float16, lambda value: np.round(value, 2)):
        for seed in range(5):
            paid = passed(function, functions(**{function: converted(convert)}), seed)
            assert keys.get(function, "cross_entropy") not in paid


def test_a_sum_in_single_precision_is_right_where_large_terms_cancel():
    """175 large terms: some of their sums are near 0, and off by more than the usual tolerance."""

    def conv2d_layer(h, W, b, act):
        h, W = np.float32(h), np.float32(W)
        (rows, columns), (R, S) = h.shape[:2], W.shape[:2]
        padded = np.pad(h, ((R // 2, R // 2), (S // 2, S // 2), (0, 0)))
        total = np.zeros((rows, columns, W.shape[3]), np.float32)
        for r, s, c in np.ndindex(W.shape[:3]):
            total += padded[r : r + rows, s : s + columns, c, None] * W[r, s, c]
        return reference.activation(total + b, act)

    line = domain_of_layer("conv2d_layer", CONVOLUTION, 0.5)
    student = NotebookStudent({"conv2d_layer": conv2d_layer, "activation": reference.activation}, COURSE)
    # One seed in a hundred draws such terms; that is one of them.
    assert line.question(student, SimpleNamespace(integers=lambda most: 125)) is None


def test_kernel_that_is_turned_anew_for_every_channel_is_found():
    # Right for one channel, and right for kernels that are 0 but in the middle.
    def turning(h, W, b, act):
        out = 0
        for i in range(W.shape[2]):
            out = out + reference.conv2d_layer(h[..., i : i + 1], W[:, :, i : i + 1], np.zeros_like(b), "linear")
            W = W[::-1, ::-1]
        return reference.activation(out + b, act)

    for seed in range(5):
        assert set(lost(judge("conv2d_layer", functions(conv2d_layer=turning), seed))) == {"kernel"}


def test_transposed_dense_weights_cost_the_sum_alone():
    def transposed(h, W, b, act):
        return reference.activation(np.transpose(W) @ h + np.ravel(b), act)

    items = judge("dense_layer", functions(dense_layer=transposed), 3)
    assert set(lost(items)) == {"sum"}
    assert "W is [out, in]" in items["sum"].message


def test_layer_that_does_not_take_its_own_answer_loses_the_shape():
    def unstackable(h, W, b, act):
        column = W @ np.reshape(h, np.shape(h)[:1] + (1,) * np.ndim(h)) if np.ndim(h) == 1 else W @ h @ np.ones((1, 2))
        return reference.activation(column.ravel()[:, None], act) + 0 * b if np.ndim(h) == 1 else column

    items = judge("dense_layer", functions(dense_layer=unstackable), 0)
    assert "next dense layer" in items["shape"].message


def test_two_faults_are_named_as_two_where_both_show():
    def flipped_and_valid(h, W, b, act):
        return reference.conv2d_layer(h, np.flip(W, (0, 1)), b, act, "valid")

    items = judge("conv2d_layer", functions(conv2d_layer=flipped_and_valid), 0)
    assert set(lost(items)) == {"kernel", "border"}
    assert "Two things at once: (1) This is true convolution" in items["kernel"].message
    assert "(2) This is 'valid': it has lost a border" in items["kernel"].message
    # There the kernel is the same whichever way round it lies.
    assert "it has lost a border" in items["border"].message and "Two things" not in items["border"].message


@pytest.mark.parametrize("loss", [12.0, 700.0])
def test_how_a_probability_of_zero_is_clipped_is_free(loss):
    def clipped(y_prob, y_onehot):
        p = np.maximum(y_prob, np.exp(-loss))
        return -np.mean(np.sum(y_onehot * np.log(p), axis=1)), reference.evaluate(y_prob, y_onehot)[1]

    assert lost(judge("evaluate", functions(evaluate=clipped), 0)) == {}


def test_clipping_at_a_large_probability_is_too_cheap():
    def clipped(y_prob, y_onehot):
        p = np.maximum(y_prob, np.exp(-9.0))
        return -np.mean(np.sum(y_onehot * np.log(p), axis=1)), reference.evaluate(y_prob, y_onehot)[1]

    assert set(lost(judge("evaluate", functions(evaluate=clipped), 0))) == {"zero"}


def test_same_seed_asks_the_same():
    asked = []

    def spying(h):
        asked.append(h)
        return reference.pool2d_layer(h)

    for _ in range(2):
        judge("pool2d_layer", functions(pool2d_layer=spying), 5)
    half = len(asked) // 2
    assert all(np.array_equal(one, other) for one, other in zip(asked[:half], asked[half:], strict=True))
    judge("pool2d_layer", functions(pool2d_layer=spying), 6)
    assert not any(np.array_equal(asked[0], other) for other in asked[2 * half :])


def test_loop_of_the_course_calls_as_often_as_a_solution(monkeypatch):
    import scipy.signal

    calls = []

    def counted(plane, kernel, mode):
        calls.append((plane.shape, kernel.shape, mode))
        return np.zeros(plane.shape)

    monkeypatch.setattr(scipy.signal, "convolve2d", counted)
    reference.convolve_loop(np.zeros((3, 7, 9, 2)), np.zeros((3, 5, 2, 4)))
    assert calls == [((7, 9), (3, 5), "same")] * 24


def _python(code):
    """Run code in a Python of its own, away from the repository's packages."""
    path = [entry for entry in sys.path if "site-packages" in entry]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path), "TF_CPP_MIN_LOG_LEVEL": "3"}
    # The texts are longer than one argument of a command may be.
    command = [sys.executable, "-S", "-"]
    done = subprocess.run(
        command, input=textwrap.dedent(code), capture_output=True, text=True, env=environment, cwd="/"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_reference_and_faults_run_from_their_text_alone():
    texts = {module.__name__: inspect.getsource(module) for module in (kit, reference, faults)}
    out = _python(f"""
        import sys, types
        import numpy as np
        assert not any("autograder" in finder for finder in map(str, sys.meta_path))
        for parent in ("autograder", "autograder.checking", "autograder.labs", "autograder.labs.lab1"):
            sys.modules[parent] = types.ModuleType(parent)
            sys.modules[parent].__path__ = []
        for name, text in {texts!r}.items():
            module = sys.modules[name] = types.ModuleType(name)
            setattr(sys.modules[name.rpartition(".")[0]], name.rpartition(".")[2], module)
            exec(compile(text, name, "exec"), vars(module))
        kit, right, known = (sys.modules[name] for name in {texts!r})
        answers = vars(right) | kit.fault_functions(known.FAULTS, vars(right))
        print(answers["dense_layer"](np.ones(3), np.ones((2, 3)), np.zeros((2, 1)), "linear").tolist() == [[3], [3]])
        print(answers["fault"]("pool2d_mean", np.eye(2)[..., None]).item())
    """)
    assert out == ["True", "0.5"]


def test_judging_needs_no_keras_where_it_runs():
    code = "import sys, autograder.labs.lab1; print([m for m in ('keras', 'tensorflow') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
