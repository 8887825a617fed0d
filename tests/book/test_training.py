"""What the chapter theory/training prints, and its optimizers beside those of Keras."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax

from tests.book.pages import code_cells, of_page, outputs

NAME = "theory/training"


@pytest.fixture(scope="module")
def printed(site, soups):
    return outputs(site, soups, NAME)


@pytest.fixture(scope="module")
def optimizers():
    """The page's own classes."""
    space = {"np": np}
    for source in code_cells(NAME):
        if source.startswith("class "):
            exec(source, space)
    return space


def test_cross_entropy_and_its_gradient_are_tensorflows(printed):
    scores = tf.Variable([2.0, 1.0, -1.0])
    with tf.GradientTape() as tape:
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(0, scores)
    gradient = tape.gradient(loss, scores).numpy()
    assert float(re.search(r"^by hand: +([\d.]+)$", printed, re.MULTILINE)[1]) == pytest.approx(float(loss), abs=1e-4)
    for how in ("p - y", "finite differences"):
        shown = re.search(rf"^{how}: +\[([^\]]+)\]$", printed, re.MULTILINE)[1].split()
        np.testing.assert_allclose(np.array(shown, float), gradient, atol=2e-6)
    assert "right class 200 below the best: by softmax    inf, by log-sum-exp 200.00" in printed


def test_convolution_gradients_are_tensorflows(printed):
    x = tf.Variable(np.float32([1, 3, 2, 0, 4, 1])[None, :, None])
    w = tf.Variable(np.float32([1, -1, 2])[:, None, None])
    with tf.GradientTape() as tape:
        y = tf.nn.conv1d(x, w, 1, "VALID")[0, :, 0]
        loss = tf.reduce_sum((y - [1.0, 2.0, 8.0, 0.0]) ** 2) / 2
    for_w, for_x = (gradient.numpy().ravel().astype(int) for gradient in tape.gradient(loss, [w, x]))
    assert f"weights, by correlation:        {for_w}" in printed
    assert f"input, by convolution:          {for_x}" in printed
    # Every gradient on the page was checked by finite differences, and passed.
    errors = re.findall(r"largest gradient [\d.]+, largest error (\de-\d+)", printed)
    assert len(errors) == 4 and all(float(error) < 1e-8 for error in errors)


def test_one_step_of_gradient_descent_is_right(printed):
    slope, offset = tf.Variable(0.5), tf.Variable(0.0)
    x, y = tf.constant([1.0, 2.0, 4.0]), tf.constant([2.0, 3.0, 6.0])

    def loss():
        return tf.reduce_mean((slope * x + offset - y) ** 2) / 2

    with tf.GradientTape() as tape:
        before = loss()
    for variable, gradient in zip((slope, offset), tape.gradient(before, [slope, offset]), strict=True):
        variable.assign_sub(0.1 * gradient)
    assert (
        f"loss:               {float(before):.3f}" in printed and f"new loss:           {float(loss()):.3f}" in printed
    )
    assert f"after the step:     slope {float(slope):.3f}  offset {float(offset):.2f}" in printed


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("SGD", keras.optimizers.SGD),
        ("Momentum", lambda rate: keras.optimizers.SGD(rate, momentum=0.9)),
        # Keras adds this epsilon under the root.
        ("RMSProp", lambda rate: keras.optimizers.RMSprop(rate, rho=0.9, epsilon=1e-14)),
        ("Adam", keras.optimizers.Adam),
    ],
)
def test_optimizers_step_as_kerass_do(optimizers, name, theirs):
    rng = np.random.default_rng(7)
    ours, theirs = optimizers[name](0.05), theirs(0.05)
    place, variable = np.array([1.0, -2.0, 0.5]), keras.Variable([1.0, -2.0, 0.5])
    for step in range(30):
        # Of very different sizes from weight to weight, and changing.
        gradient = rng.normal(size=3) * [10, 1, 0.05] + 0.1 * step
        theirs.apply([gradient.astype(np.float32)], [variable])
        place = place + ours.change(gradient)
        np.testing.assert_allclose(variable.numpy(), place, rtol=1e-4, atol=2e-5, err_msg=f"step {step}")


def test_bias_correction_makes_the_first_step_as_long_as_the_rate(optimizers, printed):
    for gradient in (1e3, -1.0, 1e-3):
        change = optimizers["Adam"](0.1).change(gradient)
        assert change == pytest.approx(-0.1 * np.sign(gradient), rel=1e-3)
    # Without it: (1 - β₁) / √(1 - β₂) times as long.
    assert (
        f"step 1: gradient  4.0, m  0.400, v 0.0160, change -0.1000, without correction {-0.1 * 0.1 / 0.001**0.5:.4f}"
        in (printed)
    )


def test_race_of_plain_descent_is_the_closed_form(printed):
    line = re.search(r"^SGD +rates and steps: (.*)$", printed, re.MULTILINE)[1].split()
    assert len(line) == 10
    n = np.arange(1000)
    for rate, steps in zip(line[::2], line[1::2], strict=True):
        heights = sum(c / 2 * (start * (1 - float(rate) * c) ** n) ** 2 for c, start in ((1.0, -8.0), (50.0, 1.5)))
        assert int(steps) == np.flatnonzero(heights > heights[0] / 1000)[-1] + 1
    # In the turned bowl only the ways with a rate for each axis do otherwise.
    turned = re.findall(r"^(\w+) +(\d+) steps before, (.*) now$", printed, re.MULTILINE)
    assert {name: before == now for name, before, now in turned} == {
        "SGD": True,
        "Momentum": True,
        "RMSProp": False,
        "Adam": False,
    }


def test_network_for_the_digits_has_tensorflows_gradients():
    space = {}
    exec("import numpy as np\nfrom scipy.special import logsumexp, softmax", space)
    (source,) = [source for source in code_cells(NAME) if "def loss_and_gradients" in source]
    parts = re.split(r"^(?=def )", source, flags=re.MULTILINE)
    exec(next(part for part in parts if part.startswith("def first_weights")), space)
    exec(next(part for part in parts if part.startswith("def loss_and_gradients")).partition("\nweights,")[0], space)
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(9, 64)), rng.integers(0, 10, 9)
    weights = [w + 0.1 * rng.normal(size=w.shape) for w in space["first_weights"](1, hidden=6)]
    variables = [tf.Variable(w) for w in weights]
    with tf.GradientTape() as tape:
        scores = tf.nn.relu(x @ variables[0] + variables[1]) @ variables[2] + variables[3]
        expected = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, scores))
    loss, gradients = space["loss_and_gradients"](weights, x, y)
    assert loss == pytest.approx(float(expected), rel=1e-12)
    for ours, theirs in zip(gradients, tape.gradient(expected, variables), strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-12)


def test_sizes_through_layers_follow_the_formula(printed):
    found = re.findall(r"σ = ([\d.]+): factor ([\d.]+) in each layer \(formula ([\d.]+)\)", printed)
    assert len(found) == 4
    for deviation, measured, formula in (map(float, row) for row in found):
        assert formula == pytest.approx(deviation * (256 / 2) ** 0.5, abs=0.011)
        assert measured == pytest.approx(formula, rel=0.05)
    falls = dict(re.findall(r"^(\w+), \w+ +the gradient at the first layer is (\S+) of", printed, re.MULTILINE))
    assert float(falls["sigmoid"]) < 1e-10 < 0.01 < float(falls["tanh"]) < 0.5 < float(falls["ReLU"]) < 2


def test_mistakes_with_losses_are_as_the_page_says(printed):
    assert f"the best loss after a second softmax, ten classes: {-log_softmax(np.eye(10)[0])[0]:.3f}" in printed
    forms = re.findall(r"^(\w*categorical_crossentropy) +(integers|one-hot) +(.+)$", printed, re.MULTILINE)
    wrong = {(name, form) for name, form, what in forms if "Error" in what}
    assert wrong == {("categorical_crossentropy", "integers"), ("sparse_categorical_crossentropy", "one-hot")}
    # Scores taken for probabilities: right and wrong look the same, and perfect.
    told = re.findall(r"from_logits=(\w+) *: Keras says ([\d.]+)", printed)
    assert [value for flag, value in told if flag == "False"] == ["0.000", "0.000"]
    assert len({value for flag, value in told if flag == "True"}) == 2


def test_rates_on_the_page_are_those_that_were_chosen(site, soups, printed):
    best = dict(re.findall(r"^(\w+) +best rate +([\d.]+), loss at the end", printed, re.MULTILINE))
    text = " ".join(of_page(site, soups, NAME).find("article").get_text().split())
    assert f"{best['SGD']} for plain gradient descent, {best['Adam']} for Adam" in text
    assert float(best["Adam"]) < float(best["SGD"])
