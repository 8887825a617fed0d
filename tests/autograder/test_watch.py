"""What a function calls of some packages is noted and refused, and whoever else watches it is put back."""

import cProfile
import gc
import sys
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

from autograder.checking.watch import Watch
from autograder.sandbox.stubs import HARMLESS, MAX_CALLERS, MAX_NOTED, StubError

X = np.ones((2, 2), "float32")


def noted(function, *args):
    """Return what a function called; what it raises does not matter."""
    watch = Watch(["keras", "tensorflow"])
    try:
        watch.call(function, *args)
    except StubError:
        assert watch.noted
    return [note.name for note in watch.noted]


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ("keras.ops.relu(X)", "keras.ops.relu"),
        ("keras.src.ops.nn.relu(X)", "keras.ops.relu"),
        ("keras.activations.get('relu')", "keras.activations.get"),
        ("keras.Model()", "keras.Model"),
        ("keras.layers.ReLU()", "keras.layers.ReLU"),
        ("LAYER(X)", "keras.layers.ReLU"),
        ("LAYER.get_config()", "keras.layers.ReLU"),
        ("tf.nn.relu(X)", "tensorflow.nn.relu"),
        ("tf.raw_ops.Relu(features=X)", "tensorflow.raw_ops.Relu"),
        ("tf.keras.layers.ReLU()", "keras.layers.ReLU"),
        ("tf.Variable(X)", "tensorflow.Variable"),
        ("tf.device('cpu')", "tensorflow.device"),
        ("TENSOR @ TENSOR", "tensorflow.Tensor"),
        ("1 + TENSOR", "tensorflow.Tensor"),
        ("[x for x in TENSOR]", "tensorflow.Tensor"),
    ],
)
def test_call_is_named_as_a_person_knows_it(expression, name):
    space = {"keras": keras, "tf": tf, "X": X, "LAYER": keras.layers.ReLU(), "TENSOR": tf.constant(X)}
    assert noted(eval(f"lambda: {expression}", space)) == [name]


@pytest.mark.parametrize("name", HARMLESS)
def test_what_a_stand_in_does_is_no_fault_in_a_notebook_either(name):
    places = (keras.ops, keras.config, keras.utils, keras.backend, tf)
    function = next(getattr(place, name) for place in places if hasattr(place, name))
    watch = Watch(["keras", "tensorflow"])
    watch.call(
        lambda: function(*[3] * (name in ("convert_to_numpy", "is_tensor", "is_keras_tensor", "set_random_seed")))
    )
    assert watch.noted == []


def test_every_call_is_refused_also_after_others():
    def stubborn():
        names = (keras.ops.relu, keras.ops.abs, tf.nn.relu, keras.ops.sum, tf.abs)
        for function in names:
            with pytest.raises(StubError):
                function(X)
        return X.sum()

    assert noted(stubborn) == [
        "keras.ops.relu",
        "keras.ops.abs",
        "tensorflow.nn.relu",
        "keras.ops.sum",
        "tensorflow.abs",
    ]


def test_what_a_package_does_while_it_is_imported_is_not_noted(tmp_path, monkeypatch):
    (tmp_path / "made_up.py").write_text(
        "import contextlib\n@contextlib.contextmanager\ndef inner():\n    yield 3\nwith inner() as x:\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    watch = Watch(["made_up"])

    def answer():
        import made_up

        return made_up.x

    assert watch.call(answer) == 3 and watch.noted == []
    with pytest.raises(StubError, match="made_up.inner is not there"):
        watch.call(lambda: sys.modules["made_up"].inner().__enter__())
    monkeypatch.delitem(sys.modules, "made_up")


def test_what_a_package_throws_away_is_not_noted():
    thrown = []
    space = {"__name__": "keras.made_up", "thrown": thrown}
    exec("class Rubbish:\n    def __del__(self): thrown.append(1)", space)
    circle = space["Rubbish"]()
    circle.me = circle
    del circle
    assert noted(gc.collect) == [] and thrown == [1]


def test_callers_are_those_of_the_answer_alone():
    def deep(n):
        return deep(n - 1) if n else keras.ops.relu(X)

    watch = Watch(["keras"])
    with pytest.raises(StubError):
        watch.call(deep, 2)
    with pytest.raises(StubError):
        watch.call(deep, 2 * MAX_CALLERS)
    assert [len(note.callers) for note in watch.noted] == [3, MAX_CALLERS]
    assert set(watch.noted[0].callers) == {"deep"}


def test_notes_do_not_grow_without_end():
    def again():
        for _ in range(3 * MAX_NOTED):
            with pytest.raises(StubError):
                keras.ops.relu(X)

    assert len(noted(again)) == MAX_NOTED


def test_thread_is_watched():
    def work():
        thread = threading.Thread(target=lambda: pytest.raises(StubError, keras.ops.relu, X))
        thread.start()
        thread.join()

    assert noted(work) == ["keras.ops.relu"]
    assert threading.getprofile() is None


def fine():
    return sys.getprofile()


def refused():
    return keras.ops.relu(X)


@pytest.mark.parametrize("function", [fine, refused])
def test_profiler_and_debugger_that_run_are_put_back(function):
    events = []

    def profiler(*event):
        events.append(event)

    def tracer(frame, event, arg):
        return None

    before = sys.gettrace()
    sys.setprofile(profiler)
    sys.settrace(tracer)
    threading.setprofile(profiler)
    try:
        noted(function)
        found = sys.getprofile(), sys.gettrace(), threading.getprofile()
    finally:
        sys.setprofile(None)
        sys.settrace(before)
        threading.setprofile(None)
    assert found == (profiler, tracer, profiler)


@pytest.mark.parametrize("function", [fine, refused])
def test_nothing_is_left_behind(function):
    before = sys.gettrace()
    noted(function)
    assert sys.getprofile() is None and sys.gettrace() is before and threading.getprofile() is None


def test_profiler_in_c_goes_on():
    profile = cProfile.Profile()
    profile.enable()
    try:
        assert Watch(["keras"]).call(np.sum, X) == 4
        assert sys.getprofile() is profile
    finally:
        profile.disable()


def test_answer_with_a_profiler_of_its_own_works():
    def profiled():
        return cProfile.Profile().runcall(np.sum, X)

    assert Watch(["keras"]).call(profiled) == 4
    assert sys.getprofile() is None
