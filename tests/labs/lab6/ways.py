"""Right ways to write each function of lab 6, in several styles. No package that students get may hold one."""

from tests.labs.lab6 import more_ways, ways_of_augmenting, ways_of_soft_dice, ways_of_splits

# Networks.


def fcn_functional():
    import keras
    from keras import layers

    x = h = keras.Input((None, None, 3), name="tissue")
    for k, maps in enumerate([8, 16, 32]):
        if k:
            h = layers.MaxPooling2D((2, 2))(h)
        h = layers.ReLU()(layers.Conv2D(maps, (3, 3), padding="same")(h))
    for maps in [16, 8]:
        h = layers.Conv2DTranspose(maps, 2, 2)(h)
    model = keras.Model(x, layers.Conv2D(2, 1, name="scores")(h))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def fcn_padded():
    import keras
    from keras import layers

    model = keras.Sequential([keras.Input(shape=(None, None, 3))])
    for maps in (8, 16, 32):
        model.add(layers.ZeroPadding2D(1))
        model.add(layers.Conv2D(maps, 3))
        model.add(layers.Activation("relu"))
        if maps < 32:
            model.add(layers.MaxPool2D())
    model.add(layers.Conv2DTranspose(16, (2, 2), strides=(2, 2), padding="same"))
    model.add(layers.Conv2DTranspose(8, (2, 2), strides=(2, 2), padding="valid"))
    model.add(layers.Conv2D(2, (1, 1), padding="same"))
    return model


def unet_plain():
    import keras
    from keras import layers

    x = h = keras.Input((None, None, 3))
    kept = []
    for maps in (4, 8, 12):
        h = layers.Conv2D(maps, 3, padding="same", activation="relu")(h)
        kept.append(h)
        h = layers.MaxPooling2D()(h)
    h = layers.Conv2D(16, 3, padding="same", activation="relu")(h)
    for maps, skip in zip((12, 8, 4), kept[::-1], strict=True):
        h = layers.concatenate([layers.UpSampling2D()(h), skip])
        h = layers.Conv2D(maps, 3, padding="same", activation="relu")(h)
    return keras.Model(x, layers.Conv2D(2, 1)(h))


def unet_deep():
    """Strided convolutions, normalization, sums in place of joins, interpolation, a model for each block."""
    import keras
    from keras import layers

    def block(channels, maps):
        return keras.Sequential(
            [
                keras.Input((None, None, channels)),
                layers.Conv2D(maps, 3, padding="same", use_bias=False),
                layers.BatchNormalization(),
                layers.LeakyReLU(0.1),
                layers.SpatialDropout2D(0.1),
            ]
        )

    x = keras.Input((None, None, 3))
    h, kept = block(3, 6)(x), []
    for _ in range(3):
        kept.append(h)
        h = layers.Conv2D(6, 3, strides=2, padding="same")(h)
        h = block(6, 6)(h)
    for skip in reversed(kept):
        h = layers.UpSampling2D(interpolation="bilinear")(h)
        h = block(6, 6)(layers.Add()([layers.Conv2D(6, 1)(h), skip]))
    model = keras.Model(x, layers.Conv2D(2, 1)(h))
    model.compile("sgd", "mse")
    return model


def unet_gated():
    """What is joined is weighed: each map by a number made of all of it, and each place by what comes up."""
    import keras
    from keras import layers

    def weighed(skip, up, maps):
        each = layers.Dense(maps, "sigmoid")(
            layers.Dense(3, "relu")(layers.GlobalAveragePooling2D(keepdims=True)(skip))
        )
        place = layers.Add()([layers.Conv2D(5, 1)(up), layers.Conv2D(5, 1)(skip)])
        place = layers.Conv2D(1, 1, activation="sigmoid")(layers.ReLU()(place))
        return layers.Multiply()([layers.Multiply()([skip, each]), place])

    x = h = keras.Input((None, None, 3))
    down = []
    for maps in (4, 5, 6):
        h = layers.SeparableConv2D(maps, 3, padding="same", activation="gelu")(h)
        down.append((maps, h))
        h = layers.AveragePooling2D(2)(h)
    h = layers.Conv2D(7, 3, padding="same", activation="gelu")(h)
    for maps, skip in reversed(down):
        h = layers.Conv2DTranspose(maps, 4, strides=2, padding="same")(h)
        h = layers.LayerNormalization()(layers.Concatenate()([weighed(skip, h, maps), h]))
        h = layers.Conv2D(maps, 3, padding="same", activation="gelu")(h)
    return keras.Model(x, layers.Conv2D(2, 1)(h))


def unet_inside():
    import keras

    return keras.Sequential([keras.Input((None, None, 3)), unet_plain()])


WAYS = {
    "dice": more_ways.DICE,
    "pixel_cross_entropy": more_ways.CROSS_ENTROPY,
    "soft_dice_loss": ways_of_soft_dice.WAYS,
    "split": ways_of_splits.WAYS,
    "augment": ways_of_augmenting.WAYS,
    "build_fcn": {"functional": fcn_functional, "padded": fcn_padded},
    "build_unet": {"plain": unet_plain, "deep": unet_deep, "gated": unet_gated, "inside": unet_inside},
    "should_stop": more_ways.STOP,
}
