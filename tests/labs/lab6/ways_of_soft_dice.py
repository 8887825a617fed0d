"""Right ways to write the soft Dice loss, with operations of Keras and of TensorFlow."""


def soft_sums(masks, p):
    from keras import ops

    both = ops.sum(masks * p, axis=[1, 2])
    sizes = ops.sum(masks, axis=[1, 2]) + ops.sum(p, axis=[1, 2])
    return ops.mean(1.0 - (2.0 * both + 1e-6) / (sizes + 1e-6))


def soft_flat(masks, p):
    """Flattened first, and with another small number that matters as little."""
    import keras

    rows = keras.ops.shape(p)[0]
    g, q = (keras.ops.reshape(one, (rows, -1)) for one in (masks, p))
    shared = keras.ops.einsum("np,np->n", g, q)
    whole = keras.ops.sum(g, 1) + keras.ops.sum(q, 1)
    return 1 - keras.ops.mean((2 * shared + 1e-7) / (whole + 1e-7))


def soft_counted(masks, p):
    import tensorflow as tf

    found = []
    for k in range(p.shape[0]):
        wrong = tf.reduce_sum((1 - masks[k]) * p[k]) + tf.reduce_sum(masks[k] * (1 - p[k]))
        right = tf.reduce_sum(masks[k] * p[k])
        found.append(wrong / (2 * right + wrong + 1e-6))
    return tf.reduce_mean(tf.stack(found))


def soft_loop(masks, p):
    from keras import ops

    total = 0.0
    for g, q in zip(ops.unstack(masks), ops.unstack(p), strict=True):
        total = total + 1 - (2 * ops.sum(g * q) + 1e-6) / (ops.sum(g) + ops.sum(q) + 1e-6)
    return total / len(p)


def soft_einsum(masks, p):
    from keras import ops

    shared = ops.einsum("nij,nij->n", masks, p)
    sizes = ops.einsum("nij->n", masks) + ops.einsum("nij->n", p)
    return ops.mean((sizes - 2 * shared) / (sizes + 1e-6))


def soft_means(masks, p):
    """Means in the place of sums: then the small number is one of a pixel."""
    from keras import ops

    tiny = 1e-6 / (p.shape[1] * p.shape[2])
    above = 2 * ops.mean(masks * p, axis=(1, 2)) + tiny
    below = ops.mean(masks, axis=(1, 2)) + ops.mean(p, axis=(1, 2)) + tiny
    return ops.mean(1 - above / below)


def soft_matmul(masks, p):
    from keras import ops

    count = len(p)
    g, q = ops.reshape(masks, (count, 1, -1)), ops.reshape(p, (count, -1, 1))
    shared = ops.matmul(g, q)[:, 0, 0]
    sizes = ops.sum(g, axis=(1, 2)) + ops.sum(q, axis=(1, 2))
    return ops.mean(1 - (2 * shared + 1e-6) / (sizes + 1e-6))


def soft_where(masks, p):
    from keras import ops

    shared = ops.sum(ops.where(masks > 0.5, p, 0.0), axis=(-2, -1))
    sizes = ops.sum(p, axis=(-2, -1)) + ops.sum(masks, axis=(-2, -1))
    return 1 - ops.mean((2 * shared + 1e-6) / (sizes + 1e-6))


def soft_minimum(masks, p):
    from keras import ops

    shared = ops.sum(ops.minimum(masks, p), axis=(1, 2))
    either = ops.sum(ops.maximum(masks, p), axis=(1, 2))
    return ops.mean(1 - (2 * shared + 1e-6) / (shared + either + 1e-6))


def soft_squares(masks, p):
    import tensorflow as tf

    together = tf.reduce_sum((masks + p) ** 2 - masks**2 - p**2, axis=(1, 2))
    sizes = tf.reduce_sum(masks + p, axis=(1, 2))
    return tf.reduce_mean(1 - (together + 1e-6) / (sizes + 1e-6))


def soft_no_nan(masks, p):
    """The case of two empty masks by itself."""
    import tensorflow as tf

    sizes = tf.reduce_sum(masks, [1, 2]) + tf.reduce_sum(p, [1, 2])
    coefficient = tf.math.divide_no_nan(2 * tf.reduce_sum(masks * p, [1, 2]), sizes)
    return tf.reduce_mean(tf.where(sizes > 0, 1 - coefficient, 0.0))


def soft_map(masks, p):
    import tensorflow as tf

    def of_image(pair):
        g, q = pair
        return 1 - (2 * tf.reduce_sum(g * q) + 1e-6) / (tf.reduce_sum(g + q) + 1e-6)

    return tf.reduce_mean(tf.map_fn(of_image, (masks, p), fn_output_signature=tf.float32))


def soft_segments(masks, p):
    import tensorflow as tf

    count, pixels = p.shape[0], p.shape[1] * p.shape[2]
    image = tf.repeat(tf.range(count), pixels)
    g, q = tf.reshape(masks, [-1]), tf.reshape(p, [-1])
    shared, sizes = tf.math.segment_sum(g * q, image), tf.math.segment_sum(g + q, image)
    return tf.reduce_mean(1 - (2 * shared + 1e-6) / (sizes + 1e-6))


def soft_pooling(masks, p):
    import tensorflow as tf

    size = masks.shape[1] * masks.shape[2]
    parts = tf.stack([masks * p, masks, p], axis=-1)
    shared, g, q = tf.unstack(size * tf.nn.avg_pool2d(parts, parts.shape[1:3], 1, "VALID")[:, 0, 0], axis=-1)
    return tf.reduce_mean(1 - (2 * shared + 1e-6) / (g + q + 1e-6))


def soft_recursive(masks, p):
    from keras import ops

    if len(p) > 1:
        rest = soft_recursive(masks[1:], p[1:])
        return (soft_recursive(masks[:1], p[:1]) + (len(p) - 1) * rest) / len(p)
    return 1 - (2 * ops.sum(masks * p) + 1e-6) / (ops.sum(masks) + ops.sum(p) + 1e-6)


def soft_products(masks, p):
    """The products of every mask with every image, of which the diagonal counts."""
    from keras import ops

    g, q = ops.reshape(masks, (len(masks), -1)), ops.reshape(p, (len(p), -1))
    shared = ops.diagonal(ops.matmul(g, ops.transpose(q)))
    return ops.mean(1 - (2 * shared + 1e-6) / (ops.sum(g, 1) + ops.sum(q, 1) + 1e-6))


def soft_cumulated(masks, p):
    import tensorflow as tf

    rows = tf.reshape(tf.stack([masks * p, masks + p]), [2, len(p), -1])
    shared, sizes = tf.unstack(tf.cumsum(rows, axis=-1)[..., -1])
    return tf.reduce_mean(1 - (2 * shared + 1e-6) / (sizes + 1e-6))


def soft_tversky(masks, p):
    from keras import ops

    right = ops.sum(masks * p, axis=(1, 2))
    too_much = ops.sum((1 - masks) * p, axis=(1, 2))
    missed = ops.sum(masks * (1 - p), axis=(1, 2))
    return ops.mean(1 - (right + 5e-7) / (right + 0.5 * too_much + 0.5 * missed + 5e-7))


def soft_union(masks, p):
    """By way of intersection over union."""
    from keras import ops

    shared = ops.sum(masks * p, axis=(1, 2))
    union = ops.sum(masks + p - masks * p, axis=(1, 2))
    quotient = (shared + 5e-7) / (union + 5e-7)
    return ops.mean((1 - quotient) / (1 + quotient))


def soft_logarithms(masks, p):
    from keras import ops

    above = ops.log(2 * ops.sum(masks * p, axis=(1, 2)) + 1e-6)
    below = ops.log(ops.sum(masks, axis=(1, 2)) + ops.sum(p, axis=(1, 2)) + 1e-6)
    return ops.mean(1 - ops.exp(above - below))


def soft_norms(masks, p):
    import tensorflow as tf

    g, q = (tf.reshape(one, [len(p), -1]) for one in (masks, p))
    sizes = tf.norm(g, ord=1, axis=1) + tf.norm(q, ord=1, axis=1)
    return 1 - tf.reduce_mean((2 * tf.norm(g * q, ord=1, axis=1) + 1e-6) / (sizes + 1e-6))


def soft_picked(masks, p):
    """The probabilities where a mask has a gland, picked out."""
    import tensorflow as tf

    losses = []
    for k in range(len(p)):
        inside = tf.reduce_sum(tf.boolean_mask(p[k], masks[k] > 0.5))
        sizes = tf.math.count_nonzero(masks[k], dtype=tf.float32) + tf.reduce_sum(p[k])
        losses.append(1 - (2 * inside + 1e-6) / (sizes + 1e-6))
    return tf.add_n(losses) / len(losses)


def soft_taken(masks, p):
    """Images taken one by one: their gradient comes as a part of that of all."""
    from keras import ops

    def of_image(k):
        g, q = ops.take(masks, k, axis=0), ops.take(p, k, axis=0)
        return (2 * ops.sum(g * q) + 1e-6) / (ops.sum(g) + ops.sum(q) + 1e-6)

    return 1 - sum(of_image(k) for k in range(len(p))) / len(p)


def soft_rows(masks, p):
    """Rows first, then columns."""
    from keras import ops

    def of_images(x):
        return ops.sum(ops.sum(x, axis=2), axis=1)

    below = of_images(masks) + of_images(p) + 1e-6
    return ops.mean(1 - (of_images(2 * masks * p) + 1e-6) / below)


def soft_moved(masks, p):
    """Images as the last axis."""
    from keras import ops

    g, q = ops.moveaxis(masks, 0, -1), ops.moveaxis(p, 0, -1)
    shared = ops.tensordot(ops.ones(q.shape[:2]), g * q, 2)
    sizes = ops.tensordot(ops.ones(q.shape[:2]), g + q, 2)
    return ops.sum(1 - (2 * shared + 1e-6) / (sizes + 1e-6)) / q.shape[-1]


WAYS = {
    name.removeprefix("soft_").replace("_", " "): way
    for name, way in list(globals().items())
    if name.startswith("soft_")
}
