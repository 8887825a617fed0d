"""Collecting: every platform's form, whatever is in it, and nothing lost where it is stopped."""

import random
import shutil
import signal
import subprocess
import time
import zipfile

import pytest

from autograder.errors import UserError
from autograder.gradebook.collect import carry_out, planned
from autograder.gradebook.course_folder import open_course
from autograder.gradebook.platform_names import read_collected
from autograder.gradebook.roster import read_roster
from autograder.labs import get_lab
from tests import platforms
from tests.conftest import PROGRAM, ROOT
from tests.platforms import Student, classmates, notebook, packed, write_archive, write_roster

LAB, FILES = get_lab("lab1"), get_lab("lab2")


@pytest.fixture
def root(tmp_path):
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    return tmp_path


def collected(root, path, lab=LAB, roster=None, dry=False):
    """Collect, and return the plan by student, and the plan."""
    course = open_course(root)
    with planned(course, lab, path, roster and read_roster(roster)) as plan:
        if not dry:
            list(carry_out(course, lab, plan))
        return {one.student: one for one in plan.students}, plan


def there(root, student, lab=LAB):
    folder = root / "assignments" / "submitted" / student / lab.name
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def one(files, name="ada", number=7, **more):
    return Student(name, "Ada", "Lovelace", number, files, **more)


@pytest.mark.parametrize("platform", platforms.PLATFORMS)
def test_each_platform_is_taken_in_with_all_files_and_under_the_roster_s_ids(root, platform):
    students = [*classmates(FILES, 3), Student("ö å", "Åsa", "Öst", 9, {"lab2 (1).ipynb": notebook(FILES)})]
    path = write_archive(
        root / f"given{'' if platform in ('exchange', 'folders') else '.zip'}", platform, FILES, students
    )
    roster = write_roster(root / "class.csv", [*students, Student("zoe", "Zoe", "Z", 99, {})])
    dry, _ = collected(root, path, FILES, roster, dry=True)
    assert set(dry) == {"s000", "s001", "s002", "ö å"} and not (root / "assignments").exists()
    _, plan = collected(root, path, FILES, roster)
    assert plan.missing == ["zoe"] and plan.problems == []
    taken = there(root, "s001", FILES)
    assert taken.pop("timestamp.txt", b"2026-11-03 22:59:00.000000 UTC") == b"2026-11-03 22:59:00.000000 UTC"
    assert taken == students[1].files
    assert there(root, "ö å", FILES)["lab2.ipynb"] == notebook(FILES)
    records = read_collected(root, "lab2")
    assert len(records) == 4 and records["lab2", "s001"].platform == platform.partition("-")[0]
    again, _ = collected(root, path, FILES, roster)
    assert {each.state for each in again.values()} == {"as before"}
    assert not (root / "assignments" / "earlier").exists()


@pytest.mark.parametrize("platform", platforms.PLATFORMS)
def test_a_name_may_hold_what_names_hold(root, platform):
    names = ("O'Brien", "Anna-Maria", "d’Arc", "St. John", "李", "Nuñez_Ruiz", "Late", "Smith Jr.", "X5")
    students = [
        Student(f"s{n}", first, last, 40 + n, {"lab1.ipynb": notebook(LAB, 1 + n)}, late=n % 2 == 0)
        for n, (first, last) in enumerate(zip(names, reversed(names), strict=True))
    ]
    place = root / ("given" if platform in ("exchange", "folders") else "given.zip")
    roster = write_roster(root / "class.csv", students)
    _, plan = collected(root, write_archive(place, platform, LAB, students), LAB, roster)
    assert (plan.missing, plan.problems) == ([], [])
    assert all(there(root, one.id)["lab1.ipynb"] == one.files["lab1.ipynb"] for one in students)


@pytest.mark.parametrize("platform", ["brightspace", "gradescope", "exchange"])
def test_the_newest_attempt_counts_by_the_platform_s_time(root, platform):
    student = one({"lab1.ipynb": notebook(LAB, 2)}, earlier={"lab1.ipynb": notebook(LAB, 1)})
    path = write_archive(root / ("given" if platform == "exchange" else "given.zip"), platform, LAB, [student])
    found, _ = collected(root, path)
    (name,) = found
    assert there(root, name)["lab1.ipynb"] == student.files["lab1.ipynb"]
    assert "The newest of 2 attempts counts." in found[name].said


def test_an_earlier_submission_is_kept_and_a_later_one_is_not_replaced(root):
    days = [platforms.WHEN.replace(day=day) for day in (3, 5)]
    archives = [
        write_archive(root / f"{n}.zip", "brightspace", LAB, [one({"lab1.ipynb": notebook(LAB, n)}, when=when)])
        for n, when in enumerate(days, start=1)
    ]
    collected(root, archives[0])
    found, _ = collected(root, archives[1])
    assert "an earlier one, which is kept" in found["Ada Lovelace"].said[-1]
    kept = root / "assignments/earlier/Ada Lovelace/lab1/1/lab1.ipynb"
    assert kept.read_bytes() == notebook(LAB, 1) and there(root, "Ada Lovelace")["lab1.ipynb"] == notebook(LAB, 2)
    found, _ = collected(root, archives[0])
    assert found["Ada Lovelace"].state == "later there"
    assert there(root, "Ada Lovelace")["lab1.ipynb"] == notebook(LAB, 2)


def test_what_a_person_put_right_by_hand_stays(root):
    path = write_archive(root / "given.zip", "canvas", LAB, [one({"lab1.ipynb": notebook(LAB)})])
    collected(root, path)
    (place,) = (root / "assignments/submitted").glob("*/lab1/lab1.ipynb")
    place.write_bytes(notebook(LAB, 5))
    collected(root, path)
    assert place.read_bytes() == notebook(LAB, 5)


@pytest.mark.parametrize(
    ("files", "taken", "says"),
    [
        ({"lab1 (1).ipynb": 2}, {"lab1.ipynb": 2}, "lab1 (1).ipynb was taken as lab1.ipynb"),
        ({"Lab1.ipynb": 2}, {"lab1.ipynb": 2}, "it is the only notebook"),
        ({"lab1/lab1.ipynb": 2, "lab1/help.py": b"h"}, {"lab1.ipynb": 2, "help.py": b"h"}, "it is the only notebook"),
        ({"lab1.ipynb.txt": 2}, {"lab1.ipynb": 2}, "lab1.ipynb.txt was taken"),
        ({"lab1.ipynb": 0, "lab1-solved.ipynb": 2}, {"lab1.ipynb": 2, "other/lab1.ipynb": 0}, "alone holds answers"),
        ({"lab1.ipynb": 2, "old.ipynb": 1}, {"lab1.ipynb": 2, "old.ipynb": 1}, "2 notebooks may be meant"),
        ({"lab1.ipynb": 2, "copy.ipynb": 2}, {"lab1.ipynb": 2, "copy.ipynb": 2}, ""),
        ({"lab1.ipynb": 0}, {"lab1.ipynb": 0}, "as it was released"),
        ({"work.pdf": b"%PDF-1"}, {"work.pdf": b"%PDF-1"}, "What was handed in: work.pdf"),
        ({"lab1.ipynb": b"<html><title>Log in</title>"}, {"lab1.ipynb": b"<html><title>Log in</title>"}, '"Log in"'),
        ({"lab1.ipynb": 2, "timestamp.txt": b"2020-01-01"}, {"lab1.ipynb": 2}, ""),
        ({"all.zip": packed({"x/lab1.ipynb": b"{}", "x/a.py": b"1"})}, {"lab1.ipynb": b"{}", "a.py": b"1"}, "unpacked"),
    ],
)
def test_what_is_taken_of_one_student(root, files, taken, says):
    def real(contents):
        return {n: notebook(LAB, c) if isinstance(c, int) else c for n, c in contents.items()}

    found, _ = collected(root, write_archive(root / "given.zip", "moodle", LAB, [one(real(files))]))
    (student,) = found.values()
    assert there(root, student.student) == real(taken)
    assert says in " ".join(student.said + student.doubts)


def test_files_that_the_lab_asks_for_are_found_under_the_names_of_browsers_and_platforms(root):
    files = {"lab2.ipynb": notebook(FILES), "runs-1.jsonl": b"r"}
    collected(root, write_archive(root / "given.zip", "canvas", FILES, [one(files)]), FILES)
    (name,) = [path.name for path in (root / "assignments/submitted").iterdir() if path.is_dir()]
    assert there(root, name, FILES)["runs.jsonl"] == b"r"


def hostile(place, entries, others=()):
    """Write a Moodle archive with odd entries of one student, and right ones of others."""
    write_archive(place, "moodle", LAB, others)
    with zipfile.ZipFile(place, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, content, mode in entries:
            full = f"Eve E_6_assignsubmission_file_/{name}" if mode is not None else name
            info = zipfile.ZipInfo(full, platforms.WHEN.timetuple()[:6])
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, (mode or 0o644) << 16
            archive.writestr(info, content)
    return place


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (("../../../../escaped.txt", b"x", 0o644), "leads out of its folder"),
        (("link", b"/etc/passwd", 0o120777), "is a link"),
        (("a\u202eb.py", b"x", 0o644), "do not show"),
        (("/".join("d" * 30) + "/x", b"x", 0o644), "folders, one in the other"),
        (("bomb.zip", packed({"zeros": bytes(500 * 2**20)}), 0o644), "unpacks to more than"),
        (("broken.zip", b"PK\x03\x04" + bytes(50), 0o644), "was not unpacked"),
        (("x" * 240, b"x", 0o644), "name that is too long"),
    ],
    ids=["out", "link", "hidden", "deep", "bomb", "broken", "long"],
)
def test_one_student_s_odd_archive_costs_nobody_else(root, entry, says):
    mine = ("lab1.ipynb", notebook(LAB), 0o644)
    path = hostile(root / "given.zip", [mine, entry], [one({"lab1.ipynb": notebook(LAB)})])
    found, _ = collected(root, path)
    assert says in " ".join(found["Eve E"].doubts)
    assert there(root, "Lovelace Ada") == {"lab1.ipynb": notebook(LAB)}
    assert not list(root.parent.rglob("escaped.txt")) and not list(root.rglob(".lab1.new"))
    assert [path for path in root.rglob("*") if path.is_symlink()] == []


def test_an_absolute_path_and_a_name_in_an_old_encoding(root):
    path = hostile(root / "given.zip", [("/etc/evil", b"x", None)], [one({"lab1.ipynb": notebook(LAB)})])
    data = path.read_bytes()
    assert data.count(b"Lovelace") == 2
    path.write_bytes(data.replace(b"Lovelace", "Lövelac".encode()))
    found, plan = collected(root, path)
    assert set(found) == {"Lövelac Ada"} and "leads out" in plan.problems[0]


def test_a_hundred_thousand_files_take_seconds(root):
    files = {"lab1.ipynb": notebook(LAB), **{f"d{n % 100}/{n}": b"" for n in range(100_000)}}
    path = root / "given.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(f"Ada L_6_assignsubmission_file_/{name}"), content)
    start = time.process_time()
    found, _ = collected(root, path, dry=True)
    assert "were taken" in found["Ada L"].doubts[0] and "lab1.ipynb" in found["Ada L"].files
    assert time.process_time() - start < 60


def truncated(path):
    path.write_bytes(path.read_bytes()[:-200])


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda path: truncated(path), "was cut off"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_bytes(b"hello"), "no zip archive"),
        (lambda path: path.unlink(), "There is no"),
        (lambda path: path.write_bytes(packed({})), "holds no file"),
        (lambda path: path.write_bytes(packed({"loose.ipynb": b"{}"})), "holds no submission"),
    ],
)
def test_an_archive_that_cannot_be_read_is_one_sentence(root, spoil, says):
    path = write_archive(root / "given.zip", "moodle", LAB, classmates(LAB, 2))
    spoil(path)
    with pytest.raises(UserError, match=says):
        collected(root, path)
    assert not (root / "assignments").exists()


def test_an_archive_of_another_lab_is_refused(root):
    path = write_archive(root / "given.zip", "canvas", FILES, classmates(FILES, 2, heading="Lab 2: Regularization"))
    with pytest.raises(UserError, match='of another lab: none of its 2 notebooks.*"Lab 2: Regularization"'):
        collected(root, path)
    assert not (root / "assignments").exists()


def test_a_notebook_in_an_older_encoding_is_taken_and_a_person_looks(root):
    content = notebook(LAB, heading="Café").decode().encode("cp1252")
    assert b"\xe9" in content
    path = write_archive(root / "given.zip", "moodle", LAB, [one({"lab1.ipynb": content}), *classmates(LAB, 1)])
    found, _ = collected(root, path)
    doubts = {name: student.doubts for name, student in found.items()}
    assert [len(texts) for texts in doubts.values()] == [0, 1], doubts
    assert "read as Windows-1252" in " ".join(sum(doubts.values(), []))


def test_two_students_of_one_id_are_not_mixed_up(root):
    twins = [one({"lab1.ipynb": notebook(LAB, n)}, number=n) for n in (1, 2)]
    path = write_archive(root / "given.zip", "moodle", LAB, [*twins, *classmates(LAB, 1)])
    found, plan = collected(root, path)
    assert list(found) == ["Last0 First0"] and "more than one student" in plan.problems[0]
    roster = write_roster(root / "class.csv", [Student(f"ada{n}", "Ada", "Lovelace", n, {}) for n in (1, 2)])
    found, plan = collected(root, path, roster=roster)
    assert set(found) == {"ada1", "ada2"} and "not on the roster" in plan.problems[0]


STOPPED = (signal.SIGKILL, signal.SIGINT)


@pytest.mark.parametrize("kills", [pytest.param(1, id="one"), pytest.param(50, id="fifty", marks=pytest.mark.long)])
def test_kills_at_random_moments_lose_and_double_nothing(root, kills):
    students = classmates(FILES, 40)
    first = write_archive(root / "1.zip", "brightspace", FILES, students)
    later = [
        Student(s.id, s.first, s.last, s.number, {**s.files, "more.py": b"m"}, s.when.replace(day=8)) for s in students
    ]
    second = write_archive(root / "2.zip", "brightspace", FILES, later)
    command = [PROGRAM, "collect", "lab2", "--course", root]
    start = time.monotonic()
    assert subprocess.run([*command, first], capture_output=True).returncode == 0
    whole = time.monotonic() - start
    chance = random.Random(4)
    for number in range(kills):
        process = subprocess.Popen([*command, second], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(whole * chance.uniform(0.5, 1))
        process.send_signal(STOPPED[number % 2])
        process.wait()
        if number == kills - 1 or chance.random() < 0.2:
            assert subprocess.run([*command, second], capture_output=True).returncode == 0
            for student in later:
                name = f"{student.first} {student.last}"
                taken = there(root, name, FILES)
                assert taken.pop("timestamp.txt").startswith(b"2026-11-08") and taken == student.files
                kept = root / "assignments/earlier" / name / "lab2"
                assert [path.name for path in kept.iterdir()] == ["1"] and (kept / "1/runs.jsonl").is_file()
            assert list(root.rglob(".lab2.new")) == [] and len(read_collected(root)) == 40
            shutil.rmtree(root / "assignments")
            subprocess.run([*command, first], capture_output=True)


def test_a_time_that_a_person_wrote_for_a_late_one_stays_and_settles_it(root):
    path = write_archive(root / "given.zip", "canvas", LAB, [one({"lab1.ipynb": notebook(LAB)}, late=True)])
    found, _ = collected(root, path)
    (student,) = found.values()
    assert "does not say by how much" in student.doubts[0]
    stamp = root / "assignments" / "submitted" / student.student / "lab1" / "timestamp.txt"
    stamp.write_text("2026-11-03 23:10:00 UTC")
    again, _ = collected(root, path)
    assert again[student.student].doubts == [] and stamp.read_text() == "2026-11-03 23:10:00 UTC"


def test_the_command_shows_and_says(root):
    students = [one({"work.ipynb": notebook(LAB)}, late=True), *classmates(LAB, 1)]
    path = write_archive(root / "given.zip", "canvas", LAB, students)
    write_roster(root / "roster.csv", [*students, Student("zoe", "Zoe", "Z", 99, {})])
    done = subprocess.run(
        [PROGRAM, "collect", "lab1", path, "--course", root, "--dry-run"], capture_output=True, text=True
    )
    assert done.returncode == 2, done.stderr
    assert "ada: new, time unknown; found work.ipynb" in done.stdout
    assert "look: The platform calls it late" in done.stdout
    assert "work.ipynb was taken as lab1.ipynb" in done.stdout and "Missing, 1 of the roster: zoe." in done.stdout
    assert "2 found, 2 would be taken; nothing was written" in done.stdout
    (root / "roster.csv").write_text("id,name\nada,A\nada,B\n")
    done = subprocess.run([PROGRAM, "collect", "lab1", path, "--course", root], capture_output=True, text=True)
    assert done.returncode == 1 and "has the id ada more than once" in done.stderr.replace("\n", " ")
