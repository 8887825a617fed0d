"""Blocks and maps as pictures: what stands in the boxes, how branches lie, and what cannot be drawn."""

import doctest

import matplotlib

matplotlib.use("Agg")
import keras
import matplotlib.pyplot as plt
import pytest
from keras import layers
from matplotlib.patches import FancyBboxPatch, Rectangle

from source_lib import diagrams
from source_lib.diagrams import block_diagram, volumes
from source_lib.layers.model_walk import Layer, walk


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def texts(ax):
    return {text.get_text(): text.get_position() for text in ax.texts if text.get_text()}


def residual(shape=(8, 8, 4)):
    first = keras.Input(shape)
    x = layers.Conv2D(4, 3, padding="same", name="one")(first)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.DepthwiseConv2D(3, padding="same")(x)
    return keras.Model(first, layers.ReLU()(layers.Add()([x, first])))


def test_boxes_follow_each_other_and_say_what_a_layer_is(ax):
    network = [
        Layer("Conv2D", filters=6, kernel=(3, 5), stride=2),
        Layer("BatchNormalization"),
        Layer("ReLU"),
        Layer("MaxPooling2D", kernel=2, stride=1),
        Layer("AveragePooling2D", kernel=2),
        Layer("Flatten"),
        Layer("Dense", units=10),
    ]
    block_diagram(ax, walk(network, (20, 20, 1)), title="All", labels={"dense_1": "ten classes"})
    found = texts(ax)
    assert list(found) == [
        *("input", "conv. 3×5, 6, stride 2", "batch norm., ReLU", "max pool 2×2", "average pool 2×2, stride 2"),
        *("flatten", "ten classes"),
    ]
    heights = [y for _, y in found.values()]
    assert heights == sorted(heights, reverse=True) and len({x for x, _ in found.values()}) == 1
    assert ax.get_title() == "All"


def test_a_skip_connection_passes_the_other_branch(ax):
    width, height = block_diagram(ax, walk(residual()))
    found = texts(ax)
    assert list(found) == ["input", "conv. 3×3, 4", "batch norm., ReLU", "depthwise 3×3", "+", "ReLU"]
    line = [tuple(map(tuple, line.get_xydata())) for line in ax.lines]
    # One line runs down beside the boxes, from above the first to below the last of them.
    past = [points for points in line if points[0][0] > found["conv. 3×3, 4"][0] and points[0][1] > points[1][1]]
    assert any(points[0][1] > found["conv. 3×3, 4"][1] and points[1][1] < found["depthwise 3×3"][1] for points in past)
    assert ax.get_xlim()[1] - ax.get_xlim()[0] == pytest.approx(width)
    assert ax.get_ylim()[1] - ax.get_ylim()[0] == pytest.approx(height)


def test_branches_lie_next_to_each_other_and_boxes_never_overlap(ax):
    first = keras.Input((8, 8, 4))
    pooled = layers.Conv2D(1, 1)(layers.MaxPooling2D(3, strides=1, padding="same")(first))
    inner = layers.Add()([layers.Conv2D(4, 1)(first), first])
    ends = [layers.Conv2D(2, 1)(first), layers.Conv2D(3, 3, padding="same")(inner), pooled]
    block_diagram(ax, walk(keras.Model(first, layers.Concatenate()(ends))))
    found = texts(ax)
    assert found["conv. 1×1, 2"][0] < found["conv. 3×3, 3"][0] < found["max pool 3×3"][0] == found["conv. 1×1, 1"][0]
    assert found["+"][1] < found["conv. 1×1, 4"][1] and found["joined"][1] < found["conv. 1×1, 1"][1]
    boxes = [patch for patch in ax.patches if isinstance(patch, FancyBboxPatch)]
    boxes = [(box.get_x(), box.get_y(), box.get_x() + box.get_width(), box.get_y() + box.get_height()) for box in boxes]
    assert len(boxes) == len(found)
    for number, (x0, y0, x1, y1) in enumerate(boxes):
        for u0, v0, u1, v1 in boxes[:number]:
            assert min(x1, u1) <= max(x0, u0) + 1e-9 or min(y1, v1) <= max(y0, v0) + 1e-9


def test_many_small_layers_share_a_box_of_several_lines(ax):
    small = [Layer("BatchNormalization"), Layer("ReLU"), Layer("Dropout"), Layer("GlobalAveragePooling2D")]
    block_diagram(ax, walk(small, (4, 4, 1)))
    assert list(texts(ax)) == ["input", "batch norm., ReLU,\nDropout, global average"]


def test_blocks_that_cannot_be_drawn(ax):
    with pytest.raises(ValueError, match="no layers"):
        block_diagram(ax, [])
    first = keras.Input((8, 8, 4))
    shared = layers.ReLU(name="shared")(first)
    crossing = layers.Add()([layers.Conv2D(4, 1)(shared), layers.Add()([shared, layers.Conv2D(4, 1, name="c")(first)])])
    twice = layers.Add()([crossing, layers.Conv2D(4, 1)(shared)])
    with pytest.raises(ValueError, match="shared.*Draw a part"):
        block_diagram(ax, walk(keras.Model(first, twice)))
    with pytest.raises(ValueError, match="one output"):
        block_diagram(ax, walk(keras.Model(first, [shared, layers.Conv2D(1, 1)(first)])))


def test_solids_have_the_order_and_the_sizes_of_the_shapes(ax):
    shapes = {"image": (32, 32, 3), "maps": (16, 16, 64), "vector": (100,), "classes": (10,)}
    volumes(ax, shapes, {"features": 2, "classification": 2})
    fronts = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    heights = [patch.get_height() for patch in fronts]
    assert heights[0] == pytest.approx(heights[1] * 2**0.5) and heights[2] > heights[3]
    assert [patch.get_x() for patch in fronts] == sorted(patch.get_x() for patch in fronts)
    assert fronts[1].get_width() > fronts[0].get_width()
    written = [text.get_text() for text in ax.texts if text.get_text()]
    assert written == ["image\n32×32×3", "maps\n16×16×64", "vector\n100", "classes\n10", "features", "classification"]


@pytest.mark.parametrize(
    ("shapes", "parts", "message"),
    [
        ({}, None, "at least one"),
        ({"a": (3, 3)}, None, "A shape is"),
        ({"a": (3, 0, 1)}, None, "A shape is"),
        ({"a": (3,)}, {"x": 2}, "The parts have 2 solids together, and there are 1"),
    ],
)
def test_shapes_that_cannot_be_drawn(ax, shapes, parts, message):
    with pytest.raises(ValueError, match=message):
        volumes(ax, shapes, parts)


def test_examples_in_docstrings():
    assert doctest.testmod(diagrams).failed == 0
    plt.close("all")
