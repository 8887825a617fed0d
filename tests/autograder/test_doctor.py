"""The doctor finds what is missing and says what to do."""

from autograder.doctor import examine


def missing(findings):
    return [finding.what for finding in findings if not finding.fine]


def test_a_course_that_can_grade_is_fine(course, sandbox_works):
    findings = examine(course)
    assert missing(findings) == []
    assert any("gradebook" in finding.what and "labs in it: 1" in finding.what for finding in findings)


def test_looking_makes_no_gradebook(course):
    (course / "gradebook.db").unlink()
    examine(course)
    assert not (course / "gradebook.db").exists()


def test_what_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("autograder.sandbox.launch.SYSTEM_PATH", "/nowhere")
    monkeypatch.setenv("CNN_COURSE_DATA", str(tmp_path))
    (tmp_path / "mnist.npz").write_bytes(b"half a download")
    said = " ".join(missing(examine(tmp_path)))
    assert "nbgrader_config.py" in said and "bubblewrap" in said and "mnist.npz" in said


def test_a_damaged_gradebook_is_named(course):
    (course / "gradebook.db").write_bytes(b"not a database, not at all")
    assert any("does not open" in what for what in missing(examine(course)))
