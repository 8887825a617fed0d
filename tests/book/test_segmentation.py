"""What the chapter theory/segmentation shows, computed again in other ways, and what it must not hold."""

import ast
import re

import numpy as np
import pytest
from scipy.signal import convolve
from sklearn.metrics import f1_score, jaccard_score

from book.make_segmentation import OUTPUT, RECIPES, load, overlap
from tests.book.pages import code_cells, of_page

NAME = "theory/segmentation"


@pytest.fixture(scope="module")
def about():
    return load(OUTPUT)[1]


def dice(about, what, key="test"):
    return np.array([overlap(run[key]) for run in about["runs"] if run["what"] == what])


def table_with(site, soups, word):
    (found,) = [t for t in of_page(site, soups, NAME).select("article table") if word in t.find("tr").get_text()]
    return [[cell.get_text(strip=True) for cell in row.find_all("td")] for row in found.select("tbody tr")]


def test_copies_of_a_kernel_add_up_to_a_convolution_with_zeros_between(printed):
    apart = np.zeros(5, int)
    apart[::2] = 1, 2, 3
    expected = str(convolve(apart, [10, 20, 30]))
    assert re.search(rf"added: +{re.escape(expected)}", printed)
    assert re.search(rf"its transpose times the input: +{re.escape(expected)}", printed)
    assert re.search(rf"Keras: +{re.escape(expected)}", printed)


def test_sizes_shrink_back_to_where_they_came_from(printed):
    rows = re.findall(r"^(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)$", printed, re.MULTILINE)
    assert len(rows) == 5
    for n, k, s, p, a, large, back in (map(int, row) for row in rows):
        assert large == len(np.zeros((n - 1) * s + k)) - 2 * p + a
        assert back == len(range(0, large + 2 * p - k + 1, s)) == n


def test_checkerboard_is_there_for_the_kernel_that_the_stride_does_not_divide(printed):
    found = {
        int(kernel): ast.literal_eval(values)
        for kernel, values in re.findall(r"kernel (\d), stride 2: the values inside are (\[.*\])", printed)
    }
    # How many copies lie on a place, along an axis: places that are even and odd.
    for kernel, values in found.items():
        along = {len(range(parity, kernel, 2)) for parity in (0, 1)}
        assert values == sorted({one * other for one in along for other in along})
    assert set(found) == {2, 3, 4} and len(found[3]) == 3


def test_networks_are_counted(site, soups, printed):
    assert "together 8,634 parameters" in printed
    assert re.search(r"scores +\(128, 128, 2\) +18 parameters, sees 18 pixels", printed)
    assert "121,890" in printed and "one output sees up to 100 pixels along an axis" in printed
    rows = {row[0]: row[1:3] for row in table_with(site, soups, "trained parameters")}
    assert rows["FCN"] == ["8,634", "18"] and rows["U-Net"] == ["121,186", "100"]
    assert [row for row in rows.values() if row[0] == "11,698"] == [["11,698", "26"]]


def test_table_says_what_was_measured(site, soups, about):
    rows = table_with(site, soups, "trained parameters")
    assert len(rows) == 2 + len(RECIPES)
    for row, what in zip(rows[2:], RECIPES, strict=True):
        found = dice(about, what)
        assert [float(cell) for cell in row[3:]] == pytest.approx(
            [found.mean(), found.mean(axis=1).std(ddof=1), found.mean(axis=0).std(ddof=1), found.mean(axis=0).min()],
            abs=6e-4,
        )
    share = np.array(about["test_share"])
    assert float(rows[0][3]) == pytest.approx(np.mean(2 * share / (1 + share)), abs=6e-4)


def test_middles_of_glands_are_measured_for_each_training(site, soups, about):
    rows, apart = {row[0]: row[1:] for row in table_with(site, soups, "difference")}, {}
    assert len(rows) == len(RECIPES)
    for what, name in zip(RECIPES, rows, strict=True):
        shares = []
        for run in (run for run in about["runs"] if run["what"] == what):
            (inside, n_inside), (outside, n_outside) = run["depth"]["dark"][-1], run["depth"]["outside"][0]
            bright, n_bright = run["depth"]["bright"][-1]
            dark, gaps = inside / n_inside, outside / n_outside
            shares.append([dark, gaps, dark - gaps, bright / n_bright])
        found = np.array([[float(part) for part in cell.split("±")] for cell in rows[name][1:]])
        np.testing.assert_allclose(found[:, 0], np.mean(shares, axis=0), atol=6e-3)
        np.testing.assert_allclose(found[:, 1], np.std(shares, axis=0, ddof=1), atol=6e-3)
        apart[what] = np.array(shares)[:, 2]
    # What the text says: the U-Net is ahead by no more than trainings differ, and those in between are near the FCN.
    assert apart["fcn"].mean() < apart["unet"].mean() < apart["fcn"].mean() + 2 * apart["unet"].std(ddof=1)
    for what in ("no skips", "skips"):
        assert abs(apart[what].mean() - apart["fcn"].mean()) < 0.5 * (apart["unet"].mean() - apart["fcn"].mean())


def test_words_on_the_results_hold(about):
    # What the text says of the table. Where a new training changes one of these, the text has to change.
    mean = {what: dice(about, what).mean() for what in RECIPES}
    share = np.array(about["test_share"])
    assert mean["unet"] == max(mean.values()) and mean["fcn"] == min(mean.values())
    assert overlap(about["color"]).mean() < np.mean(2 * share / (1 + share)) < mean["fcn"]
    assert dice(about, "unet", "divided").mean() < 0.75 * mean["unet"]
    assert dice(about, "unet", "stain").mean() < mean["unet"]
    noise = np.sqrt(np.mean([dice(about, what).mean(axis=1).var(ddof=1) for what in RECIPES]))
    # 2.326 standard deviations lie between the smallest and the largest of five draws of a bell curve, on average.
    assert 0.6 < 2.326 * noise / (0.8359 - 0.7979) < 1.6
    assert dice(about, "copied first", "valid").mean() > dice(about, "copied first").mean()
    assert dice(about, "unet", "eight views").mean() > mean["unet"]
    assert 0 < mean["skips"] - mean["no skips"] < 0.02 and mean["unet"] - mean["skips"] < 0.05
    near = {way: np.mean([overlap(counts).mean() for counts in trials]) for way, trials in about["neighbor"].items()}
    assert near["copied first"] > 0.95 and near["split first"] < 0.65


def test_dice_and_iou_of_the_two_tables(printed):
    true = [0, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 0]
    said = [0, 0, 1, 0, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 1]
    D, J = f1_score(true, said), jaccard_score(true, said)
    assert f"= {D:.3f}, IoU 6/9 = {J:.3f}, D/(2 − D) = {J:.3f}" in printed


def test_same_overlap_and_other_distances(printed):
    rows = re.findall(
        r"^(shifted|hole|second island) +Dice ([\d.]+) +Hausdorff +([\d.]+) .* islands (\d)$", printed, re.M
    )
    overlaps, distances = [float(row[1]) for row in rows], [float(row[2]) for row in rows]
    assert len(rows) == 3 and np.ptp(overlaps) < 0.005
    assert distances[0] == 5 and distances == sorted(distances) and distances[2] > 40
    assert [row[3] for row in rows] == ["1", "1", "2"]


def test_slope_of_soft_dice_is_that_of_small_steps(printed):
    by_formula, by_steps = re.search(
        r"of a gland of 1000 pixels (-[\d.]+), by small steps: (-[\d.]+)", printed
    ).groups()
    assert by_formula == by_steps


def test_sides_of_soft_dice_are_even_where_those_of_cross_entropy_are_not(printed):
    rows = re.findall(r"^ *(\d+) pixels +(-[\d.]+) +([\d.]+) +(-[\d.]+) +([\d.]+)$", printed, re.MULTILINE)
    assert [int(row[0]) for row in rows] == [10, 100, 1000]
    p = 0.1
    for gland, *pushes in np.array(rows, float):
        rest = 10_000 - gland
        overlap_sum, whole = p * gland, p * 10_000 + gland
        expected = [
            -gland * 2 * (whole - overlap_sum) / whole**2,
            rest * 2 * overlap_sum / whole**2,
            -gland / p / 10_000,
            rest / (1 - p) / 10_000,
        ]
        assert pushes == pytest.approx(expected, abs=6e-4)
        assert 0.9 < -pushes[0] / pushes[1] < 2.5
    assert float(rows[0][4]) > 50 * -float(rows[0][3])


def test_rule_of_the_report_is_applied_to_the_curves(printed, about):
    curves = [np.array(run["history"]) for what in RECIPES for run in about["runs"] if run["what"] == what]
    for limit in (0.03, 0.05):
        stopped = rising = 0
        for curve in curves:
            for epoch in range(20, len(curve)):
                if abs(curve[epoch] - curve[epoch - 1]) > limit:
                    stopped += 1
                    rising += curve[epoch] > curve[epoch - 1]
                    break
        assert f"limit {limit}: stops {stopped} of {len(curves)}, {rising} of them on a rise" in printed


def test_padding_reaches_as_far_as_the_receptive_field(printed):
    (found,) = re.findall(r"^\{0: .*\}$", printed, re.MULTILINE)
    by_distance = {key: float(value) for key, value in ast.literal_eval(found).items()}
    assert min(by_distance[k] for k in range(3)) > 0 == by_distance[3] == by_distance[4]


def test_answers_of_the_exercises(site, soups, printed, text):
    for answer in (
        "kernel 5, stride 2, padding 2, added 1: 28",
        "kernel 5, stride 3, padding 0, added 0: 44",
        "network  Dice 0.800, IoU 0.667, wrong 800, accuracy 0.92",
        "4 poolings: 140 = 140 at the bottom, up to 204 at the end, multiples of 16",
        "soft Dice 0.706, slopes [-0.381 -0.381  0.208  0.208]",
        "before: 120, 49, 80, Dice 0.650",
        "after: 190, 392, 10, Dice 0.486",
        "0.051, 0.949; drawn: 195 copies",
    ):
        assert answer in printed
    workings = of_page(site, soups, NAME).select("article .admonition.dropdown")
    assert len(workings) == len(re.findall(r"Show the working", text)) == 6


def test_mistakes_are_named(site, soups):
    boxes = [box.get_text() for box in of_page(site, soups, NAME).select("article .admonition.warning")]
    titles = ("no deconvolution", "no better than no network", "twins on both sides", "tuned on the test images")
    for title in (*titles, "rotated to black", "stops when it gets better", "dark glands, explained and not tested"):
        assert len([box for box in boxes if title in box]) == 1, title


def test_page_hands_nobody_a_function_that_a_lab_asks_for():
    asked = {
        "dice",
        "pixel_cross_entropy",
        "soft_dice_loss",
        "augment",
        "split",
        "build_fcn",
        "build_unet",
        "should_stop",
    }
    for cell in code_cells(NAME):
        code = "\n".join(line for line in cell.splitlines() if not line.startswith((":", "---")))
        try:
            tree = ast.parse(code)
        except SyntaxError:
            continue
        assert not asked & {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
