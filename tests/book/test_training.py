"""What the chapter theory/training prints, and its optimizers beside those of Keras."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax

from book.stored import DATA, read_lines
from tests.book.pages import code_cells, of_page

NAME = "theory/training"


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


def test_loss_of_a_report_is_told_apart_by_its_numbers(printed):
    found = re.search(r"a softmax twice: no loss below ([\d.]+), and ([\d.]+) was reported", printed).groups()
    floor, reported = map(float, found)
    assert floor == pytest.approx(np.log(np.e + 9) - 1, abs=6e-4) and reported == 0.7944 < floor
    alpha = float(re.search(r"the usual 0.1; it would take ([\d.]+)", printed)[1])
    label = np.eye(10)[0] * (1 - alpha) + alpha / 10
    assert -np.sum(label * np.log(label)) == pytest.approx(reported, abs=0.02)
    rows = re.findall(r"λ = [\d.]+: training (\d+)% right, loss ([\d.]+) \+ penalty ([\d.]+) = ([\d.]+); new", printed)
    assert len(rows) == 3
    for right, loss, penalty, total in (map(float, row) for row in rows):
        assert right > 98 and loss + penalty == pytest.approx(total, abs=0.011)
    assert total == pytest.approx(reported, abs=0.1)


def test_rates_on_the_page_are_those_that_were_chosen(site, soups, printed):
    best = dict(re.findall(r"^(\w+) +best rate +([\d.]+), loss at the end", printed, re.MULTILINE))
    text = " ".join(of_page(site, soups, NAME).find("article").get_text().split())
    assert f"{best['SGD']} for plain gradient descent, {best['Adam']} for Adam" in text
    assert float(best["Adam"]) < float(best["SGD"])


def number(pattern, printed):
    """Return what a line holds, as numbers; the line must be there once."""
    (match,) = re.findall(pattern, printed, re.MULTILINE)
    return float(match) if isinstance(match, str) else tuple(map(float, match))


def test_adams_steps_do_not_shrink_by_themselves(printed):
    same = number(r"^always the same +first step ([\d.]+), around .*: ([\d.]+) ([\d.]+) ([\d.]+)$", printed)
    assert same == (1, 1, 1, 1)
    first, *later = number(r"^signs by coin +first step ([\d.]+), around .*: ([\d.]+) ([\d.]+) ([\d.]+)$", printed)
    # The standard deviation of a running average of signs, in the long run.
    assert first == 1 and later == pytest.approx([(0.1 / 1.9) ** 0.5] * 3, abs=0.011)
    for name in ("SGD", "Adam"):
        epochs = number(rf"^{name} +epochs 1, 2, 4 and 8: ([\d.]+) ([\d.]+) ([\d.]+) ([\d.]+)$", printed)
        assert list(epochs) == sorted(epochs, reverse=True)


def test_a_rate_of_one_bears_large_batches_only(printed):
    ends = {
        batch: number(rf"^batches of +{batch}: rate 1.0: loss ([\d.]+) +rate 0.1: loss ([\d.]+)", printed)
        for batch in (1000, 100, 10)
    }
    assert ends[1000][0] < ends[1000][1] and ends[10][0] > ends[10][1] and ends[10][0] > 1


def test_distance_that_noise_leaves_is_the_formulas(printed):
    rows = re.findall(r"^rate +([\d.]+): distance at the end ([\d.]+), by the formula ([\d.]+)$", printed, re.MULTILINE)
    assert len(rows) == 3
    for rate, measured, formula in (map(float, row) for row in rows):
        assert formula == pytest.approx((rate / (2 - rate)) ** 0.5, abs=6e-4)
        # The smallest has not arrived: 20 (1 - η)^1000 is what is left of the start.
        left = 20 * (1 - rate) ** 1000
        assert measured == pytest.approx((formula**2 + left**2) ** 0.5, rel=0.05)


def test_schedules_of_the_page_are_keras(printed):
    space = {"np": np}
    (source,) = [cell for cell in code_cells(NAME) if "def warm_up(" in cell]
    exec(source.partition("\nways =")[0], space)
    total = 400
    cosine = keras.optimizers.schedules.CosineDecay(1.0, total)
    warmed = keras.optimizers.schedules.CosineDecay(0.0, total - 40, warmup_target=1.0, warmup_steps=40)
    for k in range(0, total, 7):
        assert space["cosine"](k / total) == pytest.approx(float(cosine(k)), abs=1e-5)
        assert space["warm_up"](k / total) == pytest.approx(float(warmed(k)), abs=1e-5)
    assert [space["step"](u) for u in (0, 0.49, 0.5, 0.74, 0.75, 1)] == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])
    apart = re.findall(r"ours and Keras' differ by at most (\S+)$", printed, re.MULTILINE)
    assert len(apart) == 3 and all(float(value) < 1e-6 for value in apart)


def test_gain_of_schedules_is_put_beside_the_noise(site, soups, printed):
    line = r"^(step|cosine|warm-up and cosine) +rate +([\d.]+): .* difference +(\S+) ± ([\d.]+), ratio +(\S+)$"
    rows = re.findall(line, printed, re.MULTILINE)
    assert len(rows) == 6
    for _, _, gain, error, ratio in rows:
        assert float(ratio) == pytest.approx(
            float(gain) / float(error), abs=0.05 + 0.01 * abs(float(ratio)) / float(error)
        )
    best, largest = rows[:3], rows[3:]
    assert all(abs(float(row[4])) < 3 for row in best[:2]) and float(best[2][4]) > 3
    assert {row[1] for row in largest} == {"0.6"} and float(largest[2][2]) > 2 * float(best[2][2])
    text = " ".join(of_page(site, soups, NAME).find("article").get_text().split())
    assert f"the gain is {float(best[2][2]):.1f} points, {best[2][4].lstrip('+')} standard errors" in text


def test_a_penalty_in_adam_and_the_decay_of_adamw_are_kerass():
    """The page's two ways to shrink, by its own Adam, against Keras' Adam with the penalty's gradient and its AdamW."""
    rng, rate, lam = np.random.default_rng(2), 0.01, 0.1
    space = {"np": np}
    for source in code_cells(NAME):
        if source.startswith("class Adam"):
            exec(source, space)
    coupled, decoupled = keras.optimizers.Adam(rate), keras.optimizers.AdamW(rate, weight_decay=lam)
    theirs = [keras.Variable([1.0, -2.0]), keras.Variable([1.0, -2.0])]
    ours, adams = [np.array([1.0, -2.0])] * 2, [space["Adam"](rate), space["Adam"](rate)]
    for _ in range(30):
        gradient = rng.normal(size=2) * [5, 0.1]
        coupled.apply([np.float32(gradient + lam * theirs[0].numpy())], [theirs[0]])
        decoupled.apply([np.float32(gradient)], [theirs[1]])
        ours = [
            ours[0] + adams[0].change(gradient + lam * ours[0]),
            (1 - rate * lam) * ours[1] + adams[1].change(gradient),
        ]
    for mine, variable in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(variable.numpy(), mine, rtol=1e-3)


def test_adamw_decays_all_weights_unless_names_are_left_out(printed):
    rows = re.findall(r"^(\w+)/(kernel|bias|gamma|beta) +([\d.]+) +([\d.]+)$", printed, re.MULTILINE)
    assert len(rows) == 6
    for _, kind, always, kept in rows:
        assert float(always) == 1 - 0.1 * 0.5
        assert float(kept) == (0.95 if kind == "kernel" else 1)
    left = dict(re.findall(r"^(Adam with a penalty|AdamW|\(1 - ηλ\)\^1000): +(.+)$", printed, re.MULTILINE))
    large, small = map(float, left["Adam with a penalty"].strip("[]").split())
    assert large > 0.95 and small < 0.4
    assert [float(v) for v in left["AdamW"].strip("[]").split()] == pytest.approx([(1 - 1e-4) ** 1000] * 2, abs=0.03)
    assert f"Keras' own weight_decay: {keras.optimizers.AdamW().weight_decay}" in printed


def test_smoothed_labels_have_the_floor_of_the_formula(printed):
    gap, floor = number(r"^best gap between scores ([\d.]+), loss there ([\d.]+)$", printed)
    label = np.r_[0.91, np.full(9, 0.01)]
    assert gap == pytest.approx(np.log(91), abs=0.006) and floor == pytest.approx(
        -np.sum(label * np.log(label)), abs=6e-4
    )
    rows = re.findall(r"^gap +([\d.]+): smoothed ([\d.]+), by hand ([\d.]+), plain ([\d.]+)$", printed, re.MULTILINE)
    losses = {float(far): (float(keras_), float(hand), float(plain)) for far, keras_, hand, plain in rows}
    assert len(losses) == 4 and all(keras_ == hand for keras_, hand, _ in losses.values())
    assert min(losses, key=lambda far: losses[far][0]) == gap and losses[gap][0] == floor
    assert sorted((plain for *_, plain in losses.values()), reverse=True) == [plain for *_, plain in losses.values()]
    assert "the loss for integer labels can do it: False" in printed


def test_deep_network_is_shown_as_it_was_stored(site, soups, printed):
    about, *lines = read_lines(DATA / "deep.jsonl")
    text = of_page(site, soups, NAME).find("article").get_text()
    (table,) = [
        each for each in of_page(site, soups, NAME).select("article table") if "way" in each.find("th").get_text()
    ]
    rows = {
        row.select("td")[0].get_text(): [c.get_text() for c in row.select("td")] for row in table.select("tbody tr")
    }
    assert list(rows) == list(about["recipes"])
    before = None
    for name, (_, accuracy, more, loss) in rows.items():
        runs = [line for line in lines if line.get("recipe") == name]
        values = np.array([run["test_accuracy"] for run in runs])
        assert accuracy == f"{values.mean():.2f} ({values.std(ddof=1):.2f})"
        assert loss == f"{np.mean([run['test_loss'] for run in runs]):.3f}"
        if before is not None:
            gain, error = (values - before).mean(), (values - before).std(ddof=1) / len(values) ** 0.5
            assert more.replace("−", "-") == f"{gain:+.2f} ± {error:.2f}"
        before = values
    assert f"{about['parameters']:,}" in text and f"takes the rate {runs[0]['rate']:g}" in printed
    # The three losses of an epoch, and the epoch in which two of their curves cross.
    constant = [line for line in lines if line.get("recipe") == "constant rate"]
    first = [np.mean([run[key][0] for run in constant]) for key in ("loss", "after_loss", "val_loss")]
    said = number(r"^epoch +1: .* during it ([\d.]+), after it ([\d.]+); validation ([\d.]+)$", printed)
    assert said == pytest.approx(first, abs=6e-4)
    assert said[0] > said[2], "the validation loss begins below the training loss"


def test_exercises_on_schedules_decay_and_smoothing_are_confirmed(printed):
    rates = [number(rf"^after +{k} steps: ([\d.]+)$", printed) for k in ("50", "100", "550", "1,000", "500")]
    assert rates == [0.05, 0.1, 0.05, 0.0, 0.059]
    assert re.search(r"^halved after 173,28\d steps, 246 epochs of 704 steps$", printed, re.MULTILINE)
    assert "along the cosine 0.82 are left" in printed
    assert re.search(r"least loss 0.58[78], gap 2.83$", printed, re.MULTILINE)
    assert "with a gap of 10: 1.500" in printed
    assert "an accuracy of 98.5 ± 0.12, a difference ± 0.17, ratio 1.2" in printed
