"""What the chapter theory/keras prints, compared with formulas and with what TensorFlow computes by itself."""

import math
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.book.pages import code_cells, of_page

NAME = "theory/keras"


def found(pattern, printed):
    """Return what a line holds, as text; the line must be there once."""
    (match,) = re.findall(pattern, printed, re.MULTILINE)
    return match


def function(name):
    """Return a function of the page."""
    space = {"keras": keras, "tf": tf, "np": np, "layers": layers, "json": __import__("json")}
    (source,) = [cell for cell in code_cells(NAME) if re.search(rf"^def {name}\(", cell, re.MULTILINE)]
    body = re.search(rf"^def {name}\(.*?(?=^\S|\Z)", source, re.MULTILINE | re.DOTALL)
    exec(body[0], space)
    return space[name]


def test_question_of_the_first_picture_is_answered_by_the_formula(printed, text):
    convolution, last = 16 * (3 * 3 + 1), 16 * (3 * 3 * 16 + 1)
    one, two = convolution + last + 17, 2 * (convolution + last) + 17
    assert found(r"^one reader for both: +([\d,]+) parameters$", printed) == f"{one:,}"
    assert found(r"^a reader for each: +([\d,]+) parameters$", printed) == f"{two:,}"
    assert f"This answers the question above: {one:,}, and {two:,} with two readers" in text


def test_arrows_of_the_pictures_are_those_of_the_model():
    first, second = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    shared = layers.Dense(3, name="shared")
    joined = layers.Concatenate(name="joined")([shared(first), shared(second), first])
    model = keras.Model([first, second], layers.Dense(1, name="out")(joined))
    pairs = function("arrows")(model)
    assert sorted(pairs) == sorted(
        [("a", "shared"), ("b", "shared"), *[("shared", "joined")] * 2, ("a", "joined"), ("joined", "out")]
    )


def test_layers_that_are_shared_by_accident_are_counted(printed):
    one = 16 * (3 * 3 * 16 + 1)
    assert found(r"^\[block\(16\)\] \* 3: +([\d,]+) parameters", printed) == f"{one:,}"
    assert found(r"^\[block\(16\) for .*: +([\d,]+) parameters", printed) == f"{3 * one:,}"


def test_loss_of_two_outputs_is_their_weighted_sum(printed):
    digit, total, odd = map(
        float, found(r"\{'digit_loss': ([\d.]+), 'loss': ([\d.]+), 'odd_loss': ([\d.]+)\}", printed)
    )
    assert total == pytest.approx(digit + 0.3 * odd, abs=2e-4)
    assert float(found(r"^digit \+ 0.3 odd: ([\d.]+)$", printed)) == pytest.approx(total, abs=2e-4)


def test_scores_and_probabilities_are_what_keras_makes_of_them(printed):
    rows = re.findall(r"^(\S.*?) +loss +([\d.]+)(?:, gradient +(-?\d+))?(, with a warning)?$", printed, re.MULTILINE)
    said = {name: (float(loss), gradient and int(gradient), bool(warned)) for name, loss, gradient, warned in rows}
    scores = tf.constant([[0.0, 200.0, 0.0]])
    exact = float(tf.nn.sparse_softmax_cross_entropy_with_logits([0], scores)[0])
    cut = -math.log(1e-7)
    again = float(tf.nn.sparse_softmax_cross_entropy_with_logits([0], tf.nn.softmax(scores))[0])
    assert said == {
        "scores, from_logits=True": (exact, -1, False),
        "scores, from_logits=False": (pytest.approx(cut, abs=0.01), 0, False),
        "softmax layer, from_logits=False": (exact, -1, False),
        "softmax layer, from_logits=True": (exact, -1, True),
        "softmax layer, then another layer, False": (pytest.approx(cut, abs=0.01), 0, False),
        "predicted probabilities, False": (pytest.approx(cut, abs=0.01), "", False),
        "predicted probabilities, True": (pytest.approx(again, abs=0.01), "", False),
    }
    assert (round(exact, 1), round(cut, 1)) == (200.0, 16.1)


def test_callbacks_leave_the_weights_that_the_page_says(printed):
    line = r"^(no callback|stopped.*?) +(\d+) epochs, best after (\d+): ([\d.]+); loss of the network: ([\d.]+)$"
    rows = re.findall(line, printed, re.MULTILINE)
    said = {name: (int(epochs), int(best), float(least), float(left)) for name, epochs, best, least, left in rows}
    whole, stopped, restored = (said[name] for name in ("no callback", "stopped", "stopped and restored"))
    assert whole[0] == 40 and stopped[:3] == restored[:3] and stopped[0] == stopped[1] + 8 < 40
    assert restored[3] == restored[2] < stopped[3] and whole[3] > whole[2]
    assert float(found(r"^loss of the weights from the file: ([\d.]+)$", printed)) == restored[3]
    assert found(r"^epochs: (\d+)$", printed) == "4"
    assert "Early stopping conditioned on metric `val_loss` which is not available." in printed


def test_schedules_count_steps_and_the_callback_epochs(printed):
    right = found(r"^10 epochs, in steps +(.*) … at the start of epochs$", printed).split()
    assert [float(r) for r in right] == pytest.approx(
        [0.05 * (1 + math.cos(math.pi * k / 10)) for k in range(5)], abs=6e-4
    )
    assert found(r"^10, meant as epochs +(.*) … at the start of epochs$", printed).split() == ["0.100", *["0.000"] * 4]
    assert found(r"^0.1 · 0.5\^epoch: +(.*)$", printed).split() == ["0.100", "0.050", "0.025", "0.013", "0.006"]
    compounded = found(r"^rate · 0.5\^epoch: +(.*)$", printed).split()
    assert [float(r) for r in compounded] == pytest.approx(
        [0.1 * 0.5 ** (k * (k + 1) // 2) for k in range(5)], abs=6e-6
    )


def test_a_network_is_saved_read_back_and_refused_with_code(printed):
    assert "files: model.json model.weights.h5" in printed and "same answers: True" in printed
    assert "compiled, with Adam" in printed and "steps of the optimizer: 32 before, 0 now" in printed
    assert "a warning: Skipping variable loading for optimizer" in printed
    assert "in the archive: metadata.json config.json model.weights.h5" in printed
    weights, kept = (
        int(number.replace(",", ""))
        for number in found(r"^numbers in the weights ([\d,]+), in the optimizer ([\d,]+)$", printed)
    )
    # Adam's two averages, and its rate and its count of steps.
    assert kept == 2 * weights + 2
    assert re.search(r"^Lambda .*code", printed, re.MULTILINE)
    assert "ValueError: Requested the deserialization of a `Lambda` layer" in printed


def test_the_loop_of_the_page_trains_as_fit_does():
    train = function("train")
    (source,) = [cell for cell in code_cells(NAME) if cell.startswith("def train(")]
    assert len(source.strip().splitlines()) == 10, "the text says ten lines"
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 6)).astype("float32"), rng.integers(0, 3, 50)

    def network():
        keras.utils.set_random_seed(5)
        return keras.Sequential(
            [
                keras.Input((6,)),
                layers.Dense(8, use_bias=False, kernel_regularizer=keras.regularizers.L2(0.5)),
                layers.BatchNormalization(),
                layers.Dense(3, activation="softmax"),
            ]
        )

    loss = keras.losses.SparseCategoricalCrossentropy()
    fitted, looped = network(), network()
    fitted.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss)
    fitted.fit(x, y, batch_size=20, epochs=3, shuffle=False, verbose=0)
    train(looped, keras.optimizers.SGD(0.1, momentum=0.9), loss, x, y, batch=20, epochs=3)
    for ours, theirs, first in zip(looped.get_weights(), fitted.get_weights(), network().get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
        assert np.abs(theirs - first).max() > 1e-3, "each of them moved"


def test_steps_of_both_libraries_are_those_of_the_formulas(printed):
    for name, shrink in {"PyTorch, weight_decay=λ": 1, r"Keras, L2\(λ / 2\)": 1, r"Keras, L2\(λ\)": 2}.items():
        assert float(found(rf"^{name}: +([\d.]+)$", printed)) == pytest.approx(0.8 - 0.1 * (0.3 + shrink * 0.05 * 0.8))
    assert "Adam(weight_decay) is AdamW in Keras: True" in printed
    moves = re.findall(r"^rate +([\d.]+): PyTorch moves +(-[\d.]+), Keras +(-[\d.]+)$", printed, re.MULTILINE)
    torch, kept = 0.0, 0.0
    assert len(moves) == 6
    for rate, by_torch, by_keras in (map(float, move) for move in moves):
        torch, kept = 0.9 * torch + 1, 0.9 * kept - rate
        assert (by_torch, by_keras) == (pytest.approx(-rate * torch, abs=6e-4), pytest.approx(kept, abs=6e-4))
    mean, variance = map(float, found(r"^Keras, momentum +0.9: +mean ([\d.]+), variance ([\d.]+)$", printed))
    assert (mean, variance) == (pytest.approx(0.3), pytest.approx(0.9 + 0.1 * 14 / 3, abs=6e-4))
    mean, variance = map(float, found(r"^PyTorch, momentum 0.1: +mean ([\d.]+), variance ([\d.]+)$", printed))
    assert (mean, variance) == (pytest.approx(0.3), pytest.approx(0.9 + 0.1 * 7, abs=6e-4))
    assert re.search(r"^frozen, called with training=True: .*averages moved: False$", printed, re.MULTILINE)


def test_first_weights_and_first_steps_are_those_of_the_formulas(printed):
    bound, largest = map(float, found(r"^PyTorch: up to 1 / √300 = ([\d.]+); VarianceScaling: ([\d.]+)$", printed))
    assert largest == pytest.approx(bound, rel=1e-3) == pytest.approx(300**-0.5, rel=1e-2)
    assert float(found(r"^Keras' default: +([\d.]+)$", printed)) == pytest.approx((6 / 500) ** 0.5, rel=1e-3)
    root = 1e-7 * 0.001**0.5
    for name, epsilon in {"Keras' default": 1e-7, "Keras with ε = 1e-8": 1e-8}.items():
        # m and the root of v before the correction, and what the correction multiplies the rate by.
        expected = (0.001**0.5 / 0.1) * 1e-8 / (root + epsilon)
        assert float(found(rf"^{name} +first step: ([\d.]+) of the rate$", printed)) == pytest.approx(
            expected, rel=0.02
        )
    assert float(found(r"^PyTorch +first step: ([\d.]+) of the rate$", printed)) == pytest.approx(1 / 1.1, abs=6e-4)


def test_padded_crops_are_not_what_they_seem(printed):
    said = dict(re.findall(r"^((?:crop|translation): .*?): +(.*)$", printed, re.MULTILINE))
    assert said == {
        "crop: all images of a batch move alike": "True",
        "crop: size in training and in prediction": "(32, 32) (40, 40)",
        "translation: all images of a batch move alike": "False",
        "translation: predictions are left alone": "True",
    }
    assert "crop, then Flatten: ValueError" in printed
    assert "crop, then GlobalAveragePooling2D: predicts (3, 2)" in printed


def test_every_difference_between_the_libraries_is_in_the_table(site, soups):
    (table,) = [
        each for each in of_page(site, soups, NAME).select("article table") if "PyTorch" in each.find("th").get_text()
    ]
    rows = {row.select("td")[0].get_text(): row.select("td")[1].get_text() for row in table.select("tbody tr")}
    expected = {
        "CrossEntropyLoss": "SparseCategoricalCrossentropy with from_logits=True",
        "(B, C, H, W)": "(B, H, W, C)",
        "Dropout2d": "SpatialDropout2D",
        "momentum=0.1, eps=1e-5": "momentum=0.9, epsilon=1e-5",
        "SGD(…, weight_decay=λ)": "L2(λ / 2)",
        "first weights": "VarianceScaling(1 / 3",
        "eps=1e-8": "epsilon=1e-8",
        "ConvTranspose2d": "Conv2DTranspose(K, 2, strides=2)",
        "RandomCrop(32, padding=4)": "RandomTranslation",
        "model.eval()": "training=False",
        "torch.no_grad()": "no",
        "requires_grad = False": "trainable = False",
    }
    for torch, theirs in expected.items():
        assert [right for left, right in rows.items() if torch in left and theirs in right], torch


def test_defaults_in_the_table_are_those_of_this_keras(text):
    normalization = layers.BatchNormalization()
    assert (normalization.momentum, normalization.epsilon) == (0.99, 1e-3)
    assert keras.optimizers.Adam().epsilon == 1e-7 and keras.optimizers.AdamW().weight_decay == 0.004
    assert isinstance(layers.Dense(3).kernel_initializer, keras.initializers.GlorotUniform)
    for default in ("0.99 and 1e-3", "Keras’ default is 1e-7", "Keras’ default is 0.004"):
        assert default in text.replace("'", "’"), default


def test_answers_to_the_exercises_are_confirmed_by_their_code(printed, text):
    assert found(r"^shared: +([\d,]+)$", printed) == "2,130" and found(r"^separate: +([\d,]+)$", printed) == "5,170"
    assert (
        "class 1, probability 0: Keras says 16.12" in printed and "class 0, probability 1: Keras says 15.94" in printed
    )
    assert "1 - ε in float32 is 1 less 2 times 2^-24" in printed
    assert "L2(0.00025), decay_steps=7,040; in the last step 8 images" in printed
    assert "gradient of the penalty at w = 1: 0.0005" in printed
    assert "total 0.50, gradient -0.10" in printed
    assert "unchanged: moving_mean moving_variance" in printed
    assert text.count("Show the code that confirms it") == 5
