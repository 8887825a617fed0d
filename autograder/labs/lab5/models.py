"""The networks that the lab asks for, as the course builds them, with the mistakes that can be made."""

from __future__ import annotations

from typing import Any

#: What S4's network has before its first dense layer.
FEATURES = (4, 4, 128)
CLASSES = 10


def baseline(
    filters: tuple[int, ...] = (32, 64, 128),
    kernel: int = 5,
    padding: str | int = "same",
    activation: str | None = "relu",
    last_activation: str | None = "relu",
    stride: int = 1,
    pooled: int = 3,
    pool: str = "max",
    flat: str = "flatten",
    hidden: int = 64,
    hidden_activation: str | None = "relu",
    output: str | None = "softmax",
    dropout: float = 0.0,
    spatial: float = 0.0,
    normalized: bool = False,
) -> Any:
    """Return the network of 390,410 parameters, or one with a mistake.

    Parameters
    ----------
    filters, kernel, padding, activation, stride
        Of the convolutions; ``last_activation`` is that of the last.
    pooled : int
        How many of the convolutions have pooling behind them.
    pool : {"max", "average"}
    flat : {"flatten", "average", "before"}
        How maps become a vector; ``"before"`` flattens and then pools the vector.
    hidden, hidden_activation, output, dropout
        Of the dense layers.
    spatial : float
        Dropout of maps behind each pooling.
    normalized : bool
        Whether batch normalization follows each convolution.
    """
    import keras
    from keras import layers

    pooling = {"max": layers.MaxPooling2D, "average": layers.AveragePooling2D}[pool]
    model = keras.Sequential([keras.Input((32, 32, 3))])
    for k, count in enumerate(filters):
        act = last_activation if k == len(filters) - 1 else activation
        if isinstance(padding, int):
            model.add(layers.ZeroPadding2D(padding))
        model.add(
            layers.Conv2D(count, kernel, stride, "valid" if isinstance(padding, int) else padding, activation=act)
        )
        if normalized:
            model.add(layers.BatchNormalization())
        if k < pooled and not (flat == "before" and k == len(filters) - 1):
            model.add(pooling(2))
        if spatial:
            model.add(layers.SpatialDropout2D(spatial))
    if flat == "before":
        for layer in (layers.Flatten(), layers.Reshape((-1, 1)), layers.MaxPooling1D(4), layers.Flatten()):
            model.add(layer)
    else:
        model.add(layers.Flatten() if flat == "flatten" else layers.GlobalAveragePooling2D())
    if dropout:
        model.add(layers.Dropout(dropout))
    if hidden:
        model.add(layers.Dense(hidden, activation=hidden_activation))
    model.add(layers.Dense(CLASSES, activation=output))
    return model


def wide_and_deep(
    shape_a: tuple[int, ...],
    shape_b: tuple[int, ...],
    shared: str = "shared",
    wide: bool = True,
    deep: tuple[int, ...] = (64, 32),
    deep_activation: str | None = "relu",
    outputs: str = "class same",
    same: str | None = "sigmoid",
    classes: str | None = "softmax",
    pool: str = "average",
    swapped: bool = False,
    joined: bool = True,
    dropout: float = 0.0,
) -> Any:
    """Return the network with two inputs, one shared convolution, two paths and two outputs, or one with a mistake.

    Parameters
    ----------
    shape_a, shape_b : tuple of int
        Of the images.
    shared : {"shared", "two", "first", "raw"}
        One convolution for both, two of them, one for the first image alone while the second is pooled as it is, or
        one for both while the second image goes around it too.
    wide : bool
        Whether the short path is there.
    deep, deep_activation
        Of the deep path; empty where it is missing.
    outputs : str
        Which of both, in this order.
    same, classes : str, optional
        Activations of the outputs.
    pool : {"average", "max", "flatten"}
    swapped : bool
        Whether the inputs are in the other order.
    joined : bool
        Whether the second image goes into the vector as well.
    dropout : float
    """
    import keras
    from keras import layers

    a, b = keras.Input(tuple(shape_a), name="a"), keras.Input(tuple(shape_b), name="b")
    convolution = layers.Conv2D(16, 3, padding="same", activation="relu")
    other = layers.Conv2D(16, 3, padding="same", activation="relu") if shared == "two" else convolution
    kind = {"average": layers.GlobalAveragePooling2D, "max": layers.GlobalMaxPooling2D, "flatten": layers.Flatten}[pool]
    vectors = [kind()(convolution(a)), kind()(b if shared == "first" else other(b))]
    vectors += [kind()(b)] if shared == "raw" else []
    short = layers.Concatenate()(vectors) if joined else vectors[0]
    h = short
    for units in deep:
        h = layers.Dense(units, activation=deep_activation)(h)
        h = layers.Dropout(dropout)(h) if dropout else h
    together = layers.Concatenate()([short, h]) if wide and deep else short if wide else h
    heads = {
        "class": layers.Dense(CLASSES, activation=classes, name="class")(together),
        "same": layers.Dense(1, activation=same, name="same")(together),
    }
    return keras.Model([b, a] if swapped else [a, b], [heads[name] for name in outputs.split()])


def on_backbone(
    backbone: Any,
    unfreeze: str | None = None,
    classes: int = CLASSES,
    frozen: str = "all",
    statistics: str = "kept",
    head: str = "average",
    output: str | None = "softmax",
    start: int = 0,
    copied: bool = False,
    hidden: int = 0,
    nested: bool = True,
) -> Any:
    """Return a backbone with a new head on it, or one with a mistake.

    Parameters
    ----------
    backbone : keras.Model
    unfreeze : str, optional
        The first of its layers that is trainable.
    classes : int
    frozen : {"all", "none", "convolutions", "normalization", "head"}
        What is frozen below ``unfreeze``: everything, nothing, everything but batch normalization, batch normalization
        alone, or everything and the head too.
    statistics : {"kept", "moving"}
        Whether batch normalization from ``unfreeze`` on stays frozen.
    head : {"average", "max", "flatten"}
    output : str, optional
        Activation of the new layer.
    start : int
        So many layers later (or earlier, where negative) training begins.
    copied : bool
        Whether the backbone is built anew, without its weights.
    hidden : int
        Units of a further layer in the head.
    nested : bool
        Whether the backbone is a layer of the model, or its layers are.
    """
    import keras
    from keras import layers

    if copied:
        backbone = keras.models.clone_model(backbone)
    names = [layer.name for layer in backbone.layers]
    first = len(names) if unfreeze is None else names.index(unfreeze)
    first = first if unfreeze is None else min(max(first + start, 0), len(names))
    backbone.trainable = True
    for k, layer in enumerate(backbone.layers):
        normalizes = type(layer).__name__ == "BatchNormalization"
        if k >= first:
            layer.trainable = not normalizes or statistics == "moving"
        else:
            layer.trainable = {
                "all": False,
                "head": False,
                "none": True,
                "convolutions": normalizes,
                "normalization": not normalizes,
            }[frozen]
    kind = {"average": layers.GlobalAveragePooling2D, "max": layers.GlobalMaxPooling2D, "flatten": layers.Flatten}[head]
    inputs = backbone.input if not nested else keras.Input(backbone.input_shape[1:])
    h = kind()(backbone.output if not nested else backbone(inputs))
    h = layers.Dense(hidden, activation="relu")(h) if hidden else h
    last = layers.Dense(classes, activation=output, trainable=frozen != "head")
    return keras.Model(inputs, last(h))
