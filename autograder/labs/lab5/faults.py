"""Known faults of lab 5: right answers with one thing wrong, and what becomes of right code and files.

Those of functions run where the reference runs, so this module imports nothing of the grader but the `Fault`. Networks
with a mistake are built as the course builds the right ones, see `models`: `MISTAKES` says with which arguments.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from autograder.checking.faults import Fault
from autograder.labs.lab5 import looking, measuring, models, recipes, reference

#: Of networks: what each fault is built with, by its id.
MISTAKES: dict[str, Mapping[str, Any]] = {}


def _built(function: str, mistakes: Mapping[str, Any]) -> Callable:
    """Return a fault of a network: what the one with a mistake does."""

    def apply(right: Callable) -> Callable:
        if function == "build_baseline":
            return lambda: measuring.chain(network(function, mistakes), models.FEATURES)
        if function == "build_wide_and_deep":
            return lambda a, b: measuring.branches(network(function, mistakes, a, b))
        return lambda *arguments: reference.transferred(*arguments, **mistakes)

    return apply


def network(function: str, mistakes: Mapping[str, Any], *arguments: Any) -> Any:
    """Return the model of Keras that has a mistake, as a student's function would return it.

    Parameters
    ----------
    function : str
        Which one is asked.
    mistakes : mapping
        One of `MISTAKES`.
    *arguments
        As a student's function takes them.
    """
    if function == "build_baseline":
        return recipes.plain(mistakes["recipe"])
    if function == "build_wide_and_deep":
        text = models.WIDE_AND_DEEP
        for old, new in mistakes.get("text", {}).items():
            text = text.replace(f"\n{old}\n", f"\n{new}\n" if new else "\n")
        options = {key: value for key, value in mistakes.items() if key != "text"}
        return models.wired(arguments, text, **options)
    backbone, unfreeze, classes = (*arguments, None, 10)[:3]
    return models.standing(backbone, unfreeze, classes, **mistakes)


def _networks(function: str, *rows: tuple) -> list[Fault]:
    """Return the faults of a network: name, lines that it loses, what it is built with, both levels of its hint."""
    found = []
    for name, lines, mistakes, hint, second in rows:
        MISTAKES[name] = mistakes
        loses = frozenset(f"{function}.{line}" for line in lines.split())
        found.append(
            Fault(name, loses, _built(function, mistakes), function=function, hint=hint, second_hint=second, part="")
        )
    return found


def _functions(function: str, *rows: tuple) -> list[Fault]:
    """Return the faults of a function: name, lines that it loses, how it is applied, both levels of its hint, and other
    forms of it."""
    return [
        Fault(
            name,
            frozenset(f"{function}.{line}" for line in lines.split()),
            apply,
            function=function,
            hint=hint,
            second_hint=second,
            forms=tuple(forms),
        )
        for name, lines, apply, hint, second, *forms in rows
    ]


_NETWORKS = [
    *_networks(
        "build_baseline",
        (
            "kernels_of_three",
            "features",
            {"recipe": "32x32x3 c3.32 m c3.64 m c3.128 m f h64 s10"},
            "The kernels are 3×3. S4's have another size, and with it the number of parameters changes.",
            "Give each convolution kernels of 5 rows and 5 columns.",
        ),
        (
            "padded_by_one",
            "features",
            {"recipe": "32x32x3 z1 k5.32 m z1 k5.64 m z1 k5.128 m f h64 s10"},
            "The maps shrink by two pixels at every convolution. With 5×5 kernels a padding of 2 keeps their size.",
            "The padding that keeps the size has a name in Keras, and it is not the default.",
        ),
        (
            "last_pooling_missing",
            "features",
            {"recipe": "32x32x3 c5.32 m c5.64 m c5.128 f h64 s10"},
            "The third convolution has no pooling behind it.",
            "There are three poolings; the last maps have 4×4 pixels.",
        ),
        (
            "third_relu_missing",
            "features",
            {"recipe": "32x32x3 c5.32 m c5.64 m l5.128 m f h64 s10"},
            "The third convolution has no activation: what follows it sees negative numbers too.",
            "Every one of the three convolutions ends in ReLU, the third as well.",
        ),
        (
            "no_relu_at_all",
            "features",
            {"recipe": "32x32x3 l5.32 m l5.64 m l5.128 m f h64 s10"},
            "The convolutions have no activation. Then three of them are not more than one.",
            "Give each convolution ReLU as its activation.",
        ),
        (
            "maps_not_doubled",
            "features",
            {"recipe": "32x32x3 c5.32 m c5.32 m c5.32 m f h64 s10"},
            "The number of maps stays the same. It doubles from convolution to convolution.",
            "32 maps, then 64, then 128.",
        ),
        (
            "strides_for_pooling",
            "features",
            {"recipe": "32x32x3 t5.32 t5.64 t5.128 f h64 s10"},
            "The convolutions take steps of two pixels in place of pooling. The sizes are the same, the maps are not.",
            "Let the convolutions take steps of one pixel, and put a pooling layer behind each.",
        ),
        (
            "average_pooling",
            "features",
            {"recipe": "32x32x3 c5.32 a c5.64 a c5.128 a f h64 s10"},
            "The pooling takes averages. In this network it takes the largest of four numbers.",
            "Use the layer that keeps the maximum of each 2×2 block.",
        ),
        (
            "two_blocks",
            "features",
            {"recipe": "32x32x3 c5.32 m c5.64 m f h64 s10"},
            "There are two convolutions, and three are asked for.",
            "Add the third convolution with 128 maps, and its pooling.",
        ),
        (
            "flattened_before_pooling",
            "features head",
            {"recipe": "32x32x3 c5.32 m c5.64 m c5.128 f v w f h64 s10"},
            "The last maps are flattened before they are pooled: pooling a vector mixes numbers of different maps.",
            "Pool while there are rows and columns, and make a vector of what is left.",
        ),
        (
            "averaged_not_flattened",
            "head",
            {"recipe": "32x32x3 c5.32 m c5.64 m c5.128 m g h64 s10"},
            "The last maps are averaged to one number each. This network flattens them: 4·4·128 numbers go on.",
            "Put a layer in place of the average that keeps every number of the maps.",
        ),
        (
            "no_hidden_layer",
            "head",
            {"recipe": "32x32x3 c5.32 m c5.64 m c5.128 m f s10"},
            "Between the maps and the 10 probabilities there is a dense layer of 64 units, and it is missing.",
            "Two dense layers follow the flattened maps: 64 units with ReLU first.",
        ),
        (
            "hidden_layer_linear",
            "head",
            {"recipe": "32x32x3 c5.32 m c5.64 m c5.128 m f o64 s10"},
            "The dense layer of 64 units has no activation. Two dense layers in a row are then one.",
            "Give the 64 units ReLU.",
        ),
        (
            "scores_not_probabilities",
            "head",
            {"recipe": "32x32x3 c5.32 m c5.64 m c5.128 m f h64 o10"},
            "It ends in scores. They become probabilities with softmax, which is asked for here.",
            "Give the last dense layer an activation that makes its numbers sum to 1.",
        ),
        (
            "sigmoid_at_the_end",
            "head",
            {"recipe": "32x32x3 c5.32 m c5.64 m c5.128 m f h64 q10"},
            "Each of the last 10 numbers is squeezed by itself, so they do not sum to 1. An image has one class.",
            "Use the activation that divides by the sum over all classes.",
        ),
        (
            "dropout_added",
            "head",
            {"recipe": "32x32x3 c5.32 m c5.64 m c5.128 m f d h64 s10"},
            "There is dropout before the dense layers. S4's baseline has none; it is your second network that may.",
            "Leave regularization out of this one, so that there is something to compare with.",
        ),
        (
            "normalization_added",
            "features",
            {"recipe": "32x32x3 c5.32 b m c5.64 b m c5.128 b m f h64 s10"},
            "There is batch normalization between the convolutions. S4's baseline has none.",
            "Leave regularization out of this one, so that there is something to compare with.",
        ),
    ),
    *_networks(
        "build_wide_and_deep",
        (
            "two_convolutions",
            "shared",
            {"text": {"right c3.16#1 b": "right c3.16#2 b"}},
            "Two convolutions were made that look alike. Each has kernels of its own, so what one learns the other "
            "does not know.",
            "Make the layer once, give it a name, and call it twice.",
        ),
        (
            "second_image_not_convolved",
            "shared paths",
            {"text": {"right c3.16#1 b": "", "two g right": "two g b"}},
            "The second image is pooled as it is; only the first one goes through the convolution.",
            "Call the shared layer on both inputs, and pool both results.",
        ),
        (
            "around_the_convolution",
            "shared paths",
            {"text": {"short + one two": "raw g b\nshort + one two raw"}},
            "The second image also goes around the convolution into the vector.",
            "What is concatenated are the two pooled results of the shared layer, and nothing else.",
        ),
        (
            "short_path_missing",
            "paths",
            {"text": {"class s10 all": "class s10 deep", "same q1 all": "same q1 deep"}},
            "The outputs see what the deep path gives and nothing else. The short path goes past it.",
            "Concatenate what enters the deep path with what leaves it.",
        ),
        (
            "class_from_the_deep_path_alone",
            "paths",
            {"text": {"class s10 all": "class s10 deep"}},
            "The class sees what the deep path gives and nothing else. Both outputs see both paths.",
            "Both outputs are computed from the same 64 numbers.",
        ),
        (
            "deep_path_missing",
            "paths",
            {"text": {"class s10 all": "class s10 short", "same q1 all": "same q1 short"}},
            "There is no deep path: the outputs see the pooled maps alone.",
            "Put two dense layers with ReLU between, of 64 and of 32 units.",
        ),
        (
            "deep_path_linear",
            "paths",
            {"text": {"half h64 short": "half o64 short", "deep h32 half": "deep o32 half"}},
            "The dense layers of the deep path have no activation, so the path is not deep at all.",
            "Both take ReLU.",
        ),
        (
            "flattened_not_averaged",
            "paths",
            {"text": {"one g left": "one f left", "two g right": "two f right"}},
            "The maps are flattened. Then the dense layers depend on the size of the images, which may differ.",
            "Take the average of each map over all places: 16 numbers for each image.",
        ),
        (
            "largest_not_average",
            "paths",
            {"text": {"one g left": "one x left", "two g right": "two x right"}},
            "Of each map the largest number is taken. The average over all places is asked for.",
            "There is a global pooling layer for the average, too.",
        ),
        (
            "inputs_swapped",
            "form",
            {"inputs": "b a"},
            "The inputs are in the other order.",
            "The model takes a list: the image of shape_a first, then that of shape_b.",
        ),
        (
            "one_output",
            "form paths",
            {"outputs": ("class",)},
            "It has the class as its output and nothing that says whether both images are of the same class.",
            "Give the model a list of two outputs.",
        ),
        (
            "outputs_swapped",
            "form paths",
            {"outputs": ("same", "class")},
            "The outputs are in the other order.",
            "First the 10 probabilities, then the one number.",
        ),
        (
            "same_without_sigmoid",
            "paths",
            {"text": {"same q1 all": "same o1 all"}},
            "The second output is a score of any size. It is the probability that both are of the same class.",
            "Squeeze it between 0 and 1.",
        ),
        (
            "class_without_softmax",
            "paths",
            {"text": {"class s10 all": "class o10 all"}},
            "The first output is scores, not probabilities.",
            "Give it the activation that makes 10 numbers sum to 1.",
        ),
        (
            "second_image_lost",
            "shared paths",
            {"text": {"short + one two": "short + one one"}},
            "What the second image gives is computed and then goes nowhere.",
            "Concatenate the results of both images, not one of them twice.",
        ),
        (
            "dropout_in_the_deep_path",
            "paths",
            {"text": {"deep h32 half": "less d half\ndeep h32 less"}},
            "There is dropout in the deep path, which is not asked for.",
            "Two dense layers and nothing between them.",
        ),
    ),
    *_networks(
        "build_transfer",
        (
            "backbone_not_frozen",
            "frozen",
            {"below": {"normalizing": True, "others": True}},
            "The whole backbone is trainable. The first steps of a new head, which knows nothing yet, would spoil it.",
            "Set what it learned to be kept before you call it: a model has an attribute for that, as a layer has.",
        ),
        (
            "as_frozen_as_before",
            "frozen",
            {"as_before": True},
            "Layers that another training left trainable still are: Keras skips backbone.trainable = False where that "
            "of the model is False already.",
            "Set it for every layer, one by one.",
        ),
        (
            "normalization_not_frozen",
            "frozen",
            {"below": {"normalizing": True}},
            "Convolutions are frozen and batch normalization is not: its statistics move with every batch.",
            "Frozen means all layers. In Keras a batch normalization that is not trainable runs in inference mode.",
        ),
        (
            "only_normalization_frozen",
            "frozen",
            {"below": {"others": True}},
            "Batch normalization is frozen, and the convolutions are trained.",
            "All layers of the backbone are frozen, whatever their kind.",
        ),
        (
            "head_frozen",
            "frozen unfrozen",
            {"last": False},
            "The new dense layer is frozen as well, so nothing is trained at all.",
            "Freeze the backbone, not the model that you put together.",
        ),
        (
            "statistics_move",
            "unfrozen",
            {"normalizing": True},
            "Batch normalization in what is unfrozen is trained too: small batches of few images spoil its statistics.",
            "When you unfreeze layers, leave out those that normalize.",
        ),
        (
            "unfrozen_one_too_late",
            "unfrozen",
            {"start": 1},
            "The layer that was named is frozen. Training begins with it, not behind it.",
            "Look at the order of the backbone's layers, and at which side of your comparison the named one is.",
        ),
        (
            "unfrozen_one_too_early",
            "unfrozen",
            {"start": -3},
            "Layers before the one that was named are trainable as well.",
            "Freeze every layer that stands before it in the backbone's list.",
        ),
        (
            "weights_lost",
            "head",
            {"weights": False},
            "The model does not have the weights that the backbone came with: it was built anew.",
            "Call the backbone that you are given. A copy made from its configuration begins with random numbers.",
        ),
        (
            "maximum_of_features",
            "head",
            {"head": "x s"},
            "Of each map the largest number is taken. The average over all places is asked for.",
            "There is a global pooling layer for the average, too.",
        ),
        (
            "features_flattened",
            "head",
            {"head": "f s"},
            "The maps are flattened, so the new layer has a weight for each place of each map.",
            "Take the average of each map over all places first.",
        ),
        (
            "transfer_without_softmax",
            "head",
            {"head": "g o"},
            "It ends in scores, and probabilities are asked for.",
            "Give the dense layer the activation that makes its numbers sum to 1.",
        ),
        (
            "another_layer_in_the_head",
            "head",
            {"head": "g h16 s"},
            "There is a further dense layer with weights in the head. One is asked for.",
            "The average of each map goes straight into the layer with one unit for each class.",
        ),
    ),
]


# Of images.


def _prepared(**mistakes: Any) -> Callable:
    return lambda right: lambda images, side, offset, scale: looking.prepared(images, side, offset, scale, **mistakes)


def _padded(right: Callable) -> Callable:
    """Put zeros around an image, or cut it, in place of resizing it."""

    def answer(images, side, offset, scale):
        images = np.asarray(images)
        room = [max(side - n, 0) for n in images.shape[1:3]]
        images = np.pad(images, ((0, 0), *((n // 2, n - n // 2) for n in room), (0, 0)))
        return right(images[:, :side, :side], side, offset, scale)

    return answer


def _by_scikit_image(right: Callable, anti_aliasing: bool | None = None) -> Callable:
    """Resize as scikit-image does by default."""

    def answer(images, side, offset, scale):
        from skimage import transform

        images = np.asarray(images, dtype="float64")
        return right(
            np.stack([transform.resize(one, (side, side), anti_aliasing=anti_aliasing) for one in images]),
            *(side, offset, scale),
        )

    return answer


_PREPROCESS = _functions(
    "preprocess",
    (
        "not_preprocessed",
        "values",
        lambda right: lambda images, side, offset, scale: looking.resized(images, side, side).astype("float64"),
        "The images still have values from -1 to 1: the backbone's own preprocessing is missing.",
        "Make bytes from 0 to 255 of them first; then take off the offset and divide by the scale.",
    ),
    (
        "preprocessed_twice",
        "values",
        _prepared(times=2),
        "The offset is taken off and the scale divided by twice.",
        "Some networks do it themselves, this one does not: do it once, and in one place.",
    ),
    (
        "scaled_to_one_first",
        "values",
        _prepared(bytes_of=lambda x: (x + 1) / 2),
        "The images are scaled to 0–1 first, and then treated as if they were bytes: all come out nearly black.",
        "Offset and scale are those of values from 0 to 255.",
    ),
    (
        "bytes_left",
        "values",
        lambda right: lambda images, side, offset, scale: right(images, side, 0.0, 1.0),
        "These are bytes from 0 to 255. The backbone was trained with an offset taken off and a division.",
        "Take off the offset, and divide by the scale.",
    ),
    (
        "not_made_bytes",
        "values",
        _prepared(bytes_of=lambda x: x),
        "Offset and scale are applied to values from -1 to 1, and they are those of bytes.",
        "Turn -1 into 0 and 1 into 255 before anything else.",
    ),
    (
        "middle_forgotten",
        "values",
        _prepared(bytes_of=lambda x: x * 127.5),
        "The values run from -127.5 to 127.5 where they should run from 0 to 255.",
        "-1 is black, which is byte 0: add before you multiply.",
    ),
    (
        "offset_not_taken_off",
        "values",
        lambda right: lambda images, side, offset, scale: right(images, side, 0.0, scale),
        "The offset is not taken off.",
        "Subtract the offset from the bytes before you divide.",
    ),
    (
        "divided_first",
        "values",
        lambda right: lambda images, side, offset, scale: right(images, side, offset * scale, scale),
        "The division comes before the offset is taken off.",
        "Mind the parentheses: the difference is what is divided.",
    ),
    (
        "divided_by_255",
        "values",
        lambda right: lambda images, side, offset, scale: right(images, side, offset, 255.0),
        "It divides by 255, whatever the scale of the backbone is.",
        "The scale is an argument. Use it.",
    ),
    (
        "bytes_rounded",
        "values",
        _prepared(bytes_of=lambda x: np.round((x + 1) * 127.5)),
        "The bytes are rounded to whole numbers. That loses a little of each pixel: they may have fractions.",
        "Leave the rounding out; the network takes floating-point numbers.",
        _prepared(bytes_of=lambda x: np.floor((x + 1) * 127.5)),
    ),
    (
        "offset_added",
        "values",
        lambda right: lambda images, side, offset, scale: right(images, side, -offset, scale),
        "The offset is added. It is taken off.",
        "Subtract it: the middle of the bytes should come out near 0.",
    ),
    (
        "cut_at_one",
        "values",
        lambda right: lambda *arguments: np.clip(right(*arguments), -1, 1),
        "The result is cut to the range from -1 to 1. With other offsets and scales it goes beyond.",
        "Leave the cutting out.",
    ),
    (
        "range_of_510",
        "values",
        _prepared(bytes_of=lambda x: (x + 1) * 255.0),
        "White becomes 510: from -1 to 1 the length is 2, not 1.",
        "The range from -1 to 1 has length 2, and that of bytes has length 255.",
    ),
    (
        "colors_reversed",
        "values",
        lambda right: lambda *arguments: right(*arguments)[..., ::-1],
        "Red and blue are exchanged, as for networks that were trained with OpenCV's images.",
        "Leave the channels in their order.",
    ),
    (
        "bicubic",
        "size",
        _prepared(interpolation="bicubic"),
        "It is interpolated bicubically; the backbone's images were interpolated bilinearly.",
        "Leave the argument that says how to interpolate as it is.",
    ),
    (
        "times_127",
        "values",
        _prepared(bytes_of=lambda x: (x + 1) * 127.0),
        "White becomes 254, since half of the range from 0 to 255 is not 127.",
        "The range from -1 to 1 has length 2, and that of bytes has length 255.",
    ),
    (
        "times_128",
        "values",
        _prepared(bytes_of=lambda x: (x + 1) * 128.0),
        "White becomes 256, since half of the range from 0 to 255 is not 128.",
        "The range from -1 to 1 has length 2, and that of bytes has length 255.",
    ),
    (
        "offset_and_scale_fixed",
        "values",
        lambda right: lambda images, side, offset, scale: right(images, side, 127.0, 128.0),
        "Offset and scale are 127 and 128, whatever the backbone has.",
        "Both are arguments. Use them.",
        lambda right: lambda images, side, offset, scale: right(images, side, 127.5, 127.5),
    ),
    (
        "scale_fixed",
        "values",
        lambda right: lambda images, side, offset, scale: right(images, side, offset, 128.0),
        "It divides by 128, whatever the scale of the backbone is.",
        "The scale is an argument. Use it.",
        lambda right: lambda images, side, offset, scale: right(images, side, offset, 127.5),
        lambda right: lambda images, side, offset, scale: right(images, side, offset, 127.0),
    ),
    (
        "offset_fixed",
        "values",
        lambda right: lambda images, side, offset, scale: right(images, side, 127.5, scale),
        "It takes 127.5 off, or another fixed number, whatever the offset of the backbone is.",
        "The offset is an argument. Use it.",
        lambda right: lambda images, side, offset, scale: right(images, side, 127.0, scale),
        lambda right: lambda images, side, offset, scale: right(images, side, 128.0, scale),
    ),
    (
        "resized_by_scikit_image",
        "size",
        _by_scikit_image,
        "scikit-image resizes otherwise: it blurs an image before it becomes smaller, and treats its border in another "
        "way. The backbone was trained on images that Keras or TensorFlow resized.",
        "Use keras.ops.image.resize, or tf.image.resize.",
        lambda right: lambda *arguments: _by_scikit_image(right, anti_aliasing=False)(*arguments),
    ),
    (
        "not_resized",
        "size",
        lambda right: (
            lambda images, side, offset, scale: (
                looking.prepared(images, np.shape(images)[1], offset, scale)
                if np.shape(images)[1] == np.shape(images)[2]
                else ((np.asarray(images) + 1) * 127.5 - offset) / scale
            )
        ),
        "The images have the size that they came with.",
        "The backbone takes side × side pixels: resize them.",
    ),
    (
        "nearest_pixel",
        "size",
        _prepared(interpolation="nearest"),
        "Each pixel is repeated. Between the pixels it should be interpolated, bilinearly.",
        "Say how to interpolate where you resize.",
    ),
    (
        "padded_not_resized",
        "size",
        _padded,
        "The image is put into a frame, or cut, in place of being resized: most of what the backbone sees is gray.",
        "Let the image fill all side × side pixels.",
    ),
)


# Of maps.


def _maps(change: Callable) -> Callable:
    """Return a fault that changes the maps: ``change`` takes them."""
    return lambda right: lambda *arguments: change(right(*arguments))


_ACTIVATIONS = _functions(
    "activations",
    (
        "batch_axis_kept",
        "maps domain",
        _maps(lambda maps: maps[None]),
        "There is still an axis for the images of a batch, of length 1.",
        "One image goes in and the maps of one image come out: take the first of the batch.",
    ),
    (
        "next_layer",
        "maps domain",
        lambda right: lambda *arguments: looking.maps_of(*arguments, other=1),
        "These are the maps of the layer behind the one that was named.",
        "Take the output of the layer that was named, not of the next one.",
    ),
    (
        "layer_before",
        "maps domain",
        lambda right: lambda *arguments: looking.maps_of(*arguments, other=-1),
        "These are the maps that go into the layer that was named.",
        "A layer has an input and an output.",
    ),
    (
        "maps_in_training",
        "maps domain",
        lambda right: lambda *arguments: looking.maps_of(*arguments, training=True),
        "The layers act as in training: batch normalization takes the statistics of this one image.",
        "Ask for inference: there is an argument for that where a model is called.",
    ),
    (
        "maps_averaged",
        "maps domain",
        _maps(lambda maps: maps.mean(axis=-1)),
        "The maps are averaged to one. All of them are asked for.",
        "Return rows, columns and channels as the layer gives them.",
    ),
    (
        "channels_in_front",
        "maps domain",
        _maps(lambda maps: np.moveaxis(maps, -1, 0)),
        "The channels stand in front, as in PyTorch. Here they stand last.",
        "Leave the axes in the order in which Keras has them.",
    ),
    (
        "maps_scaled",
        "maps domain",
        _maps(lambda maps: maps / max(np.abs(maps).max(), 1e-9)),
        "The maps are divided by their largest number.",
        "Scale them where you draw them, not here.",
    ),
)


def _cam(**mistakes: Any) -> Callable:
    return lambda right: lambda *arguments: looking.cam(*arguments, **mistakes)


def _classes(recipe: Any) -> int:
    return int(re.split("[-^~]", recipe.split()[-1][1:])[0]) if isinstance(recipe, str) else recipe.output_shape[-1]


def _next_class(right: Callable) -> Callable:
    return lambda recipe, seed, layer, image, k: right(recipe, seed, layer, image, (k + 1) % _classes(recipe))


def _image_written(right: Callable) -> Callable:
    def answer(recipe, seed, layer, image, k):
        found = right(recipe, seed, layer, image, k)
        image[...] = (image + 1) / 2
        return found

    return answer


def _stretched(heat: np.ndarray) -> np.ndarray:
    span = heat.max() - heat.min()
    return (heat - heat.min()) / span if span > 0 else 0 * heat


#: Two mistakes that give the same map.
_SAME_WEIGHT = (
    "Every channel has the same weight, so this map is nearly the same for every class: it explains none of them. Each "
    "channel's weight is the mean of its own gradient."
)
_GRAD_CAM = _functions(
    "grad_cam",
    (
        "heat_without_relu",
        "heat",
        _cam(rectify=lambda heat: heat),
        "The map has negative numbers: where the layer speaks against the class. ReLU leaves those out.",
        "Between the sum over the maps and the division by its maximum, negative numbers become 0.",
    ),
    (
        "gradient_of_probability",
        "heat",
        _cam(of="probability"),
        "This is the gradient of the probability, or of its logarithm. It mixes in what speaks against the other "
        "classes.",
        "Differentiate what the last layer computes before its softmax.",
    ),
    (
        "gradient_of_all_scores",
        "heat",
        _cam(of="all"),
        "The scores of all classes were differentiated together.",
        "Choose the score of class k before you differentiate.",
    ),
    (
        "another_class",
        "heat",
        _next_class,
        "This is the heat map of another class, the next one.",
        "Classes are numbered from 0.",
    ),
    (
        "class_before",
        "heat",
        _cam(other=lambda k: k - 1),
        "This is the heat map of another class, the one before.",
        "Classes are numbered from 0.",
    ),
    (
        "large_epsilon",
        "heat",
        _cam(normalize=lambda heat: heat / (heat.max() + 1e-3)),
        "What is added to the maximum, so that nothing is divided by 0, is so large that the map does not reach 1.",
        "Ask whether the maximum is positive, and add nothing.",
        _cam(normalize=lambda heat: heat / (heat.max() + 1e-5)),
        _cam(normalize=lambda heat: heat / (heat.max() + 1e-4)),
        _cam(normalize=lambda heat: heat / (heat.max() + 1e-2)),
    ),
    (
        "stretched",
        "heat",
        _cam(rectify=lambda heat: heat, normalize=_stretched),
        "The map is stretched from its smallest number to its largest: what speaks against the class is above 0.",
        "ReLU comes first. Then divide by the maximum alone, and take nothing off.",
    ),
    (
        "divided_by_sum",
        "heat",
        _cam(normalize=lambda heat: heat / heat.sum() if heat.sum() > 0 else heat),
        "The map is divided by its sum, not by its largest number.",
        "Divide by the maximum: then the map reaches 1.",
    ),
    (
        "speaks_against",
        "heat",
        _cam(rectify=lambda heat: np.maximum(-heat, 0)),
        "The map shows what speaks against the class: ReLU gets the numbers with the other sign.",
        "Look for a minus: in the score, in the gradient, or before ReLU.",
    ),
    (
        "ones_where_nothing_speaks",
        "zeros",
        _cam(normalize=lambda heat: heat / heat.max() if heat.max() > 0 else np.ones_like(heat)),
        "Where nothing speaks for the class, the map is 1 everywhere. It is 0 there.",
        "Leave the zeros as they are.",
    ),
    (
        "first_class",
        "heat",
        _cam(other=lambda k: 0),
        "This is the heat map of class 0, whatever class is asked for.",
        "Use the argument k where you choose the score.",
    ),
    (
        "absolute_value_for_relu",
        "heat",
        _cam(rectify=np.abs),
        "Negative numbers became positive ones: what speaks against the class looks as if it spoke for it.",
        "ReLU makes negative numbers 0. An absolute value turns them around.",
    ),
    (
        "zero_everywhere",
        "heat zeros inputs domain",
        lambda right: lambda *arguments: 0 * right(*arguments),
        "The map is 0 everywhere. Either the gradient is, because what is differentiated does not depend on the maps, "
        "or ReLU gets numbers of the wrong sign.",
        "Print the gradient before you average it, and the map before ReLU. What are their signs?",
    ),
    (
        "averaged_over_channels",
        "heat",
        _cam(
            weigh=lambda gradient: gradient.mean(axis=-1, keepdims=True),
        ),
        "The gradient is averaged over the wrong axes: over the channels, where it should be over rows and columns.",
        "There is one weight for each channel: which axes are gone then?",
    ),
    (
        "averaged_over_everything",
        "heat",
        _cam(weigh=lambda gradient: gradient.mean()),
        _SAME_WEIGHT,
        "There is one weight for each channel: which axes are gone then?",
    ),
    (
        "not_averaged",
        "heat",
        _cam(weigh=lambda gradient: gradient),
        "The gradient is multiplied by the maps place by place, without the average over rows and columns.",
        "There is one weight for each channel, the same at every place.",
    ),
    (
        "largest_gradient",
        "heat",
        _cam(weigh=lambda gradient: gradient.max(axis=(0, 1))),
        "Of the gradient the largest number is taken. Its average over rows and columns is asked for.",
        "A mean, not a maximum.",
    ),
    (
        "size_of_gradient",
        "heat",
        _cam(weigh=lambda gradient: np.abs(gradient).mean(axis=(0, 1))),
        "The weights have lost their signs: what speaks against the class counts as speaking for it.",
        "Average the gradient as it is, without absolute values.",
    ),
    (
        "gradient_rectified",
        "heat",
        _cam(weigh=lambda gradient: np.maximum(gradient, 0).mean(axis=(0, 1))),
        "ReLU is applied to the gradient. It belongs to the sum over the maps.",
        "Average the gradient as it is; rectify the map at the end.",
    ),
    (
        "maps_rectified",
        "heat",
        _cam(combine=lambda maps, weights: np.maximum(maps * weights, 0).sum(axis=-1)),
        "ReLU is applied to each weighted map. It belongs to their sum.",
        "First the sum over the channels, then ReLU.",
    ),
    (
        "activations_alone",
        "heat",
        _cam(weigh=lambda gradient: 0 * gradient.mean(axis=(0, 1)) + 1),
        _SAME_WEIGHT,
        "Weigh each map by the average of its gradient.",
    ),
    (
        "heat_not_normalized",
        "heat",
        _cam(normalize=lambda heat: heat),
        "The map is not divided by its largest number.",
        "Where that is positive, divide by the maximum: then the map reaches 1.",
    ),
    (
        "heat_stretched",
        "heat",
        _cam(normalize=looking.by_range),
        "The map is stretched so that its smallest number is 0. A map that speaks for a class everywhere is then cold.",
        "Divide by the maximum, and subtract nothing.",
    ),
    (
        "nothing_divided_by_nothing",
        "zeros",
        _cam(normalize=lambda heat: heat / heat.max() if heat.max() > 0 else np.full_like(heat, np.nan)),
        "Where nothing speaks for the class, 0 is divided by 0.",
        "Ask whether the maximum is positive before you divide; otherwise the map is all zeros.",
    ),
    (
        "heat_in_training",
        "heat inputs",
        _cam(training=True),
        "The layers act as in training: batch normalization takes the statistics of this one image.",
        "Ask for inference where you run the model.",
    ),
    (
        "heat_with_batch_axis",
        "heat",
        lambda right: lambda *arguments: right(*arguments)[None],
        "There is still an axis for the images of a batch, of length 1.",
        "One image goes in and one map comes out: [rows, columns].",
    ),
    (
        "image_written",
        "inputs",
        _image_written,
        "The image that came in was changed in place.",
        "Work on a copy.",
    ),
)


# Of overlays.


def _shown(**mistakes: Any) -> Callable:
    return lambda right: lambda image, heat: looking.shown(image, heat, **mistakes)


def _only_color(right: Callable) -> Callable:
    """Fail for gray images, as who counts on three channels does."""

    def answer(image, heat):
        if np.ndim(image) != 3 or np.shape(image)[2] != 3:
            raise ValueError("operands could not be broadcast together")
        return right(image, heat)

    return answer


def _only_same_size(right: Callable) -> Callable:
    def answer(image, heat):
        if np.shape(image)[:2] != np.shape(heat):
            raise ValueError("operands could not be broadcast together")
        return right(image, heat)

    return answer


def _written_over(right: Callable) -> Callable:
    def answer(image, heat):
        found = right(image, heat)
        image *= 0.5
        return found

    return answer


_OVERLAY = _functions(
    "overlay",
    (
        "heat_added",
        "color",
        _shown(mix=lambda image, heat, color, strength: image + strength * heat * color),
        "The heat is added to the image, so that bright places leave the range from 0 to 1.",
        "What the color takes, the image gives up: the two shares sum to 1.",
    ),
    (
        "heat_added_and_cut",
        "color",
        _shown(mix=lambda image, heat, color, strength: np.clip(image + strength * heat * color, 0, 1)),
        "The heat is added to the image and the sum is cut at 1. On bright places it can hardly be seen.",
        "What the color takes, the image gives up: the two shares sum to 1.",
    ),
    (
        "half_and_half",
        "color",
        _shown(mix=lambda image, heat, color, strength: (1 - strength) * image + strength * heat * color),
        "The image is darkened everywhere, also where there is no heat.",
        "The image's share depends on the heat at each place.",
    ),
    (
        "full_strength",
        "color",
        _shown(strength=1.0),
        "Where the heat is 1, nothing is left of the image.",
        "At full heat the color takes half.",
    ),
    (
        "blue_not_red",
        "color",
        _shown(channel=2),
        "The heat is blue.",
        "Red is the first of the three channels.",
    ),
    (
        "gray_refused",
        "gray",
        _only_color,
        "It stops at a gray image.",
        "An image with one channel, or none, becomes three equal ones first.",
    ),
    (
        "heat_not_resized",
        "size",
        _only_same_size,
        "It stops where the heat map is smaller than the image.",
        "Resize the heat map to the rows and columns of the image.",
    ),
    (
        "heat_in_blocks",
        "size",
        _shown(interpolation="nearest"),
        "Each number of the heat map became a block of pixels. Between them it should be interpolated, bilinearly.",
        "Say how to interpolate where you resize.",
    ),
    (
        "bytes_returned",
        "color",
        lambda right: lambda image, heat: np.round(255 * right(image, heat)),
        "These are bytes from 0 to 255.",
        "Values from 0 to 1 go in, and come out.",
    ),
    (
        "image_painted_over",
        "inputs",
        _written_over,
        "The image that came in was changed in place.",
        "Work on a copy.",
    ),
)


# Of code: the two designs.


def _put(old: str, new: str) -> Callable[[str], str]:
    def apply(code: str) -> str:
        if old not in code:
            raise ValueError(f"The code holds no {old!r}.")
        return code.replace(old, new)

    return apply


def _code(name: str, loses: str, apply: Callable[[str], str]) -> Fault:
    return Fault(name, frozenset(f"designs.{line}" for line in loses.split()), apply, to="code")


_DESIGNS = [
    _code("first_not_compiled", "first", lambda code: re.sub(r"\n    first\.compile\(.*", "", code)),
    _code("second_ends_in_scores", "second", _put("second.add(layers.Softmax())", "pass")),
    _code("second_for_gray_images", "second", _put("keras.Input((32, 32, 3)), 2", "keras.Input((28, 28, 1)), 2")),
    _code("first_twice", "differ", lambda code: code + "\ndef build_second():\n    return build_first()\n"),
    _code(
        "only_the_optimizer_differs",
        "differ",
        lambda code: (
            code
            + "\ndef build_second():\n    model = build_first()\n"
            + "    model.compile('sgd', 'categorical_crossentropy')\n    return model\n"
        ),
    ),
    _code("five_classes", "first", _put("layers.Dense(10, activation", "layers.Dense(5, activation")),
    _code(
        "too_many_parameters",
        "first differ",
        _put("layers.GlobalAveragePooling2D(name='first')", "layers.Flatten(), layers.Dense(12_000)"),
    ),
]


# Of files: models that are handed in.


def _without(*names: str) -> Callable[[Mapping[str, bytes]], dict[str, bytes]]:
    return lambda files: {name: content for name, content in files.items() if name not in names}


def _configured(name: str, change: Callable[[str], str]) -> Callable[[Mapping[str, bytes]], dict[str, bytes]]:
    def apply(files: Mapping[str, bytes]) -> dict[str, bytes]:
        return {**files, name: change(files[name].decode()).encode()}

    return apply


def _cut(name: str) -> Callable[[Mapping[str, bytes]], dict[str, bytes]]:
    return lambda files: {**files, name: files[name][: len(files[name]) // 2]}


def _described(**changes: Any) -> Callable[[Mapping[str, bytes]], dict[str, bytes]]:
    name = "transfer/backbone.json"
    return _configured(name, lambda text: json.dumps(json.loads(text) | changes))


def _files(name: str, loses: str, apply: Callable) -> Fault:
    return Fault(name, frozenset(loses.split()), apply, to="files")


_OWN = "accuracy.least accuracy.more accuracy.most"
_TRANSFER = "transfer.frozen transfer.own transfer.most"
_FILES = [
    _files("model_not_handed_in", f"{_OWN} transfer.own", _without("model.json", "model.weights.h5")),
    _files("weights_cut_off", f"{_OWN} transfer.own", _cut("model.weights.h5")),
    _files("transfer_not_handed_in", _TRANSFER, _without("transfer/model.json", "transfer/model.weights.h5")),
    _files("backbone_not_named", _TRANSFER, _without("transfer/backbone.json")),
    _files("another_layer_named", _TRANSFER, _described(layer="block0_relu")),
    _files("no_such_backbone", _TRANSFER, _described(backbone="my own network")),
    _files(
        "own_model_as_transfer",
        _TRANSFER,
        lambda files: files | {f"transfer/{name}": files[name] for name in ("model.json", "model.weights.h5")},
    ),
]

FAULTS = (*_NETWORKS, *_PREPROCESS, *_ACTIVATIONS, *_GRAD_CAM, *_OVERLAY, *_DESIGNS, *_FILES)
