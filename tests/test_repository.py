"""What surrounds the code: the files agree with each other, and the package gives nothing away."""

import ast
import importlib.metadata
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import warnings
import zipfile
from pathlib import Path

import jupytext
import pytest
import typer.main
import yaml
from packaging.requirements import Requirement

from autograder.cli import app
from autograder.gradebook.release import solution_lines
from autograder.labs import lab_names

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DOCUMENTS = sorted(ROOT.glob("*.md"))
PACKAGES = ("source_lib", "autograder")


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def required(*extras):
    """Return the distributions that an installation with these extras asks for, extras of extras included."""
    lines = list(PROJECT["dependencies"]) + [line for e in extras for line in PROJECT["optional-dependencies"][e]]
    names = set()
    for line in lines:
        name, inner = re.match(r"([\w.-]+)(?:\[([\w,-]+)\])?", line).groups()
        if canonical(name) != PROJECT["name"]:
            names.add(canonical(name))
        elif inner:
            names |= required(*inner.split(","))
    return names


def pins():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


@pytest.fixture(scope="module")
def files():
    """The files that git knows or would take in, so that what is not yet committed is looked at too."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout, so there is no list of its files")
    command = ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    return [ROOT / name for name in listed if name and (ROOT / name).is_file()]


# versions


def test_everything_that_is_asked_for_is_pinned():
    pinned = {canonical(line.split("==")[0]) for line in pins()}
    assert required(*PROJECT["optional-dependencies"]) - pinned == set()


def test_constraints_are_exact_versions_and_nothing_else():
    assert [line for line in pins() if not re.fullmatch(r"[\w.-]+==[\w.!+]+", line)] == []
    names = [canonical(line.split("==")[0]) for line in pins()]
    assert len(names) == len(set(names))


def test_pinned_versions_are_in_the_ranges_that_are_asked_for():
    versions = {canonical(name): version for name, version in (line.split("==") for line in pins())}
    lines = [*PROJECT["dependencies"], *(line for extra in PROJECT["optional-dependencies"].values() for line in extra)]
    asked = [Requirement(line) for line in lines]
    outside = [str(r) for r in asked if (v := versions.get(canonical(r.name))) and v not in r.specifier]
    assert outside == []


def test_conda_installs_the_same_through_the_constraints():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["name"] == PROJECT["name"]
    assert environment["channels"] == ["conda-forge"]
    *from_conda, from_pip = environment["dependencies"]
    version = next(line for line in from_conda if line.startswith("python=")).removeprefix("python=")
    assert PROJECT["requires-python"] == f">={version}"
    assert "pip" in from_conda
    assert from_pip == {"pip": ["-c constraints.txt", "-e .[dev]"]}


@pytest.mark.parametrize(
    ("folder", "extras"),
    [("source_lib", ()), ("autograder", ("instructor", "cluster")), ("book", ("instructor", "book"))],
)
def test_what_is_imported_is_asked_for(folder, extras):
    owners = importlib.metadata.packages_distributions()
    asked = required(*extras) | {PROJECT["name"]}
    modules = {
        (path.name, module.split(".")[0])
        for path in (ROOT / folder).rglob("*.py")
        if "_build" not in path.parts
        for module in imports(path)
    }
    strangers = {
        (name, module)
        for name, module in modules
        if module not in {*sys.stdlib_module_names, folder} and not asked & set(map(canonical, owners.get(module, ())))
    }
    assert strangers == set()


def imports(path):
    """Return the modules that a file imports anywhere, relative ones by their full name."""
    package = path.relative_to(ROOT).with_suffix("").parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join([*package[: -node.level], *([node.module] if node.module else [])])
            base = base if node.level else node.module
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return found


def test_the_checks_of_a_notebook_need_nothing_of_an_instructor_s():
    """Students install the package alone: what only instructors get may be missing, whatever Jupyter brings along."""
    asked = {Requirement(line).name for line in PROJECT["optional-dependencies"]["instructor"]}
    # These come with what a student installs: with scikit-learn, with rich and with any Jupyter.
    others = sorted(asked - {"threadpoolctl", "pygments", "traitlets"})
    code = f"""
import sys
sys.modules.update(dict.fromkeys({others!r}))
from autograder import open_lab
from autograder.labs import lab_names
for name in lab_names():
    print(name, float(open_lab(name, {{}})()))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert [line.split() for line in done.stdout.splitlines()] == [[name, "0.0"] for name in lab_names()]


# documents


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_pictures_exist(path):
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    found = re.findall(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)", text)
    assert [target for _, _, target in found if not re.match(r"https?://|#", target) and not resolves(target)] == []
    assert [target for picture, alt, target in found if picture and len(alt) < 20] == [], "a picture needs words"


def resolves(target):
    path = (ROOT / target.partition("#")[0]).resolve()
    return path.is_relative_to(ROOT) and path.exists()


def test_the_readme_has_a_picture_that_can_be_read_and_loaded():
    (target,) = re.findall(r"!\[[^\]]+\]\((\S+)\)", (ROOT / "README.md").read_text())
    data = (ROOT / target).read_bytes()
    assert data.startswith(b"\x89PNG") and len(data) < 300_000
    width = int.from_bytes(data[16:20])
    assert 800 <= width <= 2000


def commands(path):
    """Return the commands of a document's shell blocks, without their comments."""
    blocks = re.findall(r"^```(?:bash|sh|console)\n(.*?)^```", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    lines = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


def make_targets():
    (line,) = [line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith(".PHONY:")]
    return set(line.split()[1:])


def test_the_readme_begins_with_the_two_commands():
    assert commands(ROOT / "README.md")[:2] == [["make", "demo"], ["make", "test"]]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_commands_that_are_named_exist(path):
    text = path.read_text()
    makes = set(re.findall(r"\bmake ([a-z][a-z-]*)`", text)) | {c[1] for c in commands(path) if c[0] == "make"}
    assert makes <= make_targets()
    ours = set(re.findall(r"`cnn-course ([a-z-]+)", text)) | {c[1] for c in commands(path) if c[0] == "cnn-course"}
    assert ours <= set(typer.main.get_command(app).commands)


def test_every_make_target_has_a_rule_and_a_word_of_help():
    text = (ROOT / "Makefile").read_text()
    assert make_targets() == set(re.findall(r"^([a-z-]+):", text, re.MULTILINE))
    explained = set(re.findall(r'@echo "make ([a-z-]+) ', text))
    assert make_targets() - explained <= {"help", "lint", "test-long"}


def test_the_citation_file_names_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(citation)
    assert citation["authors"] == [{"name": "The cnn-course authors"}]
    assert str(citation["version"]) == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]


def test_the_changelog_names_this_version_and_its_date():
    releases = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert releases[0] == (PROJECT["version"], str(citation["date-released"]))
    assert [date for _, date in releases] == sorted((date for _, date in releases), reverse=True)


def test_the_license_is_the_one_that_is_declared():
    text = (ROOT / "LICENSE").read_text()
    assert text.startswith(f"{PROJECT['license']} License")
    assert "cnn-course authors" in text


# what must not be in a repository


def test_no_file_names_this_machine_or_a_package_index(files):
    hosts = r"pypi\.org|pythonhosted\.org|repo\.anaconda\.com|conda\.anaconda\.org|registry\.npmjs\.org"
    here = [re.escape(str(ROOT)) + r"\b", re.escape(str(Path.home())) + r"/[\w.-]+"]
    telling = re.compile("|".join([hosts, *(r"(?<![\w.])" + place for place in here)]))
    assert {path.name: hit.group() for path in files if (hit := telling.search(content(path)))} == {}


def test_no_file_is_unfinished(files):
    # The brackets keep this line from finding itself.
    left = re.compile(r"\b(?:TOD[O]|FIXM[E]|XX[X])\b|lorem ips[u]m|^(?:<{7}|>{7}) ", re.MULTILINE | re.IGNORECASE)
    assert {path.name: hit.group() for path in files if (hit := left.search(content(path)))} == {}


def content(path):
    data = path.read_bytes()
    return "" if b"\0" in data else data.decode()


def test_files_are_small_and_links_stay_inside(files):
    assert [path.name for path in files if path.stat().st_size > 500_000] == []
    assert [path.name for path in files if not path.resolve().is_relative_to(ROOT)] == []


def test_what_is_generated_is_ignored():
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    made = [f"assignments/{step}/x" for step in ("source", "release", "submitted", "autograded", "feedback")]
    made += ["gradebook.db", "course_secret", "demo/report.json", "book/_build/html/index.html", ".venv/bin/python"]
    made += ["downloaded/submissions.zip", "grades.csv", "grades.json", "assignments/earlier/x", "collected.jsonl"]
    made += ["roster.csv", ".collected-lab1.json", "assignments/submitted/.collect.lock"]
    made += ["labels/lab3.csv", "leaderboard/lab3.html", "leaderboard-private/names.csv", ".color_baseline-0.npy"]
    made += ["groups.csv", "exempt.csv", "regrades.jsonl", "similar/lab1.html", "watched.jsonl", ".watch-lab1.lock"]
    done = subprocess.run(["git", "-C", ROOT, "check-ignore", *made], capture_output=True, text=True)
    assert done.stdout.split() == made


# the package


@pytest.fixture(scope="module")
def built(files, tmp_path_factory):
    """The source archive and the wheel, built from a copy of the repository with the setuptools that is installed."""
    folder = tmp_path_factory.mktemp("built")
    copy, out = folder / "copy", folder / "out"
    out.mkdir()
    for path in files:
        target = copy / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    program = "import sys; from setuptools import build_meta; getattr(build_meta, sys.argv[1])(sys.argv[2])"
    for part in ("build_sdist", "build_wheel"):
        done = subprocess.run([sys.executable, "-c", program, part, out], cwd=copy, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
    return out


@pytest.fixture(scope="module")
def wheel(built):
    """The contents of the wheel by name."""
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_is_the_two_packages_and_all_of_them(wheel, files):
    information = f"{PROJECT['name'].replace('-', '_')}-{PROJECT['version']}.dist-info/"
    code = {name for name in wheel if not name.startswith(information)}
    ours = {str(path.relative_to(ROOT)) for path in files}
    assert code == {name for name in ours if name.startswith(tuple(f"{package}/" for package in PACKAGES))}
    assert information + "licenses/LICENSE" in wheel


def test_the_source_archive_has_no_tests_and_no_labs(built):
    (path,) = built.glob("*.tar.gz")
    shutil.unpack_archive(path, path.parent / "unpacked")
    (root,) = (path.parent / "unpacked").iterdir()
    folders = {entry.name for entry in root.iterdir() if entry.is_dir()}
    assert folders == {*PACKAGES, "cnn_course.egg-info"}


#: Where shared code may name a lab, on how many lines, and why.
LABS_NAMED = {
    "autograder/__init__.py": (2, "what a notebook calls, shown by an example"),
    "autograder/cli.py": (2, "examples in the help"),
    "autograder/new_lab.py": (2, "examples of a name that can be chosen"),
    "autograder/checking/lab.py": (1, "an example of a name"),
    "autograder/labs/__init__.py": (2, "an example of a name"),
    "book/draws.py": (3, "an example of a link"),
    "benchmarks/canary.py": (3, "what is measured: the trainings of one lab"),
    "benchmarks/convolution.py": (1, "what is measured: the solutions of one lab"),
    "benchmarks/grading.py": (1, "the lab whose corpora are measured"),
    "benchmarks/semester.py": (1, "the lab whose class is measured"),
    "benchmarks/referee.py": (2, "the lab whose corpora are measured, in a room that sees nothing else"),
}


def test_no_lab_is_named_in_shared_code(files):
    """What knows one lab by name does not know a new one."""
    named = {}
    for path in files:
        name = path.relative_to(ROOT).as_posix()
        shared = name.startswith(("autograder/", "source_lib/", "benchmarks/")) or re.fullmatch(r"book/\w+\.py", name)
        if shared and path.suffix == ".py" and not re.match(r"autograder/labs/\w+/", name):
            lines = [line for line in path.read_text().splitlines() if re.search(r"\blabs? ?\d", line)]
            named |= {name: len(lines)} if lines else {}
    assert named == {name: count for name, (count, _) in LABS_NAMED.items()}


@pytest.mark.parametrize("lab", lab_names())
def test_the_wheel_holds_no_line_of_a_solution(wheel, lab):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        secrets = solution_lines(jupytext.read(ROOT / "assignments" / lab / f"{lab}.md"))
    # What counts is the code of a line: a comment behind it would hide that the line is there.
    secrets = {code for line in secrets if len(code := line.partition("  #")[0]) >= 12}
    assert secrets
    # Weights of a network are no text; whatever else is there is searched as one.
    texts = {name: data.decode("utf-8", errors="replace") for name, data in wheel.items()}
    found = {(name, line) for name, text in texts.items() for line in secrets if line in text}
    # One that ends in the middle of a word there is another line.
    assert {(name, line) for name, line in found if re.search(rf"(?<!\w){re.escape(line)}(?!\w)", texts[name])} == set()


def test_a_student_needs_neither_nbgrader_nor_the_book():
    light = required()
    assert not light & {"nbgrader", "jupyter-book", "jupytext", "jupyterlab", "pytest"}
    assert {"tensorflow", "numpy", "scikit-image"} <= light
