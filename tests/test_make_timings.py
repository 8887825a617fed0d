"""The times that the chapter on speed shows: of the chapter's own code, in turns, and of right answers only."""

import math
import subprocess
import sys

import numpy as np
import pytest
from scipy.signal import correlate2d

from book import make_timings
from book.make_timings import Study, TimingsError
from book.stored import read_lines
from tests.book.pages import ROOT

NAMES = ["by_loops", "by_windows", "by_shifts", "by_rows", "by_scipy", "by_fft", "by_keras"]


@pytest.fixture(scope="module")
def stored():
    return read_lines(make_timings.OUTPUT)


def run(*arguments, first=""):
    """Run the script as `make reproduce` does, after a line of Python."""
    code = f"from book import make_timings\n{first}\nraise SystemExit(make_timings.main({list(map(str, arguments))!r}))"
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=900)


def test_stored_timings_are_what_the_script_makes(stored):
    about, *lines = stored
    assert about["code"] == make_timings.code_key(), "make reproduce: the chapter's functions have changed"
    assert about["studies"] == list(make_timings.STUDIES) and about["rounds"] == make_timings.ROUNDS
    assert about["threads"] == {"numpy": 1, "tensorflow": 1} and about["onednn"] is False
    assert about["one layer"] == {"side": make_timings.SIDE, "count": make_timings.COUNT, "size": make_timings.SIZE}
    assert about["kernel sizes"]["sizes"] == list(make_timings.SIZES)
    assert about["products"]["arithmetic"] == make_timings.PEAK
    assert about["batches"]["batches"] == about["products"]["batches"] == list(make_timings.BATCHES)
    assert set(about["versions"]) == {"python", "keras", "numpy", "scipy", "tensorflow"}
    assert about["made"] >= "2026-11-21" and about["cores"] >= 1
    # Cores, versions and a date are all that is said of the machine.
    assert not {"host", "hostname", "node", "machine", "user"} & set(about)
    for line in lines:
        assert len(line["seconds"]) == about["rounds"] and line["repeats"] >= 1
        assert all(math.isfinite(value) and value > 0 for value in line["seconds"])


def test_stored_timings_are_whole(stored):
    _, *lines = stored
    of = {study: [line for line in lines if line["study"] == study] for study in make_timings.STUDIES}
    assert sum(map(len, of.values())) == len(lines)
    assert [line["way"] for line in of["one layer"]] == NAMES
    # All but the library that keeps its memory to itself.
    assert [line["way"] for line in of["one layer"] if "bytes" in line] == NAMES[:-1]
    swept = [(line["size"], line["way"]) for line in of["kernel sizes"]]
    assert swept == [(size, way) for size in make_timings.SIZES for way in NAMES[2:]]
    assert [line["batch"] for line in of["batches"]] == list(make_timings.BATCHES)
    assert {line["copied"] for line in of["layout"]} == {"along rows", "across"}
    what = [(line["what"], line.get("dtype", line.get("batch"))) for line in of["products"]]
    kinds = [(name, kind) for kind in ("float32", "float64") for name in ("arithmetic", "reading")]
    assert what == [("dense", batch) for batch in make_timings.BATCHES] + kinds


def test_the_chapters_functions_are_found_and_right():
    found = make_timings.ways()
    assert list(found) == NAMES
    rng = np.random.default_rng(5)
    # Nothing is square, and the kernels have no symmetry.
    for shape, kernel in (((9, 14), (3, 5)), ((7, 7), (7, 2)), ((5, 6), (1, 1))):
        image = rng.normal(size=shape).astype(np.float32)
        kernels = rng.normal(size=(*kernel, 3)).astype(np.float32)
        expected = np.stack([correlate2d(image, kernels[..., k], "valid") for k in range(3)], axis=-1)
        before = image.copy(), kernels.copy()
        for name, way in found.items():
            values = np.asarray(way(image, kernels))
            assert values.shape == expected.shape, name
            np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-4, err_msg=name)
        np.testing.assert_array_equal(image, before[0])
        np.testing.assert_array_equal(kernels, before[1])


@pytest.mark.parametrize("study", [make_timings.one_layer, make_timings.kernel_sizes])
def test_small_studies_agree(study):
    small = study(6, 2, **({"size": 3} if study is make_timings.one_layer else {"sizes": (2, 5)}))
    make_timings.check_agreement(small)
    assert {key for group in small.agree for key in group} == set(small.calls)


def test_a_wrong_answer_is_not_timed():
    one, other, turned = np.arange(6.0), np.arange(6.0) + 1e-6, np.arange(6.0)[::-1]
    keys = [(("way", name),) for name in ("one", "other", "turned")]
    make_timings.check_agreement(Study({keys[0]: lambda: one, keys[1]: lambda: other}, [keys[:2]]))
    calls = dict(zip(keys, (lambda: one, lambda: other, lambda: turned), strict=True))
    with pytest.raises(TimingsError, match="turned.*one"):
        make_timings.check_agreement(Study(calls, [keys]))
    with pytest.raises(TimingsError, match="other.*one"):
        make_timings.check_agreement(Study({keys[0]: lambda: one, keys[1]: lambda: other[:1]}, [keys[:2]]))


def test_functions_are_measured_in_turns():
    called = []
    calls = {name: lambda name=name: called.append(name) for name in "abcd"}
    seconds, repeats = make_timings.in_turns(calls, rounds=6, least=0)
    assert repeats == dict.fromkeys("abcd", 1)
    rounds = ["".join(called[start : start + 4]) for start in range(len(called) - 24, len(called), 4)]
    assert all(sorted(turn) == list("abcd") for turn in rounds), rounds
    assert len(set(rounds)) > 1, "always in the same order"
    assert {name: len(values) for name, values in seconds.items()} == dict.fromkeys("abcd", 6)


def test_a_short_call_is_repeated():
    count = [0]

    def call():
        count[0] += 1

    seconds, repeats = make_timings.in_turns({"short": call}, rounds=2, least=0.001)
    warm = count[0] - 2 * repeats["short"]
    assert repeats["short"] > 1 and 1 <= warm <= 10 and len(seconds["short"]) == 2


def test_memory_is_what_is_held_at_most():
    def two_and_back():
        first = np.ones(250_000)
        return (first + 1).sum()

    assert 4_000_000 <= make_timings.memory(two_and_back) < 4_200_000
    # Handed over, not held: what is there before the call does not count.
    there = np.ones(1_000_000)
    assert make_timings.memory(lambda: there[::2]) < 100_000


def test_a_part_is_measured_and_written(tmp_path):
    output = tmp_path / "made.jsonl"
    done = run("--studies", "layout", "batches", "--rounds", "2", "--output", output)
    assert done.returncode == 0, done.stderr
    assert f"The timings are in {output}" in done.stdout
    about, *lines = read_lines(output)
    assert about["studies"] == ["layout", "batches"] and about["rounds"] == 2
    assert about["threads"] == {"numpy": 1, "tensorflow": 1}
    assert {line["study"] for line in lines} == {"layout", "batches"}
    assert {len(line["seconds"]) for line in lines} == {2}


def test_a_mistake_in_the_chapter_is_one_sentence(tmp_path):
    text = make_timings.CHAPTER.read_text()
    flipped = "kernels[::-1, ::-1]"
    assert flipped in text
    (tmp_path / "fast.md").write_text(text.replace(flipped, "kernels"))
    output = tmp_path / "made.jsonl"
    first = f"make_timings.CHAPTER = make_timings.Path({str(tmp_path / 'fast.md')!r})"
    done = run("--studies", "one layer", "--rounds", "1", "--output", output, first=first)
    assert done.returncode == 1 and not output.exists()
    told = done.stderr.splitlines()[-1]
    assert told.startswith("The timings were not made.") and "by_fft" in told and "Traceback" not in done.stderr


def test_the_books_own_file_is_not_overwritten_by_a_part(capsys):
    before = make_timings.OUTPUT.read_bytes()
    for arguments in (["--rounds", "1"], ["--studies", "layout"]):
        with pytest.raises(SystemExit):
            make_timings.main(arguments)
        assert "name another --output" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        make_timings.main(["--rounds", "0"])
    assert "at least one round" in capsys.readouterr().err
    assert make_timings.OUTPUT.read_bytes() == before
