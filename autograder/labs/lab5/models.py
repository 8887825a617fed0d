"""The networks that the lab asks for, as text: what each consists of, and what a mistake makes of it.

They are written so that a known fault is a line of text, and so that nothing here is code that anybody could hand in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from autograder.labs.lab5 import recipes

#: S4's network has maps of this shape before its first dense layer, and this recipe.
FEATURES = (4, 4, 128)
BASELINE = "32x32x3 c5.32 m c5.64 m c5.128 m f h64 s10"
#: The network with two inputs, a and b: for each step its name, the word of its layer, and what goes in. Words with the
#: same number behind # are one layer.
WIDE_AND_DEEP = """
left c3.16#1 a
right c3.16#1 b
one g left
two g right
short + one two
half h64 short
deep h32 half
all + short deep
class s10 all
same q1 all
"""
OUTPUTS = ("class", "same")


def wired(shapes: Sequence[Sequence[int]], text: str, inputs: str = "a b", outputs: Sequence[str] = OUTPUTS) -> Any:
    """Return the network that a text describes, as `WIDE_AND_DEEP` does.

    Parameters
    ----------
    shapes : sequence
        Of a and b.
    text : str
    inputs : str
        The order in which the model takes them.
    outputs : sequence of str
        Which steps the model gives.
    """
    import keras

    known = {name: keras.Input(tuple(shape)) for name, shape in zip("ab", shapes, strict=True)}
    given = [known[name] for name in inputs.split()]
    made: dict[str, Any] = {}
    for line in text.split("\n"):
        if not line.strip():
            continue
        name, word, *sources = line.split()
        word, _, number = word.partition("#")
        layer = made.setdefault(f"{word}#{number or name}", recipes.layer_of(word))
        values = [known[source] for source in sources]
        known[name] = layer(values if word == "+" else values[0])
    return keras.Model(given, [known[name] for name in outputs])


def standing(
    backbone: Any,
    unfreeze: str | None = None,
    classes: int = 10,
    below: Mapping[str, bool] | None = None,
    normalizing: bool = False,
    start: int = 0,
    head: str = "g s",
    weights: bool = True,
    last: bool = True,
    as_before: bool = False,
) -> Any:
    """Return a model on a backbone, made by editing the backbone's configuration.

    Parameters
    ----------
    backbone : keras.Model
    unfreeze : str, optional
        The first of its layers that is trainable.
    classes : int
    below : mapping of str to bool, optional
        Whether layers below that are trainable, by ``"normalizing"`` and ``"others"``.
    normalizing : bool
        Whether batch normalization from there on is trainable.
    start : int
        So many layers later, or earlier where it is negative, training begins.
    head : str
        Words of what stands on the backbone; the last one gets the number of classes.
    weights : bool
        Whether the backbone keeps its weights.
    last : bool
        Whether the last layer is trainable.
    as_before : bool
        Whether the second half of a frozen backbone is as trainable as a training before left it.
    """
    import keras

    below = {"normalizing": False, "others": False, **(below or {})}
    config = json.loads(json.dumps(backbone.get_config()))
    names = [layer["config"]["name"] for layer in config["layers"]]
    if as_before and unfreeze is None:
        unfreeze = names[len(names) // 2]
    first = len(names) if unfreeze is None else min(max(names.index(unfreeze) + start, 0), len(names))
    for place, layer in enumerate(config["layers"]):
        normalizes = layer["class_name"] == "BatchNormalization"
        above = normalizing if normalizes else True
        layer["config"]["trainable"] = above if place >= first else below["normalizing" if normalizes else "others"]
    copy = keras.Model.from_config(config)
    if weights:
        copy.set_weights(backbone.get_weights())
    *words, word = head.split()
    made = [recipes.layer_of(one) for one in (*words, f"{word}{classes}")]
    made[-1].trainable = last
    return keras.Sequential([keras.Input(backbone.input_shape[1:]), copy, *made])
