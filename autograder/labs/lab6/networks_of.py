"""The two networks of the lab, right and with one thing other than asked for: built from tables, by the course."""

#: The fully convolutional network: a word, a number of maps, a kernel.
FCN = (("c", 8, 3), ("p", 0, 2), ("c", 16, 3), ("p", 0, 2), ("c", 32, 3), ("u", 16, 2), ("u", 8, 2), ("o", 2, 1))


def fcn(table=FCN, side=None, unpadded=False, relu=("c",), end="", pooling="MaxPooling2D", extra=()):
    """Return the fully convolutional network.

    Parameters
    ----------
    table : sequence of tuple
        Its layers: convolutions ``c``, pooling ``p``, transposed convolutions ``u`` or ``v``, the last convolution
        ``o``, interpolation ``b``, a dense layer for each pixel ``d`` and the scale of bytes ``r``.
    side : int, optional
        Of images; any by default.
    unpadded : bool
        Whether convolutions shrink maps, and the end is padded.
    relu : sequence of str
        Behind which words ReLU stands.
    end : str
        What the last layer is activated with.
    pooling : str
    extra : sequence of str
        Words behind which batch normalization stands.

    Returns
    -------
    keras.Model
    """
    import keras

    kinds = keras.layers
    at = inputs = keras.Input((side, side, 3))
    for word, maps, size in table:
        if word == "c":
            at = kinds.Conv2D(maps, size, padding="valid" if unpadded else "same")(at)
            at = kinds.ZeroPadding2D(size // 2)(at) if unpadded == "late" else at
        elif word == "p":
            at = getattr(kinds, pooling)(size)(at)
        elif word in "uv":
            at = kinds.Conv2DTranspose(maps, size, size)(at)
        elif word == "r":
            at = kinds.Rescaling(1 / 127.5, -1)(at)
        elif word == "b":
            at = kinds.UpSampling2D(size, interpolation="bilinear")(at)
        elif word == "d":
            at = kinds.Dense(maps)(at)
        else:
            at = kinds.Conv2D(maps, size)(at)
        if word in extra:
            at = kinds.BatchNormalization()(at)
        if word in relu:
            at = kinds.Activation("relu")(at)
    return keras.Model(inputs, kinds.Activation(end)(at) if end else at)


def unet(joined=(True, True, True), maps=4, outputs=2, side=None, depth=3, end="", kept="before", softmax=False):
    """Return a small U-Net.

    Parameters
    ----------
    joined : sequence of bool
        Whether each skip connection is joined, that of the whole image first.
    maps : int
        In the first level.
    outputs : int
        Scores per pixel.
    side : int, optional
        Of images; any by default.
    depth : int
        How often the image is halved.
    end : str
        What the last layer is activated with.
    kept : {"before", "late", "behind", "image"}
        What is joined: maps from before pooling; from behind the way up, as if they were these; those behind pooling,
        before the way up; or the image, made smaller.
    softmax : bool
        Whether there is a softmax before the last convolution.

    Returns
    -------
    keras.Model
    """
    import keras

    kinds = keras.layers
    at = inputs = keras.Input((side, side, 3))

    def convolved(maps_in, count):
        return kinds.Conv2D(count, 3, activation="relu", padding="same")(maps_in)

    levels, pooled, images = [], [], [inputs]
    for level in range(depth):
        at = convolved(at, maps * 2**level)
        levels.append(at)
        at = kinds.AveragePooling2D(2)(at)
        pooled.append(at)
        images.append(kinds.AveragePooling2D(2)(images[-1]))
    at = convolved(at, maps * 2**depth)
    for level in reversed(range(depth)):
        if kept == "behind":
            at = kinds.concatenate([at, pooled[level]])
        up = kinds.Conv2DTranspose(maps * 2**level, 2, 2)(at)
        skip = {"late": kinds.Conv2D(maps, 1)(up), "before": levels[level], "image": images[level]}.get(kept)
        left_out = level < len(joined) and not joined[level]
        at = up if left_out or skip is None else kinds.concatenate([up, skip])
        at = convolved(at, maps * 2**level)
    at = kinds.Activation("softmax")(at) if softmax else at
    at = kinds.Conv2D(outputs, 1)(at)
    return keras.Model(inputs, kinds.Activation(end)(at) if end else at)
