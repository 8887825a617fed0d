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
from source_lib.layers.model_walk import CONVOLUTIONS, Layer, walk
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
    kind = draw(st.sampled_from(["conv", "conv", "depthwise", "separable", "max", "average", "resized", "up", "other"]))
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
    if kind == "up":
        # What is added at the end of an axis is less than its stride.
        strides = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
        more = draw(st.none() | st.tuples(*(st.integers(0, stride - 1) for stride in strides)))
        window = draw(st.sampled_from([{"strides": strides, "output_padding": more}, {"dilation_rate": strides}]))
        up = {"padding": draw(paddings), "use_bias": draw(flags), **window}
        return partial(layers.Conv2DTranspose, draw(st.integers(1, 3)), draw(kernels), **up)
    if kind == "resized":
        sides = st.tuples(st.integers(0, 2), st.integers(0, 2))
        amounts = draw(st.integers(0, 2) | sides | st.tuples(sides, sides))
        size = draw(st.integers(1, 3) | st.tuples(st.integers(1, 3), st.integers(1, 3)))
        return draw(
            st.sampled_from(
                [
                    partial(layers.ZeroPadding2D, amounts),
                    partial(layers.Cropping2D, amounts),
                    partial(layers.UpSampling2D, size),
                    partial(layers.UpSampling2D, size, interpolation="bilinear"),
                    partial(layers.Resizing, 5, 3),
                ]
            )
        )
    normalization = {"scale": draw(flags), "center": draw(flags), "trainable": draw(flags)}
    return draw(
        st.sampled_from(
            [
                layers.ReLU,
                layers.RandomFlip,
                partial(layers.Dropout, 0.5),
                partial(layers.BatchNormalization, **normalization),
                partial(layers.LayerNormalization, axis=draw(st.sampled_from([-1, [-1], [1, 2, 3]])), **normalization),
                partial(layers.LayerNormalization, rms_scaling=True),
                partial(layers.GroupNormalization, 1, **normalization),
                layers.Normalization,
                partial(layers.Normalization, mean=0.5, variance=2.0),
                partial(layers.Rescaling, 1 / 255),
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
        stack += [partial(layers.Dense, 3, use_bias=draw(flags)), layers.LayerNormalization, layers.BatchNormalization]
        stack.append(draw(st.sampled_from([layers.Softmax, partial(layers.Reshape, (1, -1, 1))])))
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
def branched(draw):
    """Draw a recipe of a network with branches: steps, each of which says what it takes by a number."""
    places = st.integers(0, 50)
    step = st.one_of(
        st.tuples(st.just("layer"), places, on_maps()),
        st.tuples(st.sampled_from(["again", "inside", "scaled"]), places, places),
        st.tuples(st.sampled_from(["add", "multiply", "plus", "channels", "joined", "squeezed"]), places, places),
    )
    return draw(st.lists(step, min_size=3, max_size=9))


def grown(steps, shape):
    """Build the network of a recipe; steps that do not fit are left out. Every tensor is an output of it."""
    tensors, used = [keras.Input(shape)], []
    for kind, place, other in steps:
        x = tensors[place % len(tensors)]
        try:
            if kind == "layer":
                used.append(other())
                result = used[-1](x)
            elif kind == "again" and used:
                result = used[other % len(used)](x)
            elif kind == "inside":
                inner = keras.Input(x.shape[1:])
                result = keras.Model(inner, inner + layers.Conv2D(x.shape[-1], 3, padding="same")(inner))(x)
            elif kind == "scaled":
                result = keras.ops.silu(x * 0.5)
            elif kind == "squeezed":
                few = layers.Reshape((1, 1, -1))(layers.GlobalAveragePooling2D()(x))
                result = layers.Multiply()([x, layers.Conv2D(x.shape[-1], 1, activation="sigmoid")(few)])
            elif kind in ("channels", "joined"):
                fits = [t for t in tensors if t.shape[1:3] == x.shape[1:3]]
                join = layers.Concatenate() if kind == "channels" else partial(keras.ops.concatenate, axis=-1)
                result = join([x, fits[other % len(fits)]])
            else:
                fits = [t for t in tensors if t.shape == x.shape]
                both = [x, fits[other % len(fits)]]
                meet = {"add": layers.Add(), "multiply": layers.Multiply(), "plus": lambda two: two[0] + two[1]}
                result = meet.get(kind, meet["add"])(both)
        except ValueError:
            continue
        tensors.append(result)
    return keras.Model(tensors[0], tensors[1:] if len(tensors) > 1 else tensors[0])


def leaf_nodes(model):
    """Yield the layers and operations of a model as often as it uses them, each with the shape that Keras gives it."""
    if isinstance(model, keras.Sequential):
        model = model._functional
    for node in (node for nodes in model._nodes_by_depth.values() for node in nodes):
        if isinstance(node.operation, keras.Model):
            yield from leaf_nodes(node.operation)
        elif not isinstance(node.operation, layers.InputLayer):
            yield node.operation.name, tuple(node.output_tensors[0].shape[1:])


def profiled(model):
    """Return the products of convolutions and dense layers that TensorFlow's own profiler counts in the graph."""
    graph = tf.function(lambda x: model(x, training=False)).get_concrete_function(
        tf.TensorSpec((1, *model.input_shape[1:]))
    )
    options = tf.compat.v1.profiler.ProfileOptionBuilder(tf.compat.v1.profiler.ProfileOptionBuilder.float_operation())
    found = tf.compat.v1.profiler.profile(graph.graph, cmd="op", options=options.with_empty_output().build())
    count, waiting = 0, [found]
    while waiting:
        node = waiting.pop()
        waiting += node.children
        if node.name in ("Conv2D", "DepthwiseConv2dNative", "MatMul"):
            count += node.float_ops
    # It counts a product and its sum as two.
    return count / 2


@SHORT_AND_LONG
def test_walk_agrees_with_keras_where_branches_meet(examples):
    met = set()

    @drawn(2 * examples)
    @given(branched(), shapes)
    def agrees(steps, shape):
        model = grown(steps, shape)
        rows = walk(model)
        assert sorted((row.name, row.output_shape) for row in rows) == sorted(leaf_nodes(model))
        assert sum(row.parameters for row in rows) == model.count_params()
        assert sum(row.trainable for row in rows) == sum(int(np.prod(v.shape)) for v in model.trainable_variables)
        counted = CONVOLUTIONS | {"Dense"}
        assert sum(row.multiply_adds for row in rows if row.kind in counted) == profiled(model)
        met.update(row.kind for row in rows)

    agrees()
    assert {"Add", "Multiply", "Concatenate", "Conv2DTranspose", "UpSampling2D", "Silu"} <= met


#: Multiply-adds of one image in millions, with where they were published, and the receptive field behind the last maps
#: where A. Araujo, W. Norris and J. Sim, Distill, 2019, have it in their table.
PUBLISHED = {
    # K. He et al., CVPR 2016, table 1: 3.8 billion. The variant with the stride in the convolution of 3 × 3 has 4.1.
    "ResNet50": (3_800, 483),
    # M. Sandler et al., CVPR 2018, table 4.
    "MobileNetV2": (300, 491),
    # torchvision's documentation of densenet121, 2.83 GFLOPS.
    "DenseNet121": (2_830, None),
    # torchvision's documentation of inception_v3, 5.71 GFLOPS.
    "InceptionV3": (5_710, 1311),
    # M. Tan and Q. V. Le, ICML 2019, table 2.
    "EfficientNetB0": (390, None),
    # Z. Liu et al., CVPR 2022, table 1.
    "ConvNeXtTiny": (4_500, None),
    # torchvision's documentation of vgg16, 15.47 GFLOPS.
    "VGG16": (15_470, 212),
}


@pytest.mark.parametrize("name", [*list(PUBLISHED)[:-1], pytest.param("VGG16", marks=pytest.mark.long)])
def test_well_known_networks_are_walked_through(name):
    published, field = PUBLISHED[name]
    model = getattr(keras.applications, name)(weights=None)
    rows = walk(model)
    assert sorted((row.name, row.output_shape) for row in rows) == sorted(leaf_nodes(model))
    assert sum(row.parameters for row in rows) == model.count_params()
    assert sum(row.trainable for row in rows) == sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    counted = sum(row.multiply_adds for row in rows if row.kind in CONVOLUTIONS | {"Dense"})
    assert abs(counted / 1e6 / published - 1) < 0.02
    if field:
        assert [row for row in rows if row.jump == (32, 32)][-1].receptive_field == (field, field)


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
    if isinstance(layer, layers.Conv2DTranspose):
        # Each value is multiplied with each weight of its channel, and added wherever the kernel reaches.
        return sum(1 for _ in image.flat for _ in np.ndindex(*layer.kernel_size) for _ in range(layer.filters))
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
        layers.Conv2DTranspose(3, (2, 3), strides=2, padding="same"),
    ],
    ids=["conv", "groups", "depthwise", "separable", "transposed"],
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


def test_branches_that_meet():
    first, one, two = branching()
    rows = walk(keras.Model(first, layers.Concatenate(name="both")([layers.Add(name="sum")([one, two]), one])))
    assert [(row.name, row.output_shape, row.receptive_field) for row in rows] == [
        ("one", (8, 8, 2), (3, 3)),
        ("two", (8, 8, 2), (5, 5)),
        ("sum", (8, 8, 2), (5, 5)),
        ("both", (8, 8, 4), (5, 5)),
    ]
    assert all(row.parameters == row.multiply_adds == 0 for row in rows[2:])


def test_part_of_a_model_and_several_outputs():
    first, one, two = branching()
    # Part of a model is a chain, though its last layer goes on elsewhere.
    assert [row.name for row in walk(keras.Model(first, one))] == ["one"]
    assert [row.name for row in walk(keras.Model(first, [one, two]))] == ["one", "two"]


def test_weights_that_are_used_twice_are_counted_once():
    first, *_ = branching()
    twice = layers.Conv2D(1, 1, name="twice")
    model = keras.Model(first, twice(twice(first)))
    rows = walk(model)
    assert [(row.name, row.parameters, row.trainable, row.multiply_adds) for row in rows] == [
        ("twice", 2, 2, 64),
        ("twice", 0, 0, 64),
    ]
    assert [row.parameters for row in walk([twice, twice], (8, 8, 1))] == [2, 0]
    # A description says what a layer is like, and two that are alike are two layers.
    assert [row.parameters for row in walk([Layer("Conv2D", filters=1)] * 2, (8, 8, 1))] == [2, 2]


def test_model_inside_of_a_model_used_twice():
    small = keras.Input((8, 8, 2))
    inner = keras.Model(small, [layers.Conv2D(2, 3, padding="same", name="a")(small), layers.ReLU(name="b")(small)])
    first = keras.Input((8, 8, 2))
    left, right = inner(first)
    again, _ = inner(layers.Conv2D(2, 1, strides=2, name="between")(right))
    middle = keras.Model(first, [left, again])
    start = keras.Input((8, 8, 2))
    rows = walk(
        keras.Model(start, [layers.Dense(1, name=name)(x) for name, x in zip("xy", middle(start), strict=True)])
    )
    shapes = {row.name: row.output_shape for row in rows}
    # Each output of the inner model is the one that it should be.
    assert shapes["x"] == (8, 8, 1) and shapes["y"] == (4, 4, 1)
    assert [row.name for row in rows].count("a") == 2 and sum(row.parameters for row in rows) == 38 + 6 + 3 + 3


@pytest.mark.parametrize(
    ("meeting", "field"),
    [
        (lambda a, b: layers.Concatenate()([a, b]), (5, 5)),
        (lambda a, b: layers.Maximum()([a, b, b]), (5, 5)),
        (lambda a, b: a * 2.0 - keras.ops.relu(b), (5, 5)),
        (lambda a, b: layers.Concatenate()([layers.Flatten()(a), layers.Flatten()(a)]), (3, 3)),
        (lambda a, b: layers.Concatenate()([layers.GlobalMaxPooling2D()(x) for x in (a, b)]), (12, 12)),
        (lambda a, b: layers.Reshape((1, 1, -1))(layers.GlobalMaxPooling2D()(b)), (12, 12)),
        (lambda a, b: layers.LayerNormalization()(b), (5, 5)),
        # From here on a value depends on the whole map, or places on others than their own.
        (lambda a, b: layers.Multiply()([a, layers.GlobalMaxPooling2D(keepdims=True)(b)]), None),
        (lambda a, b: layers.Add()([a, layers.GlobalMaxPooling2D()(b)]), None),
        (lambda a, b: a + layers.GlobalMaxPooling2D(keepdims=True)(b), None),
        (lambda a, b: keras.ops.concatenate([a, b], axis=1), None),
        (lambda a, b: layers.Concatenate(axis=-2)([a, b]), None),
        (lambda a, b: layers.Concatenate()([layers.Flatten()(a), layers.Flatten()(b)]), None),
        (lambda a, b: layers.Add()([layers.Cropping2D(2)(a), layers.MaxPooling2D()(b)]), None),
        (lambda a, b: layers.Conv2D(1, 3)(layers.LayerNormalization(axis=[1, 2, 3])(b)), None),
        (lambda a, b: layers.GroupNormalization(2)(b), None),
        (lambda a, b: layers.Resizing(5, 3)(b), None),
        (lambda a, b: layers.UpSampling2D(2, interpolation="bicubic")(b), None),
        (lambda a, b: layers.Reshape((4, 16, 2))(b), None),
    ],
)
def test_what_is_seen_where_branches_meet(meeting, field):
    first, one, two = branching()
    model = keras.Model(first, meeting(one, two))
    rows = walk(model)
    assert rows[-1].output_shape == tuple(model.output.shape[1:]) and rows[-1].receptive_field == field
    assert sum(row.parameters for row in rows) == model.count_params()


@pytest.mark.parametrize(
    ("meeting", "message"),
    [
        (lambda a, b: keras.ops.max_pool(b, 2), r"holds the operation max_pool\w* \(MaxPool\).*Known are layers"),
        (lambda a, b: a + np.ones((8, 8, 2), "float32"), r"holds the operation add\w* \(Add\).*numbers alone"),
        (lambda a, b: layers.Lambda(lambda x: x, name="own")(b), r"Layer 3, own \(Lambda\).*not known here.*Conv2D"),
        (lambda a, b: layers.Dot(axes=3, name="end")([a, b]), r"Layer 3, end \(Dot\), on 8 × 8 × 2 and 8 × 8 × 2"),
        (lambda a, b: layers.Reshape((16, 8), name="flat")(b), r"Layer 3, flat \(Reshape\).*makes 16 × 8; only maps"),
        (lambda a, b: layers.LayerNormalization(axis=[0, 3])(b), "the batch"),
        (lambda a, b: layers.Normalization(axis=1)(b), "normalizes axis"),
    ],
)
def test_what_is_not_known_in_a_branch_is_refused_in_a_sentence(meeting, message):
    first, one, two = branching()
    with pytest.raises(ValueError, match=message):
        walk(keras.Model(first, meeting(one, two)))


def test_model_with_two_inputs_is_refused():
    one, two = keras.Input((4, 4, 1)), keras.Input((4, 4, 1))
    for shape in (None, (4, 4, 1)):
        with pytest.raises(ValueError, match="wide has 2 inputs; only networks with one"):
            walk(keras.Model([one, two], one + two, name="wide"), shape)


@pytest.mark.parametrize(
    ("net", "message"),
    [
        ([Layer("Add")], r"Layer 1, add_1 \(Add\).*branches meet in it, and what comes here is one"),
        ([Layer("Concatenate")], "branches meet in it"),
        ([Layer("Cropping2D", padding=2)], r"of rows and columns 4 − 4 and 6 − 4 are left"),
        ([Layer("Reshape", target=(5, -1))], "4 × 6 × 2 has 48 values, which do not fill 5 × -1"),
        ([Layer("Reshape", target=(-1, 3, 5))], "which do not fill"),
        ([Layer("Conv2DTranspose", filters=1, padding=1)], "padding is 1; that of a transposed"),
        ([Layer("Flatten"), Layer("UpSampling2D")], r"Layer 2, upsampling2d_1 .* a vector of 48: it needs maps"),
    ],
)
def test_new_kinds_of_layers_say_what_does_not_fit(net, message):
    with pytest.raises(ValueError, match=message):
        walk(net, (4, 6, 2))


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
        ([layers.Permute((2, 1, 3), name="turned")], (4, 4, 1), r"Layer 1, turned \(Permute\).*not known here"),
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
        "import sys; from source_lib.layers.model_walk import CONVOLUTIONS, Layer, walk; "
        "walk([Layer('Conv2D', filters=1, kernel=3)], (5, 5, 1)); "
        "sys.exit(bool({'keras', 'tensorflow', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_examples_in_docstrings():
    assert doctest.testmod(model_walk).failed == 0
