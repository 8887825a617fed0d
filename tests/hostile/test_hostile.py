"""Hostile submissions with honest ones between them: nothing is paid that was not earned, and nobody is touched."""

import json
import os
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import nbformat
import psutil
import pytest

from tests.autograder.test_pipeline import solved
from tests.conftest import PROGRAM, ROOT, scores
from tests.hostile import LEAKED, MARKER, NEIGHBOR, corpus, digest, hand_in

CORPUS = corpus()
NEIGHBORS = ("a-neighbor", "m-neighbor", NEIGHBOR)
#: In the short form what hangs is given up soon: nothing honest in the class takes a second, but where the machine is
#: at something else.
SHORT = {"cell_seconds": 2.0, "question_seconds": 1.5, "total_seconds": 15.0}
#: What the short form tries: one of each family.
SOME = list({one.family: one for one in reversed(CORPUS)}.values())
Graded = namedtuple("Graded", "tried folder done records before after")
#: Where a file that an attack left would be seen from outside.
PLACES = ("/", "/tmp", "/var/tmp", "/dev/shm", "/home", "/srv", "/opt", "/run", Path.home(), os.getcwd(), sys.prefix)


def machine():
    """Return what no submission may change: files that attacks leave, and the code of the course."""
    places = filter(os.path.isdir, PLACES)
    left = {place: sorted(name for name in os.listdir(place) if MARKER in name) for place in places}
    code = {path: path.read_bytes() for name in ("autograder", "source_lib") for path in (ROOT / name).rglob("*.py")}
    startup = [*Path.home().glob(".ipython/profile_default/startup/*"), *Path(sys.prefix).rglob("usercustom*")]
    return left, code, startup


def handed_in(folder):
    """Return the content of all submissions, but for files without end."""
    found = {}
    for place, _, names in os.walk(folder / "assignments" / "submitted"):
        for path in (Path(place, name) for name in names):
            if path.is_symlink():
                found[path] = os.readlink(path)
            elif path.is_file():
                found[path] = path.read_bytes() if path.stat().st_size < 2**28 else path.stat().st_size
    return found


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((SOME, SHORT), id="short"),
        pytest.param((CORPUS, {}), id="patient", marks=pytest.mark.long),
    ],
)
def graded(request, released, tmp_path_factory, sandbox_works):
    tried, limits = request.param
    folder = tmp_path_factory.mktemp("hostile") / "course"
    subprocess.run(["cp", "-a", released, folder], check=True)
    with open(folder / "nbgrader_config.py", "a") as file:
        file.writelines(f"c.TrustedExecute.{name} = {seconds}\n" for name, seconds in limits.items())
    submitted = folder / "assignments" / "submitted"
    release = nbformat.read(folder / "assignments/release/lab1/lab1.ipynb", as_version=4)
    right = solved(folder)
    for student in NEIGHBORS:
        (submitted / student / "lab1").mkdir(parents=True)
        nbformat.write(right, submitted / student / "lab1" / "lab1.ipynb")
    for one in tried:
        hand_in(one, submitted / one.name / "lab1", release, right)
    before = machine(), handed_in(folder)
    command = [PROGRAM, "grade", "lab1", "--course", folder, "--json", folder / "out.json", "--workers", "2"]
    done = subprocess.run([*command, "--no-feedback"], capture_output=True, text=True)
    assert done.returncode == 2, done.stdout[-2000:] + done.stderr[-2000:]
    records = {record["student"]: record for record in json.loads((folder / "out.json").read_text())}
    return Graded(tried, folder, done, records, before, after=(machine(), handed_in(folder)))


def overpaid(graded):
    """Return who got more than their honest part earns."""
    points = [(one, graded.records[one.name]["points"]) for one in graded.tried]
    return {one.name: got for one, got in points if got > one.points}


def test_the_corpus_is_large_and_each_family_has_several():
    families = [one.family for one in CORPUS]
    assert len(CORPUS) >= 60 and len({one.name for one in CORPUS}) == len(CORPUS)
    assert min(families.count(name) for name in families) >= 2 and len(set(families)) >= 17
    assert all(one.tries.endswith(".") and one.tries.count(". ") == 0 for one in CORPUS)
    # The same attack under two names would count twice.
    assert len({digest(one) for one in CORPUS}) == len(CORPUS)
    assert {one.family for one in SOME} == set(families)


def test_nothing_is_paid_that_was_not_earned(graded, record_property):
    assert set(graded.records) == {one.name for one in graded.tried} | set(NEIGHBORS)
    wrong = overpaid(graded)
    record_property("hostile", {"tried": len(graded.tried), "false accepts": len(wrong)})
    print(f"{len(graded.tried)} hostile submissions tried, {len(wrong)} false accepts.")
    assert wrong == {}


#: Whose attack may hit its own answers, whenever it comes.
HITS_ITSELF = {"signal-interrupts"}


def test_each_gets_what_its_honest_part_earns_or_is_flagged(graded):
    lost = {}
    for one in graded.tried:
        record = graded.records[one.name]
        assert record["isolation"] == "bubblewrap", record
        if record["status"] != "flagged" and record["points"] != one.points and one.name not in HITS_ITSELF:
            lost[one.name] = record
    assert lost == {}


@pytest.mark.parametrize("student", NEIGHBORS)
def test_honest_neighbors_get_everything(graded, student):
    record = graded.records[student]
    assert (record["points"], record["status"]) == (35, "graded"), record


def test_the_gradebook_holds_what_the_report_says_and_nothing_else(graded):
    stored = scores(graded.folder)
    assert set(stored) == set(graded.records)
    for student, record in graded.records.items():
        automatic = {name: score for name, (score, _) in stored[student].items() if name != "discussion"}
        assert sum(automatic.values()) == record["points"], student
        if record["status"] == "flagged":
            assert all(needs for _, needs in stored[student].values()), student


def test_nothing_outside_was_written(graded):
    for before, after in zip(graded.before, graded.after, strict=True):
        assert after == before
    assert not list(graded.folder.rglob(f"*{MARKER}*"))


def test_nothing_was_read_that_is_not_the_job_s_own(graded):
    read = {}
    for path in (graded.folder / "assignments" / "autograded").glob("*/lab1/lab1.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            shown = json.dumps(cell.get("outputs", []))
            if LEAKED in shown:
                read[path.parts[-3]] = shown[:500]
    assert read == {}


def test_no_process_is_left(graded):
    lines = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    assert not [line for line in lines if line.startswith("sleep 9876") or "gradebook.db" in line and "sqlite3" in line]


def test_no_traceback_reaches_whoever_grades(graded):
    assert "Traceback" not in graded.done.stdout + graded.done.stderr
    assert f"{len(graded.records)} graded" in graded.done.stdout
