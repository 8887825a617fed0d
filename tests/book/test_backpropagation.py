"""What the chapter theory/backpropagation prints, with gradients found again in other ways."""

import re

import numpy as np
import pytest
from scipy.signal import correlate2d

from source_lib.layers.model_walk import Layer, walk
from tests.book.pages import code_cells

NAME = "theory/backpropagation"


def by_differences(function, x, step=1e-6):
    """Return the Jacobian of a function of a vector, column by column."""
    return np.stack([(function(x + step * e) - function(x - step * e)) / (2 * step) for e in np.eye(len(x))], axis=1)


def array_behind(name, printed):
    return np.array(re.search(rf"^{re.escape(name)} *\[([^\]]+)\]", printed, re.MULTILINE)[1].split(), float)


def test_tiny_graph_has_the_derivative_of_the_closed_form(printed):
    # For w > 0 the sum is 4 w, so L = (4 w - 6)² / 2 and its derivative 4 (4 w - 6).
    for name in ("central difference:", "GradientTape:"):
        value = float(re.search(rf"^{name} +([\d.]+)$", printed, re.MULTILINE)[1])
        assert value == pytest.approx(4 * (4 * 2 - 6), abs=1e-6)
    assert "dL/dw = 8.0" in printed


def test_every_derived_gradient_is_tensorflows_and_that_of_differences(printed):
    line = r"^(\w+): largest ([\d.]+), off TensorFlow by (\S+), off differences by (\S+)$"
    rows = re.findall(line, printed, re.MULTILINE)
    # ReLU, sigmoid, dense (3), a batch (2), softmax, pooling, convolution (2), stride, padding, normalization (3).
    assert len(rows) == 16
    for name, largest, tensorflow, differences in rows:
        assert float(largest) > 0.1, name
        assert float(tensorflow) < 1e-12 and float(differences) < 1e-7, name


def test_formulas_written_out_give_what_stands_behind_them(printed):
    lines = re.findall(r"^[wx]\[\d, \d\]: +(.+) = (.+)$", printed, re.MULTILINE)
    assert len(lines) == 5
    for formula, result in lines:
        plain = [text.replace("·", "*").replace("−", "-") for text in (formula, result)]
        assert eval(plain[0]) == float(plain[1])
    x = np.array([[1, 2, 0, 3], [4, -1, 2, 1], [0, 3, 5, -2], [2, 1, 0, 1]])
    first_row = correlate2d(x, [[1, -2], [3, 1]], "valid")[0]
    shown = [float(result.replace("−", "-")) for _, result in lines[1:4]]
    assert shown == first_row.tolist()


def test_entries_with_channels_are_tensorflows(printed):
    pairs = re.findall(r"^ +(-?\d+\.\d{6}), TensorFlow (-?\d+\.\d{6})$", printed, re.MULTILINE)
    assert len(pairs) == 3 and all(ours == theirs for ours, theirs in pairs)


def test_softmax_in_two_steps_is_p_minus_y_until_it_overflows(printed):
    p = np.exp([1.0, 2.0, 0.0]) / np.exp([1.0, 2.0, 0.0]).sum()
    for name in ("times -1 / p_t:", "p - y:"):
        np.testing.assert_allclose(array_behind(name, printed), p - [1, 0, 0], atol=6e-4)
    assert "in two steps: [nan nan nan]" in printed
    assert array_behind("as p - y:", printed).tolist() == [-1, 1, 0]


def test_a_tie_goes_to_the_first_and_differences_see_half_at_each(printed):
    assert array_behind("TensorFlow:", printed).tolist() == [3, 0, 0, 0]
    assert array_behind("central differences in that window:", printed).tolist() == [1.5, 1.5, 0, 1.5]


def test_gradient_of_a_normalization_is_that_of_its_jacobian(printed):
    def layer(x):
        return 3 * (x - x.mean()) / x.std()

    expected = np.array([1, 2, -2, 3]) @ by_differences(layer, np.array([2.0, 4, 4, 10]))
    np.testing.assert_allclose(array_behind("gradient of x:", printed), expected, atol=6e-4)
    assert "sum of the gradient:       0.0" in printed and "its product with x̂:        0.0" in printed


def test_kinks_spoil_a_check_and_noise_repairs_it(printed):
    rows = re.findall(
        r"^(?:as it is|with a little noise): +by the gradient (\S+), by moving (\S+)$", printed, re.MULTILINE
    )
    (gradient, moved), (noisy_gradient, noisy_moved) = [(float(a), float(b)) for a, b in rows]
    assert abs(gradient / moved - 1) > 0.01 and noisy_gradient == pytest.approx(noisy_moved, abs=2e-6)
    slopes = re.findall(r"^ReLU at z = 0.0003, step (\S+): (\S+)$", printed, re.MULTILINE)
    for step, slope in (map(float, row) for row in slopes):
        # The part of the way from -step to step on which ReLU rises.
        assert slope == pytest.approx(min(1, (step + 3e-4) / (2 * step)), abs=6e-4)
    switched = [int(count) for count in re.findall(r"^step \S+: +(\d+) of 200 units switch$", printed, re.MULTILINE)]
    assert switched == sorted(switched) and switched[0] == 0 < switched[-1]


def test_best_step_is_near_the_third_root_of_the_precision(printed):
    rows = re.findall(r"^(\S.*\S) +best step (\S+), relative error (\S+)$", printed, re.MULTILINE)
    best = {name: (float(step), float(error)) for name, step, error in rows}
    assert len(best) == 4
    for name, precision in (("float64, both sides", 2.2e-16), ("float32, both sides", 1.2e-7)):
        assert 1 / 40 < best[name][0] / precision ** (1 / 3) < 40
    assert best["float64, both sides"][1] < 1e-8 < 1e-6 < best["float32, both sides"][1]


def test_a_deep_product_keeps_its_size_and_loses_directions(printed):
    line = r"^ *(\d+) layers: average size +([\d.]+), largest +([\d.]+); +(\d+) of 64 directions hold 99 %$"
    rows = re.findall(line, printed, re.MULTILINE)
    layers, sizes, _, directions = zip(*rows, strict=True)
    assert list(map(int, layers)) == [1, 2, 4, 8, 16, 32]
    assert all(0.3 < float(size) < 3 for size in sizes)
    held = [int(count) for count in directions]
    assert held == sorted(held, reverse=True) and held[-1] < held[0] / 4


def test_costs_are_those_of_the_walk_through_the_network(printed, text):
    layers = []
    for filters in (16, 32):
        layers += [Layer("Conv2D", filters=filters, kernel=3), Layer("MaxPooling2D", kernel=2)]
    rows = walk([*layers, Layer("Flatten"), Layer("Dense", units=10)], (28, 28, 1))
    forward = sum(row.multiply_adds for row in rows)
    backward = 2 * forward - rows[0].multiply_adds
    assert f"backward in all {backward:,}" in text and f"{forward:,}" in text
    assert f"backward / forward:        {backward / forward:.2f}" in printed
    parameters = sum(row.parameters for row in rows)
    assert f"by differences, both sides: {2 * parameters:,} predictions" in printed


def test_answers_to_exercises(printed):
    assert "a 4.0\nb -4.0" in printed
    assert "[1, 5, 2, 7, 7] → [0.0, 10.0, 0.0, 1.0, 0.0]" in printed
    assert "[1, 2, 5, 4, 3] → [0.0, 0.0, 11.0, 0.0, 0.0]" in printed
    assert "x [[1.0, 2.0, 0.0], [3.0, 3.0, -2.0], [0.0, -3.0, -4.0]]" in printed
    assert "pixels without a gradient: 11" in printed
    assert "sums of absolute values: [0.3 0.9]" in printed


@pytest.mark.parametrize("name", [NAME, "theory/normalization"])
def test_page_holds_no_backward_pass_that_a_student_could_hand_in(name):
    defined = re.findall(r"^\s*def (\w+)", "\n".join(code_cells(name)), re.MULTILINE)
    assert defined
    assert not [each for each in defined if "backward" in each or each in ("gradient_check", "train")]
