"""What is special about lab 6: masks judged where no student is, properties in place of answers, and gradients."""

import functools
import inspect
import io
import re
import zipfile
import zlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from autograder.checking.student import FLAGS
from autograder.errors import UserError
from autograder.grading.student import SandboxStudent, Timeouts
from autograder.labs import get_lab
from autograder.labs.lab6 import handed_in, images, measuring, networks_of, reference, solution
from autograder.labs.lab6.losses import soft_dice
from autograder.submissions.submission import Submission
from benchmarks import mutation
from book import make_solutions
from book.stored import DATA, read_lines
from source_lib.data import glands
from source_lib.masks import packed
from tests.labs.kit import asked
from tests.labs.lab6 import domains, more_ways, trial, ways_of_augmenting
from tests.labs.lab6.trial import files, material, oracle
from tests.short import one_in

LAB = get_lab("lab6")
MASKS = {"masks.form", "masks.least", "masks.more", "masks.most"}


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CNN_COURSE_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


def student_of(sandbox, code="pass", given=None):
    submission = Submission(files=given or {})
    return SandboxStudent(sandbox, {0: code}, submission, oracle(), timeouts=Timeouts(60, 60, 900), material=material())


def lost(student, *names):
    """Return the lines that a submission loses of some checks, with the messages, and its flags."""
    found = {}
    with student:
        for check in LAB.checks if not names else [LAB.check(f"check_{name}") for name in names]:
            problems = check.judge(student, np.random.default_rng(1))
            for line, problem in zip(check.lines, problems, strict=True):
                if problem is not None:
                    found[f"{check.function}.{line.key}"] = problem.message
        flags = list(student.notes.get(FLAGS, []))
    assert all(message.startswith("Asked: ") for message in found.values())
    assert not any("course_" in message for message in found.values()), "the course's functions are nobody's business"
    return found, flags


# The rubric.


def test_points_are_those_of_the_design():
    points = {check.function: check.points for check in LAB.checks}
    assert points == {
        **{"dice": 4, "pixel_cross_entropy": 3, "soft_dice_loss": 2, "split": 1, "augment": 3},
        **{"build_fcn": 2, "build_unet": 2, "should_stop": 1, "masks": 6},
    }
    assert LAB.points == 24 and LAB.manual == {"discussion": 6}
    assert len(LAB.faults) >= 20


def test_nothing_handed_in_earns_nothing(sandbox):
    names = [check.function for check in LAB.checks if check.function != "masks"]
    released = "".join(f"def {name}(*arguments, **named):\n    raise NotImplementedError()\n" for name in names)
    found, _ = lost(student_of(sandbox, released))
    assert set(found) == set(LAB.lines)
    assert "not written yet" in found["dice.each"] and "of scores" in found["dice.scores"]
    assert "There is neither masks.npz nor" in found["masks.form"]


@pytest.mark.parametrize("value", ["None", "np.zeros(3)", "0", "'masks'", "(0, 0)", "arguments[0]"])
def test_a_stub_earns_nothing(sandbox, value):
    names = ["dice", "pixel_cross_entropy", "should_stop", "split"]
    code = "import numpy as np\n" + "".join(f"def {name}(*arguments, **named):\n    return {value}\n" for name in names)
    every = {line for line in LAB.lines if line.partition(".")[0] in names}
    assert set(lost(student_of(sandbox, code), *names)[0]) == every


def test_who_always_takes_the_mean_of_dice_is_told_so(sandbox):
    code = """
def dice(pred, truth, per_image=False, iou=False):
    return float(2 * (pred * truth).sum() / (pred.sum() + truth.sum()))
"""
    assert "one number with per_image=True too" in lost(student_of(sandbox, code), "dice")[0]["dice.each"]


def test_who_gives_back_what_came_in_augments_nothing(sandbox):
    code = "def augment(image, mask, rng):\n    return image, mask\n"
    found, _ = lost(student_of(sandbox, code), "augment")
    assert {"augment.alike", "augment.seeded"} == set(found)
    assert "mirror or turn the pair" in found["augment.alike"]


@pytest.mark.parametrize(
    "weighting, loses", [("1", True), ("weights[masks.astype(int)] / weights[masks.astype(int)].mean()", False)]
)
def test_who_leaves_the_weights_out_is_not_paid_for_them_where_the_softmax_is_wrong_too(sandbox, weighting, loses):
    code = f"""
import numpy as np
def pixel_cross_entropy(logits, masks, weights=None):
    z = logits - logits.max(axis=1, keepdims=True)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    losses = -np.log(np.take_along_axis(p, masks[..., None].astype(int), axis=-1)[..., 0])
    return float((losses if weights is None else losses * {weighting}).mean())
"""
    found, _ = lost(student_of(sandbox, code), "pixel_cross_entropy")
    assert "pixel_cross_entropy.value" in found
    assert ("the same with weights" in found.get("pixel_cross_entropy.weights", "")) == loses


@pytest.mark.parametrize("rule", ["len(losses) - 1 - best > patience", "False"])
def test_no_wrong_rule_stops_rightly_by_luck(sandbox, rule):
    code = f"""
def should_stop(history, patience, min_delta):
    losses, best = history["val_loss"], 0
    for epoch, loss in enumerate(losses):
        best = epoch if loss < losses[best] - min_delta else best
    return {rule}, best
"""
    for _ in range(3):
        found, _ = lost(student_of(sandbox, code), "should_stop")
        assert "should_stop.stop" in found and "should_stop.best" not in found


def test_who_always_restores_the_last_epoch_is_not_paid_for_never_stopping(sandbox):
    code = "def should_stop(history, patience, min_delta):\n    return False, len(history['val_loss']) - 1\n"
    assert {"should_stop.best", "should_stop.stop"} <= set(lost(student_of(sandbox, code), "should_stop")[0])


@pytest.mark.parametrize("key", ["int(x.sum())", "tuple(x.mean((0, 1)).round())", "np.sort(x, None).tobytes()"])
def test_images_with_the_same_sum_are_no_twins(sandbox, key):
    code = f"""
import numpy as np
def split(images, seed):
    groups = {{}}
    for k, x in enumerate(images):
        groups.setdefault({key}, []).append(k)
    valid = []
    for one in np.random.default_rng(seed).permutation(len(groups)):
        if len(valid) < len(images) / 5:
            valid += list(groups.values())[one]
    return np.setdiff1d(np.arange(len(images)), valid), np.array(valid)
"""
    found, _ = lost(student_of(sandbox, code), "split")
    assert "split.parts" in found and "or a little more" in found["split.parts"]
    right = code.replace(key, "min(v.tobytes() for v in (x, x[::-1], x[:, ::-1], x[::-1, ::-1]))")
    assert lost(student_of(sandbox, right), "split") == ({}, [])


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ("if len(images) < 30: valid += valid[:1]", "parts"),
        ("if images.shape[1] == 2: raise ValueError('so small')", "parts"),
        ("if images.max() < 2: images[...] = 0", "parts"),
        ("if seed > 10**5: chosen = 7", "seed"),
        ("if images.shape[1] == 7: views = [images, images[:, ::-1]]", "twins"),
    ],
)
def test_a_split_that_is_wrong_for_some_images_alone_loses_that_line(wrong, line):
    before = "chosen" in wrong or "views" in wrong
    lines = [
        "def split(images, seed):",
        "    chosen, views = seed, [images, images[:, ::-1], images[:, :, ::-1], images[:, ::-1, ::-1]]",
        f"    {wrong if before else 'pass'}",
        "    keys = [min(one.tobytes() for one in some) for some in zip(*views)]",
        "    groups = list(dict.fromkeys(keys))",
        "    np.random.default_rng(chosen).shuffle(groups)",
        "    valid = []",
        "    for group in groups:",
        "        if len(valid) < len(images) / 5:",
        "            valid += [k for k, key in enumerate(keys) if key == group]",
        f"    {'pass' if before else wrong}",
        "    return np.setdiff1d(np.arange(len(images)), valid), np.array(valid)",
    ]
    functions = {"np": np}
    exec("\n".join(lines), functions)
    assert set(asked(trial.student_of(functions), [LAB.check("check_split")], 1).lost) == {f"split.{line}"}


SOFTLY = """
import numpy as np
from scipy import ndimage
def augment(image, mask, rng):
    if rng.random() < 0.5:
        image, mask = image[:, ::-1], mask[:, ::-1]
    {change}
    return image, mask.copy()
"""


@pytest.mark.parametrize(
    "change",
    [
        "image = np.clip(image + rng.normal(0, 50, image.shape), 0, 255).astype('uint8')",
        "s = rng.uniform(0, 2); image = ndimage.gaussian_filter(image, (s, s, 0))",
        "image = np.clip(image + rng.normal(0, 15, image.shape), 0, 255).astype('uint8')",
        "image = np.clip(image + rng.normal(0, 80, image.shape) * (rng.random(image.shape) < 0.1), 0, 255)",
        "image = image.copy(); r, c = rng.integers(0, len(mask) - 10, 2); image[r:r + 8, c:c + 8] = 0",
        "image = np.clip(image * rng.uniform(0.6, 1.5), 0, 255).astype('uint8')",
        "a = rng.uniform(-90, 90); mask = ndimage.rotate(mask, a, reshape=False, order=0); "
        "image = np.clip(ndimage.rotate(image.astype(float), a, reshape=False), 0, 255)",
        "d = len(mask); s = rng.integers(d // 1.6, d); r, c = rng.integers(0, d + 1 - s, 2); "
        "i = np.arange(d) * s // d; "
        "image = ndimage.zoom(image[r:r + s, c:c + s], (d / s, d / s, 1), order=1); "
        "mask = mask[r:r + s, c:c + s][np.ix_(i, i)]",
    ],
)
def test_noise_blur_holes_light_turns_and_parts_are_right(sandbox, change):
    assert lost(student_of(sandbox, SOFTLY.format(change=change)), "augment") == ({}, [])


@pytest.mark.parametrize(
    ("change", "line", "said"),
    [
        ("assert len(mask) % 2 == 0", "alike", "stopped with AssertionError"),
        ("mask = mask[::-1] if len(mask) > 100 else mask", "alike", r"\[101, 101, 3\].*moved differently"),
        ("image, mask = (image[1:], mask[1:]) if len(mask) == 64 else (image, mask)", "alike", "63, 64"),
        (
            "image, mask = (mask, image) if len(mask) == 64 else (image, mask)",
            "alike",
            "are expected",
        ),
        ("mask = mask if mask.any() else mask + 1", "alike", "no gland.*came back with one"),
        ("mask = mask.astype(float) / 2 if len(mask) == 41 else mask", "binary", r"\[41, 41, 3\].*scaled"),
        ("mask = mask * np.uint8(255) if mask.all() else mask", "binary", "gland and nothing else.*scaled"),
        ("image = (image / 255).astype('uint8') if image.mean() > 180 else image", "range", "whose mean is.*black"),
        ("image = image * 1.5 if mask.mean() < 0.01 else image", "range", "Light and noise may not leave"),
        (
            "image = np.clip(image + np.random.normal(0, 9, image.shape), 0, 255) if len(mask) == 81 else image",
            "seeded",
            "another generator",
        ),
        ("rng = image.flat if len(mask) == 64 else [0]; rng[0] = 7", "inputs", "in place"),
    ],
)
def test_what_is_wrong_on_images_of_one_kind_costs_its_line(sandbox, change, line, said):
    found, _ = lost(student_of(sandbox, SOFTLY.format(change=change)), "augment")
    assert set(found) == {f"augment.{line}"}
    assert re.search(said, found[f"augment.{line}"])


HONEST = ways_of_augmenting.WAYS | ways_of_augmenting.FURTHER


@pytest.mark.parametrize("way", one_in(3, list(HONEST)))
def test_an_honest_augmentation_loses_nothing(way):
    assert lost_by(HONEST[way]) == {}


def lost_by(function):
    return dict(asked(trial.student_of({"augment": function}), [LAB.check("check_augment")], 1).lost)


@pytest.mark.parametrize(
    ("change", "line", "said"),
    [
        ("mask = np.roll(mask, 1, 1) if len(mask) % 2 else mask", "alike", "moved differently"),
        ("mask = np.roll(mask, 1, 0) if rng.random() < 0.2 else mask", "alike", "off by a pixel"),
        ("mask = np.roll(mask, 9, 0) if mask.sum() == 1 else mask", "alike", "gland of one pixel"),
        ("mask = mask * 0 if len(mask) > 100 else mask", "alike", r"\[101, 101, 3\]"),
        ("mask = np.tril(mask) if mask.all() else mask", "alike", "gland and nothing else"),
        (
            "e = mask.sum() - mask[1:-1, 1:-1].sum(); mask = ndimage.binary_erosion(mask, None, 3) if e else mask",
            "alike",
            "moved differently",
        ),
        ("r, c = rng.integers(0, len(mask) - 8, 2); mask = mask.copy(); mask[r:r + 8, c:c + 8] = 0", "alike", "off by"),
        ("image = np.dstack([image[::-1, :, :1], image[..., 1:]])", "alike", "moved differently"),
        ("image, mask = kept if len(mask) > 48 else (image, mask)", "alike", "none of [0-9]+ larger pairs.*len\\(mask"),
        (
            "image = np.clip(kept[0][::-1] + rng.normal(0, 5, image.shape), 0, 255); mask = kept[1][::-1]",
            "alike",
            "same way",
        ),
        (
            "s = int(rng.integers(-15, 16)); image = np.roll(image, s, 0); mask = ndimage.shift(mask, (s, 0), order=0)",
            "alike",
            "",
        ),
        ("mask = 1 - mask", "alike", "moved differently"),
        ("image = kept[0] if image.mean() < 110 else image", "alike", "moved differently|image is not"),
        ("image = kept[0] if image.mean() > 140 else image", "alike", "moved differently"),
        ("image = image.mean(-1) if len(mask) == 81 else image", "alike", r"returned \[81, 81\]"),
        ("image = image * 0.2 + 200", "range", "much brighter"),
        ("image = np.where(image > 215, np.nan, image)", "range", "no numbers.*NaN"),
        ("image = image + rng.integers(0, 40, dtype='uint8')", "range", "began again"),
    ],
)
def test_what_is_a_little_wrong_costs_its_line_and_no_other(change, line, said):
    code = SOFTLY.format(change=change).replace("if rng.random()", "kept = image, mask\n    if rng.random()", 1)
    functions = {}
    exec(code, functions)
    found = lost_by(functions["augment"])
    assert set(found) == {f"augment.{line}"}
    assert re.search(said, found[f"augment.{line}"])


@pytest.mark.parametrize(
    ("given", "said"), [("{'image': image}", "returned dict"), ("image", "End with: return image, mask")]
)
def test_who_returns_no_pair_is_told_what_to_return(given, said):
    functions = {}
    exec(f"def augment(image, mask, rng):\n    return {given}\n", functions)
    assert said in lost_by(functions["augment"])["augment.alike"]


def test_a_mask_with_a_channel_is_no_image_that_grew():
    found = lost_by(lambda image, mask, rng: (image, mask[..., None]))
    assert "[48, 48, 1]" in found["augment.alike"] and "reshape" not in found["augment.alike"]


def test_an_image_that_grew_is_told_how(sandbox):
    change = "image, mask = (ndimage.rotate(one, 20, order=0) for one in (image, mask))"
    found, _ = lost(student_of(sandbox, SOFTLY.format(change=change)), "augment")
    assert "reshape=False" in found["augment.alike"]


def test_histories_are_asked_in_the_sandbox_too(sandbox):
    right = inspect.getsource(more_ways.stop_loop).replace("stop_loop", "should_stop")
    assert lost(student_of(sandbox, right), "should_stop") == ({}, [])
    emptied = right.replace("return waited", "history['val_loss'].clear()\n    return waited")
    found, _ = lost(student_of(sandbox, emptied), "should_stop")
    assert set(found) == {"should_stop.domain"} and "changed its input history" in found["should_stop.domain"]


# What the course knows.


def test_the_report_s_network_has_its_parameters_and_sees_18_pixels():
    model = networks_of.fcn()
    assert model.count_params() == 8634
    x = np.zeros((1, 64, 64, 3), "float32")
    changed = x.copy()
    changed[0, 32, 32] = 1
    model.set_weights([np.abs(one) + 0.1 for one in model.get_weights()])
    rows = np.flatnonzero(np.abs(np.asarray(model(changed)) - np.asarray(model(x))).max(axis=(0, 2, 3)))
    # Whatever place a pixel has, the outputs that see it are as many as an output sees of the image.
    assert max(np.ptp(np.flatnonzero(_seen(model, row))) + 1 for row in range(28, 36)) == 18
    assert len(rows) >= 15


def _seen(model, row):
    """Return which rows of an image one row of outputs depends on."""
    x = np.zeros((64, 64, 64, 3), "float32")
    x[np.arange(64), np.arange(64), 32] = 1
    out = np.asarray(model(x))
    return np.abs(out - np.asarray(model(np.zeros((1, 64, 64, 3), "float32"))))[:, row].max(axis=(1, 2)) > 1e-6


def test_references_agree_with_what_is_written_out():
    pred = np.array([[[1, 1], [0, 0]], [[0, 0], [0, 0]]])
    truth = np.array([[[1, 0], [0, 0]], [[0, 0], [0, 0]]])
    assert reference.dice(pred, truth, True).tolist() == pytest.approx([2 / 3, 1])
    assert reference.dice(pred, truth, False, True) == pytest.approx((1 / 2 + 1) / 2)
    z = np.log([[[[0.25, 0.75], [0.5, 0.5]]]])
    assert reference.pixel_cross_entropy(z, np.array([[[1, 0]]])) == pytest.approx(-np.log(0.75 * 0.5) / 2)
    weights = np.array([1.0, 3.0])
    right = -(3 * np.log(0.75) + np.log(0.5)) / 4
    assert reference.pixel_cross_entropy(z, np.array([[[1, 0]]]), weights) == pytest.approx(right)
    history = {"loss": [3, 2, 1], "val_loss": [1.0, 0.5, 0.6]}
    assert reference.should_stop(history, 1, 0.0).tolist() == [1, 1]
    assert reference.should_stop(history, 1, 0.7).tolist() == [1, 0]


def test_the_soft_loss_is_one_minus_dice_for_sure_probabilities():
    rng = np.random.default_rng(0)
    masks, p = (rng.random((4, 6, 5)) < 0.4 for _ in range(2))
    masks[0], p[0] = False, False
    assert soft_dice(masks, p) == pytest.approx(1 - reference.dice(p, masks), abs=1e-5)


def test_each_skip_connection_shows_by_itself():
    flags = [measuring.unet(networks_of.unet(joined=one))[measuring.UNET_SKIPS] for one in np.eye(3, dtype=bool)]
    # The bottleneck, a quarter, a half, all: where the largest is missing, nothing gets by at the top.
    assert [one.tolist() for one in flags] == [[1, 0, 0, 1], [1, 0, 1, 0], [1, 1, 0, 0]]


JOINED = """
import keras
from keras import layers
def build_unet():
    x = h = keras.Input((None, None, 3))
    kept = []
    for depth in (3, 4, 5):
        h = layers.Conv2D(depth, 3, padding="same", activation="relu")(h)
        kept.append((depth, h))
        h = layers.MaxPooling2D(2)(h)
        kept[-1] += (h,)
    h = layers.Conv2D(6, 3, padding="same", activation="relu")(h)
    for k, (depth, there, pooled) in zip((2, 1, 0), kept[::-1]):
        {join}
        h = layers.Conv2D(depth, 3, padding="same", activation="relu")(h)
    return keras.Model(x, layers.Conv2D(2, 1{last})(h))
"""


@pytest.mark.parametrize(
    ("join", "last", "loses", "words"),
    [
        (
            "h = layers.UpSampling2D(2)(layers.Concatenate()([h, pooled]))",
            "",
            "skips",
            "at a quarter, a half, all of the image's size",
        ),
        (
            "s = layers.Conv2D(2, 1)(layers.MaxPooling2D(2**k)(x)); "
            "h = layers.Concatenate()([layers.UpSampling2D(2)(h), s])",
            "",
            "skips",
            "what the convolutions give there on the way down",
        ),
        ("h = layers.Concatenate()([layers.UpSampling2D(2)(h), there])", ", activation='softmax'", "form", "softmax"),
        ("h = layers.Softmax()(layers.Concatenate()([layers.UpSampling2D(2)(h), there]))", "", "form", "softmax"),
        ("h = layers.Concatenate()([layers.UpSampling2D(2)(h), there])", ", activation='tanh'", "form", "keeps them"),
        (
            "s = layers.Concatenate()([there, layers.AveragePooling2D(2**k)(x)]); "
            "h = layers.Concatenate()([layers.UpSampling2D(2)(h), s])",
            "",
            None,
            "",
        ),
        ("h = layers.Add()([layers.Conv2DTranspose(4, 2, 2)(h), layers.Conv2D(4, 1)(there)])", "", None, ""),
    ],
)
def test_only_what_was_there_before_pooling_is_a_skip_connection(sandbox, join, last, loses, words):
    found, _ = lost(student_of(sandbox, JOINED.format(join=join, last=last)), "build_unet")
    assert set(found) == ({f"build_unet.{loses}"} if loses else set())
    assert all(words in message for message in found.values())


@pytest.mark.parametrize(("given", "right"), [("", True), ("None, None", True), ("128, 128", False)])
def test_a_sequential_network_is_judged_by_its_input_as_others_are(sandbox, given, right):
    code = f"""
import keras
from keras import layers
def build_fcn():
    steps = {f"[keras.Input(({given}, 3))]" if given else "[]"}
    for depth in (8, 16, 32):
        steps += [layers.Conv2D(depth, 3, padding="same", activation="relu"), layers.MaxPooling2D(2)]
    up = [layers.Conv2DTranspose(16, 2, strides=2), layers.Conv2DTranspose(8, 2, strides=2), layers.Conv2D(2, 1)]
    return keras.Sequential(steps[:-1] + up)
"""
    found, _ = lost(student_of(sandbox, code), "build_fcn")
    assert set(found) == (set() if right else {"build_fcn.form"})


# The masks.


def test_bands_lie_above_what_marks_everything_and_above_the_first_network():
    _, *runs = read_lines(DATA / "solution-lab6.jsonl")
    for source, (least, second, _) in images.BANDS.items():
        reached = {
            what: np.mean([run["test"] for run in runs if (run["what"], run["source"]) == (what, source)])
            for what in ("everything", "colors", "fcn")
        }
        assert max(reached["everything"], reached["colors"]) < least and reached["fcn"] < second


@pytest.mark.parametrize("first", one_in(10, range(0, 200, 20)))
def test_a_right_split_loses_nothing_whatever_the_secret(first):
    right = domains.DOMAINS["split"].solve
    lost = [
        seed
        for seed in range(first, first + 20)
        if mutation.loses_points(LAB, "split", domains.namespace("split", right), seed)
    ]
    assert lost == []


@pytest.mark.long
def test_other_ways_to_train_change_what_they_name_and_never_see_held_out_images(tmp_path):
    solved, asked = make_solutions.solution("lab6"), []
    # The small network stands for both.
    solved = replace(solved, build_model=solved.parts["build_fcn"])
    data = solution.HeldOut("sample")
    data.x_train, data.y_train, data.x_test, data.y_test = (
        part[:8, :32, :32] for part in (data.x_train, data.y_train, data.x_test, data.y_test)
    )

    def unchanged(image, mask, rng):
        asked.append(image)
        return image, mask

    own = solved.parts["augment"]
    ways = {"longer": {"epochs": 2}, "nothing is changed": {"augment": unchanged}}
    train = functools.partial(solution.train, solved, data, tmp_path / "kept.jsonl", [0], 1, tried=ways)
    _, lines = train()
    *_, usual, longer, still = lines
    assert [line["what"] for line in (usual, longer, still)] == ["own", *(f"tried: {way}" for way in ways)]
    assert [line["epochs"] for line in (usual, longer, still)] == [1, 2, 1]
    assert len(asked) == still["training"] and solved.parts["augment"] is own
    assert "test" in usual and not {"test", "each"} & (longer.keys() | still.keys())
    assert train()[1] == lines and len(asked) == still["training"], "what is kept is not trained again"


def test_a_release_gives_images_and_keeps_their_masks(tmp_path):
    given = images.for_release(tmp_path, 7)
    with np.load(io.BytesIO(given["test_images.npz"])) as archive:
        x = archive["images"]
    assert set(given) == {"test_images.npz"} and x.shape == (images.N_TEST, 128, 128, 3)
    graded = images.for_grading(tmp_path, 7)
    assert graded["bands"] == images.BANDS["sample"] and "drawn" in graded["data"]
    assert np.array_equal(graded["masks"], images.drawn_test(7)[1])
    assert images.for_release(tmp_path, 7) == given
    with pytest.raises(UserError, match="masks of other test images"):
        images.for_release(tmp_path, 8)
    (tmp_path / images.LABELS).write_bytes(b"PK damaged")
    with pytest.raises(UserError, match="do not fit"):
        images.for_grading(tmp_path, 7)


def test_real_images_are_held_out_turned_and_hard_to_look_up(tmp_path, monkeypatch):
    folder = tmp_path / "WARWICK" / "Train"
    folder.mkdir(parents=True)
    x, y = glands.draw_glands([9], 42)
    for k, (image, mask) in enumerate(zip(x, y, strict=True)):
        Image.fromarray(image).save(folder / f"image_{k:02}.png")
        Image.fromarray(mask * np.uint8(255)).save(folder / f"label_{k:02}.png")
    monkeypatch.setenv("CNN_COURSE_DATA", str(tmp_path))
    graded = images.for_grading(tmp_path, 7)
    assert graded["bands"] == images.BANDS["real"] and len(graded["masks"]) == glands.N_HELD_OUT
    trained = {mask.tobytes() for mask in glands.load("real", verbose=False).y_train}
    for mask in graded["masks"]:
        views = [np.rot90(one, k) for one in (mask, mask[:, ::-1]) for k in range(4)]
        assert not any(np.ascontiguousarray(one).tobytes() in trained for one in views)
    assert not np.array_equal(images.for_grading(tmp_path, 8)["masks"], graded["masks"])


def large_picture():
    """10⁵ × 10⁵ black pixels in a few kilobytes."""

    def chunk(kind, data):
        return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)

    header = (10**5).to_bytes(4) * 2 + bytes([1, 0, 0, 0, 0])
    body = chunk(b"IDAT", zlib.compress(bytes(10**6)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


def bomb():
    """Masks of 300 MB in a file of some hundred kilobytes."""
    head, file = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "|u1", "fortran_order": False, "shape": (12, 128, 16)})
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("masks.npy", "w") as inside:
        inside.write(head.getvalue())
        for _ in range(300):
            inside.write(bytes(10**6))
    return file.getvalue()


def with_text():
    """The right picture, and a text that unpacks to 100 MB."""
    more = PngImagePlugin.PngInfo()
    more.add_text("comment", "x" * 10**8, zip=True)
    below = material()["masks"].reshape(-1, 128) * np.uint8(255)
    file = io.BytesIO()
    Image.fromarray(below).save(file, "PNG", pnginfo=more)
    return file.getvalue()


def pickled():
    file = io.BytesIO()
    np.savez(file, masks=np.array([print], dtype=object))
    return file.getvalue()


@pytest.mark.parametrize("name", ["picture", "bomb", "text", "pickled", "nothing"])
def test_hostile_masks_lose_and_harm_nobody(sandbox, name):
    content = {
        "picture": lambda: {"masks.png": large_picture()},
        "bomb": lambda: {"masks.npz": bomb()},
        "text": lambda: {"masks.png": with_text()},
        "pickled": lambda: {"masks.npz": pickled()},
        "nothing": lambda: {"masks.npz": b""},
    }[name]()
    found, _ = lost(student_of(sandbox, given=content), "masks")
    assert set(found) == MASKS and all("masks." in message for message in found.values())


def test_masks_that_are_too_good_are_shown_to_a_person(sandbox):
    right = {"masks.npz": packed(material()["masks"])}
    found, flags = lost(student_of(sandbox, given=right), "masks")
    assert not found and len(flags) == 1 and "were the right masks known?" in flags[0]
    assert lost(student_of(sandbox, given=dict(files())), "masks") == ({}, [])


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("masks_inverted", "It is inverted"),
        ("masks_swapped", "fit other images than their own"),
        ("masks_transposed", "transposed"),
        ("masks_mirrored", "mirrored left to right"),
        ("masks_moved", "moved, by 11 pixels down and 9 pixels left"),
        ("masks_one_missing", "It holds 11 masks, where there must be 12"),
        ("masks_gray", "It has gray pixels"),
        ("masks_not_packed", "which are not packed"),
        ("masks_objects", "type object"),
        ("masks_everything", "Every pixel of all masks is marked"),
    ],
)
def test_each_way_to_get_a_file_wrong_has_its_sentence(fault, words):
    (one,) = (one for one in LAB.faults if one.id == fault)
    found = trial.outcome(None, 0, fault=one)
    assert words in found.lost["masks.form"]


def test_of_two_files_the_first_counts_and_a_person_and_the_message_say_so(sandbox):
    wrong = {"masks.npz": packed(1 - material()["masks"])}
    found, flags = lost(student_of(sandbox, given=dict(files(picture=True)) | wrong), "masks")
    assert set(found) == MASKS and flags == ["Both masks.npz and masks.png were handed in. masks.npz counts."]
    assert all(found[line].endswith(flags[0]) for line in ("masks.form", "masks.least"))
    found, flags = lost(student_of(sandbox, given=dict(files(picture=True))), "masks")
    assert found == {} and flags == []


def test_the_form_is_looked_at_in_a_notebook():
    student = trial.student_of({}, dict(files()))
    assert handed_in.CHECK.formed(student).passed
    student = trial.student_of({}, {"masks.npz": b"nothing"})
    assert "neither a PNG nor a .npz" in handed_in.CHECK.formed(student).message
