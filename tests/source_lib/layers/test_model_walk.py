"""The walk through a network against Keras models drawn at random, gradients, and products counted one by one."""

import doctest
import subprocess
import sys
from functools import partial

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from source_lib.layers import model_walk
from source_lib.layers.model_walk import Layer, walk
from source_lib.layers.receptive_fields import cells_seen


def drawn(examples):
    """Ask a property of so many examples: always the same ones in the short form, others each time in the long one."""
    return settings(max_examples=examples, deadline=None, derandomize=examples < 100, database=None)


SHORT_AND_LONG = pytest.mark.parametrize("examples", [20, pytest.param(400, marks=pytest.mark.long)])
kernels = st.tuples(st.integers(1, 5), st.integers(1, 5))
paddings = st.sampled_from(["valid", "same"])
flags = st.booleans()


@st.composite
def windows(draw, square=False):
    """Draw strides or a dilation, of which Keras allows only one at a time, and a padding."""
    pairs = st.integers(1, 3).map(lambda n: (n, n)) if square else st.tuples(st.integers(1, 3), st.integers(1, 3))
    which = draw(st.sampled_from(["strides", "dilation_rate"]))
    return {which: draw(pairs), "padding": draw(paddings)}


# Keras draws seeds while it makes layers, which must not happen while hypothesis draws: what is drawn are recipes.
@st.composite
def on_maps(draw):
    kind = draw(st.sampled_from(["conv", "conv", "depthwise", "separable", "max", "average", "zeros", "other"]))
    if kind == "conv":
        groups = draw(st.sampled_from([1, 1, 2]))
        more = {"groups": groups, "use_bias": draw(flags), **draw(windows())}
        return partial(layers.Conv2D, groups * draw(st.integers(1, 3)), draw(kernels), **more)
    if kind in ("depthwise", "separable"):
        more = {"depth_multiplier": draw(st.integers(1, 2)), "use_bias": draw(flags), **draw(windows(square=True))}
        if kind == "depthwise":
            return partial(layers.DepthwiseConv2D, draw(kernels), **more)
        return partial(layers.SeparableConv2D, draw(st.integers(1, 4)), draw(kernels), **more)
    if kind in ("max", "average"):
        pooling = layers.MaxPooling2D if kind == "max" else layers.AveragePooling2D
        strides = draw(st.none() | st.tuples(st.integers(1, 3), st.integers(1, 3)))
        return partial(pooling, draw(kernels), strides, draw(paddings))
    if kind == "zeros":
        sides = st.tuples(st.integers(0, 2), st.integers(0, 2))
        return partial(layers.ZeroPadding2D, draw(st.integers(0, 2) | sides | st.tuples(sides, sides)))
    normalization = {"scale": draw(flags), "center": draw(flags), "trainable": draw(flags)}
    return draw(
        st.sampled_from(
            [
                layers.ReLU,
                layers.RandomFlip,
                partial(layers.Dropout, 0.5),
                partial(layers.BatchNormalization, **normalization),
                partial(layers.Dense, draw(st.integers(1, 3)), use_bias=draw(flags)),
                lambda: keras.Sequential([layers.RandomRotation(0.1), layers.Conv2D(2, 1)]),
            ]
        )
    )


@st.composite
def stacks(draw):
    """Draw recipes of the layers of a network, not all of which fit."""
    stack = draw(st.lists(on_maps(), min_size=1, max_size=4))
    end = draw(st.sampled_from(["maps", "flatten", "average", "kept"]))
    if end == "kept":
        stack.append(partial(layers.GlobalAveragePooling2D, keepdims=True))
    elif end != "maps":
        stack.append(layers.Flatten if end == "flatten" else layers.GlobalAveragePooling2D)
        stack += [partial(layers.Dense, 3, use_bias=draw(flags)), layers.BatchNormalization, layers.Softmax]
    return stack


shapes = st.tuples(st.integers(1, 16), st.integers(1, 16), st.sampled_from([2, 4]))


def built(stack, shape, functional):
    if not functional:
        return keras.Sequential([keras.Input(shape), *stack])
    tensor = first = keras.Input(shape)
    for layer in stack:
        tensor = layer(tensor)
    return keras.Model(first, tensor)


def leaves(model):
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from leaves(layer)
        elif not isinstance(layer, layers.InputLayer):
            yield layer


@SHORT_AND_LONG
def test_walk_agrees_with_keras(examples):
    fitted = []

    @drawn(examples)
    @given(stacks(), shapes, flags)
    def agrees(recipes, shape, functional):
        stack = [recipe() for recipe in recipes]
        try:
            model = built(stack, shape, functional)
        except ValueError:
            with pytest.raises(ValueError, match="^Layer "):
                walk(stack, shape)
            fitted.append(False)
            return
        fitted.append(True)
        rows = walk(model)
        assert len(rows) == len(list(leaves(model)))
        for row, layer in zip(rows, leaves(model), strict=True):
            assert row.name == layer.name and row.kind == type(layer).__name__
            assert row.output_shape == tuple(layer.output.shape[1:])
            assert row.parameters == layer.count_params()
            assert row.trainable == sum(int(np.prod(v.shape)) for v in layer.trainable_variables)
        assert sum(row.parameters for row in rows) == model.count_params()
        assert rows == walk(stack, shape)

    agrees()
    assert any(fitted) and not all(fitted)


@st.composite
def seeing(draw):
    """Draw recipes of layers of which every weight counts: kernel, stride, dilation and padding of rows and columns."""
    stack = []
    for _ in range(draw(st.integers(1, 3))):
        kernel, window = draw(kernels), draw(windows())
        if draw(flags):
            stack.append(partial(layers.AveragePooling2D, kernel, window.get("strides"), window["padding"]))
        else:
            stack.append(partial(layers.Conv2D, 1, kernel, kernel_initializer="ones", use_bias=False, **window))
    return stack


@SHORT_AND_LONG
def test_receptive_field_is_where_the_gradient_is_not_zero(examples):
    tried = []

    @drawn(3 * examples)
    @given(seeing(), st.tuples(st.integers(12, 30), st.integers(12, 30)), st.randoms())
    def agrees(recipes, size, random):
        stack = [recipe() for recipe in recipes]
        try:
            rows = walk(stack, (*size, 1))
        except ValueError:
            return
        sizes = [size, *(row.output_shape[:2] for row in rows)]
        if any("Pool" in row.kind and np.any(np.greater(row.kernel, n)) for row, n in zip(rows, sizes, strict=False)):
            # TensorFlow's own gradient of average pooling is wrong where the window is larger than the whole map:
            # over 4 values, its output of window 5 and stride 3 is an average of 3 of them, its gradient one of all 4.
            return
        model = built(stack, (*size, 1), functional=False)
        row = rows[-1]
        cell = tuple(random.randrange(n) for n in row.output_shape[:2])
        image = tf.Variable(np.ones((1, *size, 1), np.float32))
        with tf.GradientTape() as tape:
            value = model(image)[0, cell[0], cell[1], 0]
        seen = tape.gradient(value, image).numpy()[0, :, :, 0] != 0
        expected = np.zeros(size, dtype=bool)
        sees = []
        for axis in (0, 1):
            settings = [(r.kernel[axis], r.stride[axis], r.dilation[axis], r.padding[axis]) for r in rows]
            sees.append(cells_seen(size[axis], settings, cell[axis])[0])
        expected[np.ix_(*sees)] = True
        assert np.array_equal(seen, expected), rows
        inside = True
        for axis in (0, 1):
            first = row.start[axis] + cell[axis] * row.jump[axis]
            last = first + row.receptive_field[axis] - 1
            if first >= 0 and last < size[axis]:
                assert (min(sees[axis]), max(sees[axis])) == (first, last)
            else:
                inside = False
                assert not sees[axis] or (first <= min(sees[axis]) and max(sees[axis]) <= last)
        tried.append((inside, any(max(r.dilation) > 1 for r in rows)))

    agrees()
    # Enough of the cells were inner ones, with dilation too.
    assert tried.count((True, True)) >= 2 and (True, False) in tried


def products(layer, image):
    """Count the multiplications of a value with a weight, one by one, in a convolution written as loops."""
    before = [(row.padding[0], row.padding[1]) for row in walk([layer], image.shape)]
    padded = np.pad(image, (*before[0], (0, 0)))
    rows, columns, channels = padded.shape
    (down, right), (step_down, step_right) = layer.kernel_size, layer.strides
    count = 0
    for top in range(0, rows - down + 1, step_down):
        for left in range(0, columns - right + 1, step_right):
            window = padded[top : top + down, left : left + right]
            if isinstance(layer, layers.Conv2D):
                per_group = channels // layer.groups
                for output in range(layer.filters):
                    group = output // (layer.filters // layer.groups)
                    count += sum(1 for _ in window[..., group * per_group : (group + 1) * per_group].flat)
                continue
            middle = [c for c in range(channels) for _ in range(layer.depth_multiplier)]
            count += sum(1 for channel in middle for _ in window[..., channel].flat)
            if isinstance(layer, layers.SeparableConv2D):
                count += sum(1 for _ in range(layer.filters) for _ in middle)
    return count


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv2D(3, (2, 5), padding="same"),
        layers.Conv2D(4, 3, strides=(2, 1), groups=2),
        layers.DepthwiseConv2D((3, 1), depth_multiplier=2, padding="same"),
        layers.SeparableConv2D(5, (2, 3), strides=2, depth_multiplier=3),
    ],
    ids=["conv", "groups", "depthwise", "separable"],
)
def test_multiply_adds_are_what_loops_count(layer):
    image = np.zeros((6, 7, 4))
    (row,) = walk([layer], image.shape)
    assert row.multiply_adds == products(layer, image) > 0


def test_multiply_adds_of_other_layers():
    rows = walk(
        [layers.BatchNormalization(), layers.ReLU(), layers.Dense(3), layers.Flatten(), layers.Dense(2)], (4, 5, 6)
    )
    assert [row.multiply_adds for row in rows] == [4 * 5 * 6, 0, 4 * 5 * 6 * 3, 0, 4 * 5 * 3 * 2]


def test_network_that_lab_0_asks_for():
    stack = []
    for filters in (32, 64, 128):
        stack += [Layer("Conv2D", filters=filters, kernel=5, padding=2), Layer("ReLU"), Layer("MaxPooling2D", kernel=2)]
    stack += [Layer("Flatten"), Layer("Dense", units=64), Layer("ReLU"), Layer("Dense", units=10), Layer("Softmax")]
    table = pd.DataFrame(walk(stack, (32, 32, 3)))
    assert table["parameters"].sum() == 390_410
    parameters = table[table["parameters"] > 0].set_index("name")["parameters"].to_dict()
    assert parameters == {"conv2d_1": 2432, "conv2d_2": 51264, "conv2d_3": 204928, "dense_1": 131136, "dense_2": 650}
    assert table["output_shape"][8] == (4, 4, 128)
    assert table["receptive_field"][8] == (36, 36) and table["jump"][8] == (8, 8)


def test_receptive_fields_of_vgg_16_are_those_that_are_published():
    # A. Araujo, W. Norris and J. Sim, Distill, 2019, table of models: 212 pixels behind the last pooling, a jump of 32.
    stack = []
    for filters, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        stack += [Layer("Conv2D", filters=filters, kernel=3, padding="same")] * count
        stack.append(Layer("MaxPooling2D", kernel=2))
    last = walk(stack, (224, 224, 3))[-1]
    assert last.output_shape == (7, 7, 512)
    assert last.receptive_field == (212, 212) and last.jump == (32, 32) and last.start == (-90, -90)


def test_vectors_have_no_receptive_field():
    first, last = walk([Layer("Dense", units=4, bias=False), Layer("Dropout")], (7,))
    assert first.parameters == first.multiply_adds == 28
    assert last.output_shape == (4,) and last.receptive_field is None and last.jump is None


def test_padding_may_be_one_number_two_or_four():
    for padding, sides, size in (
        (1, ((1, 1), (1, 1)), (6, 7)),
        ((1, 0), ((1, 1), (0, 0)), (6, 5)),
        (((2, 0), (0, 1)), ((2, 0), (0, 1)), (6, 6)),
    ):
        (row,) = walk([Layer("Conv2D", filters=1, kernel=1, padding=padding)], (4, 5, 1))
        assert row.padding == sides and row.output_shape == (*size, 1)


def test_layer_that_does_not_fit_is_named_with_the_formula():
    model = [layers.Conv2D(2, 3), layers.MaxPooling2D(2), layers.Conv2D(2, 5, name="third")]
    with pytest.raises(ValueError, match=r"Layer 3, third \(Conv2D\), on 4 × 4 × 2: .*⌊\(4 \+ 2·0 − 5\)/1⌋ \+ 1 = 0"):
        walk(model, (10, 10, 1))
    with pytest.raises(ValueError, match=r"Layer 2, conv2d_1 .* a vector of 12: it needs maps"):
        walk([Layer("Flatten"), Layer("Conv2D", filters=1)], (2, 3, 2))
    with pytest.raises(ValueError, match="Layer 1, dense_1 .*n_out is 0"):
        walk([Layer("Dense")], (4,))
    with pytest.raises(ValueError, match="3 and 4 channels cannot be cut into 2"):
        walk([Layer("Conv2D", filters=4, groups=2)], (4, 4, 3))


def branching():
    first = keras.Input((8, 8, 1))
    one = layers.Conv2D(2, 3, padding="same", name="one")(first)
    return first, one, layers.Conv2D(2, 3, padding="same", name="two")(one)


def test_networks_that_are_no_chain_are_refused():
    first, one, two = branching()
    twice = layers.Conv2D(1, 1, name="twice")
    for model, message in (
        (keras.Model(first, layers.Add(name="sum")([one, two])), "sum takes one, two, not two alone"),
        (keras.Model(first, [one, two]), "output that is not its last layer's"),
        (keras.Model(first, twice(twice(first))), "twice takes .*, twice, not"),
        (keras.Model(first, keras.ops.max_pool(two, 2)), "holds the operation"),
    ):
        with pytest.raises(ValueError, match=message):
            walk(model)
    # Part of a model is a chain, though its last layer goes on elsewhere.
    assert [row.name for row in walk(keras.Model(first, one))] == ["one"]


class Own(keras.Model):
    def call(self, x):
        return x


@pytest.mark.parametrize(
    ("net", "shape", "message"),
    [
        (Own(name="mine"), (4, 4, 1), "mine is a class of its own"),
        (keras.Sequential([layers.Conv2D(1, 3)]), None, "Give input_shape.*keras.Input"),
        (keras.Sequential([keras.Input((None, None, 1)), layers.Conv2D(1, 3)]), None, "Give input_shape"),
        ([Layer("Flatten")], None, "Give input_shape"),
        ([Layer("Flatten")], (4, 4), r"input_shape is \(4, 4\)"),
        ([Layer("Flatten")], (4, 0, 3), r"input_shape is \(4, 0, 3\)"),
        (Layer("Flatten"), (4, 4, 1), "This is one layer"),
        (["Flatten"], (4, 4, 1), "'Flatten' is neither"),
        ([layers.Conv2DTranspose(1, 3, name="up")], (4, 4, 1), r"Layer 1, up \(Conv2DTranspose\).*not known here"),
        ([layers.MaxPooling2D(data_format="channels_first")], (1, 4, 4), "channels first"),
        ([layers.BatchNormalization(axis=1)], (4, 4, 1), "normalizes axis 1"),
    ],
)
def test_what_cannot_be_walked_through_is_refused_in_a_sentence(net, shape, message):
    with pytest.raises(ValueError, match=message):
        walk(net, shape)


def test_model_of_unknown_size_is_walked_through_with_a_size():
    model = keras.Sequential([keras.Input((None, None, 1)), layers.Conv2D(1, 3)])
    assert walk(model, (9, 8, 1))[-1].output_shape == (7, 6, 1)


def test_walk_imports_neither_keras_nor_tensorflow():
    code = (
        "import sys; from source_lib.layers.model_walk import Layer, walk; "
        "walk([Layer('Conv2D', filters=1, kernel=3)], (5, 5, 1)); "
        "sys.exit(bool({'keras', 'tensorflow', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_examples_in_docstrings():
    assert doctest.testmod(model_walk).failed == 0
