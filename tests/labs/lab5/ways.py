"""Right ways to write each function of lab 5. No package that students get may hold one."""

import types

import numpy as np

from tests.labs.lab5 import more_ways, ways_inside


def baseline_sequential():
    import keras
    from keras import layers

    model = keras.Sequential([keras.Input((32, 32, 3))])
    for maps in (32, 64, 128):
        model.add(layers.Conv2D(maps, 5, padding="same", activation="relu"))
        model.add(layers.MaxPooling2D())
    model.add(layers.Flatten())
    model.add(layers.Dense(64, activation="relu"))
    model.add(layers.Dense(10, activation="softmax"))
    return model


def baseline_functional():
    """With padding, activations and softmax as layers of their own, pooling before ReLU, and compiled."""
    import keras
    from keras import layers

    x = keras.Input((32, 32, 3))
    h = x
    for maps in (32, 64, 128):
        h = layers.ZeroPadding2D(2)(h)
        h = layers.Conv2D(maps, (5, 5))(h)
        h = layers.MaxPooling2D(2, 2)(h)
        h = layers.ReLU()(h)
    h = layers.Reshape((2048,))(h)
    h = layers.Activation("relu")(layers.Dense(64)(h))
    model = keras.Model(x, layers.Softmax()(layers.Dense(10)(h)))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def baseline_nested():
    import keras
    from keras import layers

    blocks = [
        keras.Sequential([layers.Conv2D(n, 5, padding="same"), layers.ReLU(), layers.MaxPooling2D()])
        for n in (32, 64, 128)
    ]
    head = keras.Sequential([layers.Flatten(), layers.Dense(64, "relu"), layers.Dense(10, "softmax")])
    return keras.Sequential([keras.Input((32, 32, 3)), *blocks, head])


def wide_and_deep_functional(shape_a, shape_b):
    import keras
    from keras import layers

    a, b = keras.Input(shape_a), keras.Input(shape_b)
    shared = layers.Conv2D(16, 3, padding="same", activation="relu")
    pool = layers.GlobalAveragePooling2D()
    short = layers.concatenate([pool(shared(a)), pool(shared(b))])
    deep = layers.Dense(32, activation="relu")(layers.Dense(64, activation="relu")(short))
    both = layers.concatenate([short, deep])
    return keras.Model([a, b], [layers.Dense(10, activation="softmax")(both), layers.Dense(1, "sigmoid")(both)])


def wide_and_deep_in_parts(shape_a, shape_b):
    """A shared branch as a model of its own, the deep path as another, everything joined in the other order."""
    import keras
    from keras import layers

    branch = keras.Sequential(
        [
            keras.Input((None, None, shape_a[-1])),
            layers.Conv2D(16, 3, padding="same"),
            layers.ReLU(),
            layers.GlobalAveragePooling2D(),
        ]
    )
    path = keras.Sequential([keras.Input((32,)), layers.Dense(64, "relu"), layers.Dense(32, "relu")])
    inputs = [keras.Input(shape_a, name="left"), keras.Input(shape_b, name="right")]
    short = layers.Concatenate()([branch(one) for one in reversed(inputs)])
    both = layers.Concatenate()([path(short), short])
    kind = layers.Softmax(name="kind")(layers.Dense(10)(both))
    same = layers.Activation("sigmoid", name="match")(layers.Dense(1)(both))
    return keras.Model(inputs, [kind, same])


def transfer_nested(backbone, unfreeze=None, classes=10):
    import keras
    from keras import layers

    backbone.trainable = True
    names = [layer.name for layer in backbone.layers]
    first = len(names) if unfreeze is None else names.index(unfreeze)
    for k, layer in enumerate(backbone.layers):
        layer.trainable = k >= first and not isinstance(layer, layers.BatchNormalization)
    inputs = keras.Input(backbone.input_shape[1:])
    h = backbone(inputs, training=False)
    h = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(h))
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(h))


def transfer_flat(backbone, unfreeze=None, classes=10):
    """Without a model inside the model."""
    import keras
    from keras import layers

    backbone.trainable = False
    if unfreeze is not None:
        # The whole first, or its own flag would hold for all of it.
        backbone.trainable = True
        reached = False
        for layer in backbone.layers:
            reached = reached or layer.name == unfreeze
            layer.trainable = reached and type(layer).__name__ != "BatchNormalization"
    h = layers.GlobalAveragePooling2D()(backbone.output)
    h = layers.Softmax()(layers.Dense(classes)(h))
    return keras.Model(backbone.input, h)


def transfer_sequential(backbone, unfreeze=None, classes=10):
    import keras
    from keras import layers

    # Whatever an earlier training has left.
    backbone.trainable = unfreeze is not None
    seen = False
    for layer in backbone.layers:
        seen |= layer.name == unfreeze
        layer.trainable = seen and not isinstance(layer, layers.BatchNormalization)
    return keras.Sequential(
        [
            keras.Input(backbone.input_shape[1:]),
            backbone,
            layers.GlobalAveragePooling2D(),
            layers.Dense(classes, activation="softmax"),
        ]
    )


def preprocess_keras(images, side, offset, scale):
    import keras

    return (keras.ops.image.resize((images + 1) * 127.5, (side, side)) - offset) / scale


def preprocess_layer(images, side, offset, scale):
    import keras

    resized = keras.layers.Resizing(side, side)(np.asarray(images, dtype="float32"))
    pixels = keras.layers.Rescaling(127.5, 127.5)(resized)
    return np.asarray(keras.layers.Rescaling(1 / scale, -offset / scale)(pixels))


def preprocess_by_hand(images, side, offset, scale):
    """Bilinear interpolation written out, between the centers of pixels."""
    values = (np.asarray(images, dtype="float64") * 127.5 + 127.5 - offset) / scale
    for axis in (1, 2):
        count = values.shape[axis]
        at = np.clip((np.arange(side) + 0.5) * count / side - 0.5, 0, count - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, count - 1)
        part = (at - low).reshape([-1 if k == axis else 1 for k in range(4)])
        values = np.take(values, low, axis) * (1 - part) + np.take(values, high, axis) * part
    return values.astype("float32")


def activations_model(model, layer, image):
    import keras

    part = keras.Model(model.inputs, model.get_layer(layer).output)
    return part.predict(np.asarray(image)[None], verbose=0)[0]


def activations_called(model, layer, image):
    import keras

    part = keras.Model(model.inputs, [one.output for one in model.layers if one.name == layer])
    found = part(keras.ops.convert_to_tensor(image[np.newaxis], "float32"), training=False)
    return (found[0] if isinstance(found, (list, tuple)) else found)[0]


def grad_cam_by_product(model, layer, image, k):
    """The score from what enters the last layer."""
    import keras
    import tensorflow as tf

    last = model.layers[-1]
    part = keras.Model(model.inputs, [model.get_layer(layer).output, last.input])
    with tf.GradientTape() as tape:
        maps, features = part(tf.constant(image[None], "float32"), training=False)
        score = (features @ last.kernel + last.bias)[:, k]
    gradient = tape.gradient(score, maps)
    gradient = tf.zeros_like(maps) if gradient is None else gradient
    heat = tf.nn.relu(tf.reduce_sum(maps * tf.reduce_mean(gradient, axis=(1, 2), keepdims=True), axis=-1))[0].numpy()
    return heat / heat.max() if heat.max() > 0 else heat


def grad_cam_by_activation(model, layer, image, k):
    """Softmax taken out for as long as it takes."""
    import keras
    import tensorflow as tf

    last = model.layers[-1]
    kept, last.activation = last.activation, keras.activations.linear
    try:
        part = keras.Model(model.inputs, [model.get_layer(layer).output, model.outputs[0]])
        x = tf.convert_to_tensor(np.expand_dims(image, 0).astype("float32"))
        with tf.GradientTape() as tape:
            maps, scores = part(x)
            score = scores[0, k]
    finally:
        last.activation = kept
    weights = np.mean(tape.gradient(score, maps)[0], axis=(0, 1))
    heat = np.maximum(np.einsum("ijc,c->ij", np.asarray(maps[0], "float64"), weights), 0)
    top = heat.max()
    return heat / (top if top > 0 else 1)


def overlay_arrays(image, heat):
    import keras

    image = np.array(image, dtype="float64")
    if image.ndim == 2:
        image = image[:, :, None]
    if image.shape[2] == 1:
        image = np.tile(image, (1, 1, 3))
    h = np.asarray(keras.ops.image.resize(np.asarray(heat, "float32")[:, :, None], image.shape[:2]))
    return (1 - h / 2) * image + h / 2 * np.array([1.0, 0.0, 0.0])


def overlay_channels(image, heat):
    from skimage.transform import resize

    rows, columns = image.shape[:2]
    h = resize(np.asarray(heat, dtype="float64"), (rows, columns), order=1, mode="edge", anti_aliasing=False)
    planes = [image] * 3 if image.ndim == 2 else [image[..., min(c, image.shape[2] - 1)] for c in range(3)]
    mixed = [plane - 0.5 * h * plane for plane in planes]
    mixed[0] = mixed[0] + 0.5 * h
    return np.stack(mixed, axis=-1).astype("float32")


#: By function: those written here, and with the other two files all.
FEW = {
    "build_baseline": {
        "sequential": baseline_sequential,
        "functional": baseline_functional,
        "nested": baseline_nested,
    },
    "build_wide_and_deep": {"functional": wide_and_deep_functional, "in parts": wide_and_deep_in_parts},
    "build_transfer": {"nested": transfer_nested, "flat": transfer_flat, "sequential": transfer_sequential},
    "preprocess": {"keras": preprocess_keras, "layers": preprocess_layer, "by hand": preprocess_by_hand},
    "activations": {"called": activations_called, "predict": activations_model},
    "grad_cam": {"by product": grad_cam_by_product, "by activation": grad_cam_by_activation},
    "overlay": {"arrays": overlay_arrays, "channels": overlay_channels},
}
_MORE = vars(more_ways) | vars(ways_inside)
WAYS = {
    function: few
    | {name.removeprefix(f"{function}_"): way for name, way in _MORE.items() if name.startswith(f"{function}_")}
    for function, few in FEW.items()
}
#: What the ways use.
_AROUND = {name: value for name, value in _MORE.items() if isinstance(value, types.ModuleType)}


def namespace(function, answer):
    """Return the functions of a student, with one answer in its place and the modules that it uses around it."""
    return _AROUND | {function: answer}


DESIGNS = """
import keras
from keras import layers

def build_first():
    first = keras.Sequential([
        keras.Input((32, 32, 3)),
        layers.RandomFlip("horizontal"),
        layers.Conv2D(8, 5, padding="same", activation="relu"),
        layers.MaxPooling2D(4),
        layers.GlobalAveragePooling2D(name='first'),
        layers.Dense(10, activation="softmax"),
    ])
    first.compile(keras.optimizers.SGD(0.1), "categorical_crossentropy", metrics=["accuracy"])
    return first

def build_second():
    x, size = keras.Input((32, 32, 3)), 2
    h = layers.Conv2D(8, 3, strides=size, use_bias=False)(x)
    h = layers.BatchNormalization()(h)
    h = layers.ReLU()(h)
    h = layers.Conv2D(12, 3, strides=2, activation="relu")(h)
    h = layers.Dropout(0.2)(layers.Flatten()(h))
    second = keras.Sequential([keras.Model(x, layers.Dense(10)(h))])
    second.add(layers.Softmax())
    second.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return second
"""
OTHER_DESIGNS = """
import keras
from keras import layers, regularizers

def build(kernel, kind):
    x = h = keras.Input((32, 32, 3))
    for maps in (8, 8, 16):
        h = layers.Conv2D(maps, kernel, 2, padding="same", kernel_regularizer=kind)(h)
        h = layers.Activation("relu")(h)
    model = keras.Model(x, layers.Dense(10, activation="softmax")(layers.GlobalMaxPooling2D()(h)))
    model.compile("adam", "categorical_crossentropy")
    return model

def build_first():
    return build(3, None)

def build_second():
    return build((3, 5), regularizers.L2(1e-3))
"""
