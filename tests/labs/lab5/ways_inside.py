"""Many more honest ways to write `activations` and `grad_cam` than in `ways`: what the mutation score changes.

As in `more_ways`, the name of a way begins with what it is of, and each holds all that it does.
"""

import keras
import numpy as np
import tensorflow as tf
from scipy import ndimage

# Maps. With a model of other outputs.


def activations_all_outputs(model, layer, image):
    every = keras.Model(model.inputs, [one.output for one in model.layers])
    found = every([np.asarray(image, "float32")[None]], training=False)
    return np.asarray(found[[one.name for one in model.layers].index(layer)])[0]


def activations_mapping(model, layer, image):
    every = keras.Model(model.inputs, {one.name: one.output for one in model.layers})
    return every(keras.ops.expand_dims(np.asarray(image, "float32"), axis=0))[layer].numpy()[0]


def activations_on_batch(model, layer, image):
    part = keras.Model(inputs=model.inputs, outputs=model.get_layer(name=layer).output)
    return part.predict_on_batch(np.asarray(image, dtype="float32").reshape(1, *image.shape))[0]


def activations_function(model, layer, image):
    look = keras.Function(model.inputs, model.get_layer(layer).output)
    batch = keras.ops.convert_to_tensor(image[None], dtype="float32")
    return keras.ops.convert_to_numpy(look([batch]))[0]


def activations_squeezed(model, layer, image):
    part = keras.Model(model.inputs, model.get_layer(layer).output)
    found = part(tf.cast(image[tf.newaxis], tf.float32), training=False)
    return tf.squeeze(found, axis=0).numpy()


def activations_two_images(model, layer, image):
    """Beside a black one: no image of a batch changes what the others give."""
    part = keras.Model(model.inputs, model.get_layer(layer).output)
    both = np.stack([0 * image, image]).astype("float32")
    black, found = np.asarray(part([both], training=False))
    return found


def activations_by_loop(model, layer, image):
    for one in model.layers:
        if one.name == layer:
            part = keras.Model(model.inputs, one.output)
    values = np.array(part.call(tf.constant(image[None], tf.float32), training=False))
    return values.reshape(values.shape[1:])


def activations_flattened(model, layer, image):
    output = model.get_layer(layer).output
    part = keras.Model(model.inputs, keras.layers.Flatten()(output))
    return np.asarray(part([image[None].astype("float32")])).reshape(output.shape[1:])


def activations_source_inputs(model, layer, image):
    output = model.get_layer(layer).output
    part = keras.Model(keras.utils.get_source_inputs(output), output)
    return next(iter(np.asarray(part([image[None].astype("float32")], training=False))))


def activations_stateless(model, layer, image):
    part = keras.Model(model.inputs, model.get_layer(layer).output)
    values = [one.value for one in part.trainable_variables], [one.value for one in part.non_trainable_variables]
    found, _ = part.stateless_call(*values, tf.constant(image[None], tf.float32), training=False)
    return found[0].numpy()


def activations_own_class(model, layer, image):
    class Part(keras.Model):
        def __init__(self):
            super().__init__()
            self.part = keras.Model(model.inputs, model.get_layer(layer).output)

        def call(self, x):
            return self.part(x, training=False)[0]

    return np.asarray(Part()(np.asarray(image, "float32")[None]))


def activations_sequential(model, layer, image):
    part = keras.Sequential([keras.Input(image.shape), keras.Model(model.inputs, model.get_layer(layer).output)])
    return np.asarray(part(image.astype("float32")[None, ...], training=False)[0])


def activations_several_asked(model, layer, image):
    """With the probabilities, which are then left out."""
    part = keras.Model(model.inputs, [model.get_layer(layer).output, *model.outputs])
    maps, *_ = part([np.expand_dims(image, 0).astype("float32")], training=False)
    return np.asarray(maps)[0, ...]


def activations_channel_by_channel(model, layer, image):
    part = keras.Model(model.inputs, model.get_layer(layer).output)
    values = np.asarray(part([image[np.newaxis].astype("float32")], training=False))
    found = np.zeros(values.shape[1:])
    for c in range(values.shape[-1]):
        found[..., c] = values[0, ..., c]
    return found


def activations_frozen(model, layer, image):
    part = keras.Model(model.inputs, model.get_layer(layer).output)
    run = tf.function(lambda x: part(x, training=False)[0])
    return run(tf.constant(np.asarray(image)[None], dtype=tf.float32)).numpy()


def activations_cloned(model, layer, image):
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    part = keras.Model(copy.inputs, copy.get_layer(layer).output)
    return np.asarray(part([image[None].astype("float32")], training=False))[0]


# Maps. Through the layers, one by one.


def activations_layer_last(model, layer, image):
    """What goes into the layer, and then the layer by itself."""
    asked = model.get_layer(layer)
    before = keras.Model(model.inputs, asked.input)
    given = before([image[None].astype("float32")], training=False)
    return np.asarray(asked(given))[0]


def activations_layer_by_layer(model, layer, image):
    values = {id(model.inputs[0]): tf.constant(image[None], tf.float32)}
    for one in model.layers:
        if id(one.output) not in values:
            given = one.input
            several = isinstance(given, list)
            given = [values[id(each)] for each in given] if several else values[id(given)]
            values[id(one.output)] = one(given)
    return values[id(model.get_layer(layer).output)].numpy()[0]


def activations_up_to(model, layer, image):
    """The same, and no further than to the layer."""
    known = [(model.inputs[0], np.asarray(image, dtype="float32")[None])]
    for one in model.layers:
        sources = one.input if isinstance(one.input, list) else [one.input]
        given = [value for source in sources for tensor, value in known if tensor is source]
        if not isinstance(one, keras.layers.InputLayer):
            known.append((one.output, one(given if len(given) > 1 else given[0])))
        if one.name == layer:
            break
    return np.asarray(known[-1][1])[0]


def activations_recursive(model, layer, image):
    makers = {id(one.output): one for one in model.layers if not isinstance(one, keras.layers.InputLayer)}
    batch = np.asarray(image, "float32")[None]

    def value(tensor):
        if isinstance(tensor, list):
            return [value(each) for each in tensor]
        if id(tensor) not in makers:
            return batch
        return makers[id(tensor)](value(makers[id(tensor)].input))

    return np.asarray(value(model.get_layer(layer).output))[0]


def activations_listened(model, layer, image):
    """What the layer is heard to give while the whole model answers."""
    asked, heard = model.get_layer(layer), []
    call = asked.call

    def listening(*given, **more):
        heard.append(call(*given, **more))
        return heard[-1]

    asked.call = listening
    try:
        keras.Model(model.inputs, model.outputs)([np.asarray(image, "float32")[None]], training=False)
    finally:
        asked.call = call
    return np.asarray(heard[0])[0]


def activations_in_pieces(model, layer, image):
    """Half of the way, and from there on."""
    names = [one.name for one in model.layers]
    middle = model.layers[names.index(layer)].output
    start = keras.Function(model.inputs, [middle, model.outputs[0]])
    maps, probabilities = start([tf.convert_to_tensor(np.asarray([image]), tf.float32)])
    return maps.numpy()[0]


# Heat maps. By the gradient that is followed back, with one model for maps and score.


def grad_cam_probabilities_undone(model, layer, image, k):
    """The kernel's column alone, since the bias has no gradient."""
    last = model.layers[-1]
    part = keras.Model(model.inputs, [model.get_layer(layer).output, last.input])
    with tf.GradientTape() as tape:
        maps, features = part([np.asarray(image, "float32")[None]], training=False)
        score = tf.reduce_sum(features * last.get_weights()[0][:, k])
    gradient = tape.gradient(score, maps).numpy()[0]
    weights = gradient.sum(axis=(0, 1)) / (gradient.shape[0] * gradient.shape[1])
    heat = maps.numpy()[0] @ weights
    heat[heat < 0] = 0
    return heat / np.max(heat) if np.any(heat > 0) else heat


def grad_cam_operations(model, layer, image, k):
    last = model.layers[-1]
    part = keras.Model(model.inputs, {"maps": model.get_layer(layer).output, "features": last.input})
    with tf.GradientTape() as tape:
        found = part(keras.ops.expand_dims(keras.ops.cast(image, "float32"), 0), training=False)
        scores = keras.ops.matmul(found["features"], last.kernel) + last.bias
        score = keras.ops.take(scores, k, axis=1)
    gradient = tape.gradient(score, found["maps"])
    weights = keras.ops.mean(gradient, axis=(1, 2))
    heat = keras.ops.relu(keras.ops.einsum("nijc,nc->nij", found["maps"], weights))[0]
    top = keras.ops.max(heat)
    return np.asarray(heat / keras.ops.where(top > 0, top, 1.0))


def grad_cam_pooled(model, layer, image, k):
    last = model.layers[-1]
    part = keras.Model(model.inputs, [last.input, model.get_layer(layer).output])
    with tf.GradientTape() as tape:
        features, maps = part(tf.constant(image[None], tf.float32), training=False)
        score = tf.linalg.matvec(last.kernel, features[0], transpose_a=True)[k]
    weights = keras.layers.GlobalAveragePooling2D()(tape.gradient(score, maps))
    heat = tf.nn.relu(tf.linalg.matvec(maps[0], weights[0]))
    return tf.math.divide_no_nan(heat, tf.reduce_max(heat)).numpy()


def grad_cam_one_hot(model, layer, image, k):
    last = model.layers[-1]
    kernel, bias = last.get_weights()
    part = keras.Model(model.inputs, [model.get_layer(layer).output, last.input])
    with tf.GradientTape() as tape:
        maps, features = part([image[None].astype("float32")], training=False)
        scores = features @ kernel + bias
    chosen = tf.one_hot([k], len(bias))
    gradient = tape.gradient(scores, maps, output_gradients=chosen)
    weights = tf.reduce_mean(gradient, (1, 2))[:, None, None]
    heat = tf.reduce_sum(tf.multiply(maps, weights), axis=3)[0].numpy()
    heat = np.where(heat > 0, heat, 0)
    return heat / (heat.max() or 1)


def grad_cam_jacobian(model, layer, image, k):
    """The gradients of all scores, of which one is taken."""
    last = model.layers[-1]
    part = keras.Model(model.inputs, [model.get_layer(layer).output, last.input])
    with tf.GradientTape(persistent=True) as tape:
        maps, features = part([np.array([image], dtype="float32")], training=False)
        scores = tf.matmul(features, last.kernel)[0]
    gradients = tape.jacobian(scores, maps, experimental_use_pfor=False).numpy()
    weights = gradients[k, 0].mean(axis=0).mean(axis=0)
    heat = np.clip(np.tensordot(maps.numpy()[0], weights, axes=1), 0, None)
    return np.divide(heat, heat.max(), out=np.zeros_like(heat), where=heat.max() > 0)


def grad_cam_traced(model, layer, image, k):
    last = model.layers[-1]
    part = keras.Model(model.inputs, [model.get_layer(layer).output, last.input])

    @tf.function
    def followed(x):
        maps, features = part(x, training=False)
        score = tf.reduce_sum((features @ last.kernel)[:, k])
        (gradient,) = tf.gradients(score, [maps])
        return maps[0], gradient[0]

    maps, gradient = (np.asarray(one, "float64") for one in followed(tf.constant(image[None], tf.float32)))
    heat = np.maximum(np.inner(maps, np.average(gradient, axis=(0, 1))), 0)
    return heat / heat.max() if heat.max() else heat


def grad_cam_per_channel(model, layer, image, k):
    last = model.layers[-1]
    part = keras.Model(model.inputs, [model.get_layer(layer).output, last.input])
    with tf.GradientTape() as tape:
        maps, features = part([np.asarray(image, "float32")[None]], training=False)
        score = keras.ops.dot(features, last.kernel)[0][k]
    gradient, maps = tape.gradient(score, maps)[0].numpy(), maps[0].numpy()
    heat = np.zeros(maps.shape[:2])
    for c in range(maps.shape[2]):
        heat += gradient[:, :, c].mean() * maps[:, :, c]
    heat = np.maximum(heat, 0)
    if heat.max() > 0:
        heat /= heat.max()
    return heat


def grad_cam_number_by_number(model, layer, image, k):
    last = model.layers[-1]
    part = keras.Model(model.inputs, [model.get_layer(layer).output, last.input])
    with tf.GradientTape() as tape:
        maps, features = part([image[None].astype("float32")], training=False)
        score = (features @ last.kernel)[0, k]
    gradient, maps = np.asarray(tape.gradient(score, maps))[0], np.asarray(maps)[0]
    rows, columns, channels = maps.shape
    weights = [sum(gradient[i, j, c] for i in range(rows) for j in range(columns)) for c in range(channels)]
    heat = [[max(float(np.dot(maps[i, j], weights)), 0) for j in range(columns)] for i in range(rows)]
    # How many places there are does not matter: it is the same factor everywhere.
    top = max(map(max, heat))
    return [[value / top if top > 0 else 0 for value in row] for row in heat]


def grad_cam_weighted_kernel(model, layer, image, k):
    """A convolution 1×1 sums over the channels."""
    last = model.layers[-1]
    part = keras.Model(model.inputs, [model.get_layer(layer).output, last.input])
    with tf.GradientTape() as tape:
        maps, features = part(tf.convert_to_tensor(image[None], tf.float32), training=False)
        score = tf.gather(features @ last.kernel + last.bias, k, axis=1)
    weights = tf.reduce_mean(tape.gradient(score, maps), axis=[0, 1, 2])
    heat = tf.nn.conv2d(maps, tf.reshape(weights, (1, 1, -1, 1)), strides=1, padding="VALID")
    heat = tf.maximum(heat, 0.0)[0, :, :, 0]
    return (heat / tf.maximum(tf.reduce_max(heat), 1e-30)).numpy()


def grad_cam_filtered(model, layer, image, k):
    """The mean over all places is what a box as large as the map makes of it."""
    last = model.layers[-1]
    part = keras.Model(model.inputs, [model.get_layer(layer).output, last.input])
    with tf.GradientTape() as tape:
        maps, features = part([image[None].astype("float32")], training=False)
        score = tf.matmul(features, last.kernel)[0, k]
    gradient = np.asarray(tape.gradient(score, maps), "float64")[0]
    weights = [ndimage.mean(gradient[..., c]) for c in range(gradient.shape[-1])]
    heat = np.sum(np.asarray(maps)[0] * weights, axis=-1).clip(min=0)
    return heat / heat.max() if heat.any() else heat


def grad_cam_flat_places(model, layer, image, k):
    last = model.layers[-1]
    part = keras.Model(model.inputs, [model.get_layer(layer).output, last.input])
    with tf.GradientTape(persistent=True) as tape:
        maps, features = part([np.asarray(image, dtype=np.float32)[None]], training=False)
        scores = tf.unstack((features @ last.kernel)[0])
    gradient = tape.gradient(scores[k], maps).numpy()
    shape = gradient.shape[1:3]
    places, changes = maps.numpy().reshape(-1, maps.shape[-1]), gradient.reshape(-1, gradient.shape[-1])
    heat = np.fmax(places @ (np.ones(len(changes)) @ changes / len(changes)), 0.0)
    return (heat / heat.max() if heat.max() > 0 else heat).reshape(shape)


# Heat maps. With the softmax taken away in other ways.


def grad_cam_new_last_layer(model, layer, image, k):
    last = model.layers[-1]
    linear = keras.layers.Dense(last.units)
    scores = linear(last.input)
    linear.set_weights(last.get_weights())
    part = keras.Model(model.inputs, [model.get_layer(layer).output, scores])
    with tf.GradientTape() as tape:
        maps, found = part([np.asarray(image, "float32")[None]], training=False)
        score = found[0, k]
    weights = tf.reduce_mean(tape.gradient(score, maps), axis=(0, 1, 2))
    heat = keras.activations.relu(tf.tensordot(maps[0], weights, 1)).numpy()
    return heat / heat.max() if heat.max() > 0 else heat


def grad_cam_one_unit(model, layer, image, k):
    """A last layer that gives the score of this class alone."""
    last = model.layers[-1]
    kernel, bias = last.get_weights()
    unit = keras.layers.Dense(1)
    part = keras.Model(model.inputs, [model.get_layer(layer).output, unit(last.input)])
    unit.set_weights([kernel[:, k : k + 1], bias[k : k + 1]])
    with tf.GradientTape() as tape:
        maps, score = part([image[None].astype("float32")], training=False)
    mean = np.mean(tape.gradient(score, maps), axis=(0, 1, 2))
    heat = np.einsum("c,ijc->ij", mean, maps[0])
    heat *= heat > 0
    return heat / max(heat.max(), np.finfo("float32").tiny)


def grad_cam_cloned(model, layer, image, k):
    """A copy of the model may be changed."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    copy.layers[-1].activation = keras.activations.linear
    part = keras.Model(copy.inputs, [copy.get_layer(layer).output, *copy.outputs])
    with tf.GradientTape() as tape:
        maps, scores = part([image[None].astype("float32")], training=False)
        score = scores[..., k]
    weights = tf.reduce_mean(tape.gradient(score, maps), axis=[1, 2], keepdims=True)
    heat = tf.nn.relu(tf.reduce_sum(maps * weights, -1)).numpy()[0]
    return heat / (heat.max() if heat.max() > 0 else 1)


def grad_cam_logarithms(model, layer, image, k):
    """The logarithm of a probability, plus that of the sum which softmax divides by."""
    last = model.layers[-1]
    part = keras.Model(model.inputs, [model.get_layer(layer).output, last.input])
    with tf.GradientTape() as tape:
        maps, features = part([np.asarray(image, "float32")[None]], training=False)
        scores = features @ last.kernel + last.bias
        score = tf.nn.log_softmax(scores)[0, k] + tf.reduce_logsumexp(scores)
    weights = np.asarray(tf.reduce_mean(tape.gradient(score, maps), (0, 1, 2)))
    heat = np.maximum(0, (np.asarray(maps)[0] * weights).sum(-1))
    # Of two parts that cancel, rounding is left.
    most = heat.max()
    return heat / most if most > 1e-6 * np.abs(maps).max() else 0 * heat


# Heat maps. In two parts: up to the maps, and from there on.


def grad_cam_two_parts(model, layer, image, k):
    last, asked = model.layers[-1], model.get_layer(layer)
    before, behind = keras.Model(model.inputs, asked.output), keras.Model(asked.output, last.input)
    maps = tf.constant(before([np.asarray(image, "float32")[None]], training=False))
    with tf.GradientTape() as tape:
        tape.watch(maps)
        score = tf.matmul(behind(maps, training=False), last.kernel)[0, k]
    weights = tf.reduce_mean(tape.gradient(score, maps)[0], axis=(0, 1))
    heat = tf.nn.relu(maps[0] @ weights[:, None]).numpy()[..., 0]
    return heat / heat.max() if heat.max() > 0 else heat


def grad_cam_variable(model, layer, image, k):
    last, asked = model.layers[-1], model.get_layer(layer)
    before, behind = keras.Model(model.inputs, asked.output), keras.Model(asked.output, last.input)
    maps = tf.Variable(before([image[None].astype("float32")], training=False))
    with tf.GradientTape() as tape:
        score = tf.reduce_sum(last.kernel[:, k] * behind(maps, training=False)[0]) + last.bias[k]
    changes = tape.gradient(score, maps).numpy()
    heat = (maps.numpy() * np.mean(changes, (1, 2), keepdims=True)).sum(axis=3)[0]
    heat = np.maximum(heat, np.zeros_like(heat))
    return np.nan_to_num(heat / heat.max()) if heat.max() > 0 else heat


def grad_cam_forward(model, layer, image, k):
    """All places of one channel are moved together: what the score does then is this channel's weight."""
    last, asked = model.layers[-1], model.get_layer(layer)
    before, behind = keras.Model(model.inputs, asked.output), keras.Model(asked.output, last.input)
    maps = before([np.asarray(image, "float32")[None]], training=False)
    _, rows, columns, channels = maps.shape
    moves = np.eye(channels, dtype="float32")[:, None, None] / (rows * columns) * np.ones((rows, columns, 1), "float32")
    many = tf.repeat(maps, channels, axis=0)
    with tf.autodiff.ForwardAccumulator(many, tf.constant(moves)) as moved:
        scores = behind(many, training=False) @ last.kernel
    heat = np.maximum(np.asarray(maps)[0] @ np.asarray(moved.jvp(scores))[:, k], 0)
    return heat / heat.max() if heat.max() > 0 else heat


def grad_cam_shift(model, layer, image, k):
    """Something is added to each channel, and the score is differentiated by that."""
    last, asked = model.layers[-1], model.get_layer(layer)
    before, behind = keras.Model(model.inputs, asked.output), keras.Model(asked.output, last.input)
    maps = before([image[None].astype("float32")], training=False)
    shift = tf.zeros(maps.shape[-1])
    with tf.GradientTape() as tape:
        tape.watch(shift)
        score = (behind(maps + shift, training=False) @ last.kernel)[0, k]
    heat = np.asarray(tf.nn.relu(tf.reduce_sum(maps * tape.gradient(score, shift), axis=-1)))[0]
    return heat / heat.max() if heat.max() > 0 else heat


def grad_cam_many_classes(model, layer, image, k):
    """The maps of all classes, of which one is returned."""
    last = model.layers[-1]
    part = keras.Model(model.inputs, [model.get_layer(layer).output, last.input])
    with tf.GradientTape(persistent=True) as tape:
        maps, features = part([np.asarray(image, "float32")[None]], training=False)
        scores = [score[0] for score in tf.split(features @ last.kernel, last.units, axis=1)]
    found = []
    for score in scores:
        weights = tf.reduce_mean(tape.gradient(score, maps), axis=(1, 2))
        heat = np.maximum(np.einsum("nijc,nc->ij", maps, weights), 0)
        found.append(heat / heat.max() if heat.max() > 0 else heat)
    return np.stack(found)[k]
