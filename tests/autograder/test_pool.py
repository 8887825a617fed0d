"""The sandbox stays warm, and whatever a job does ends with the job."""

import contextlib
import os
import time

import numpy as np
import pytest

from autograder.sandbox import wire
from autograder.sandbox.launch import private_folders
from autograder.sandbox.pool import JobEndedError, JobOptions, JobTimeoutError, Limits, Sandbox


def run(job, source, seconds=20):
    return job.request({"run": source}, seconds)


def text(reply):
    return "".join(output.get("text", "") for output in reply["outputs"])


@pytest.fixture
def job(sandbox):
    fresh = sandbox.job()
    yield fresh
    fresh.end()


def test_cells_and_questions_share_a_namespace(job):
    assert run(job, "def double(x):\n    return 2 * x")["error"] is None
    reply = job.request({"ask": "double", "args": (np.arange(3.0),)}, 10)
    np.testing.assert_array_equal(reply["value"], [0, 2, 4])
    assert reply["modified"] == []


def test_a_function_that_changes_its_argument_is_found(job):
    run(job, "def spoil(x):\n    x[0] = 9\n    return x.sum()")
    reply = job.request({"ask": "spoil", "args": (np.arange(3.0),)}, 10)
    assert reply["modified"] == [0] and reply["value"] == 12.0


@pytest.mark.parametrize(
    ("definition", "says"),
    [
        ("", "There is no function answer"),
        ("answer = 3", "not a function but int"),
        ("def answer():\n    raise NotImplementedError", "not written yet"),
        ("def answer():\n    return [1, 2][5]", "IndexError: list index out of range (line 2 of its cell: return"),
        ("def answer():\n    raise SystemExit(0)", "stopped with SystemExit"),
        ("def answer():\n    return lambda: 1", "returned an object of type function"),
        ("def answer():\n    return {1, 2}", "returned an object of type set"),
        ("import numpy as np\ndef answer():\n    return np.zeros(10**8)", "at most 64 MB"),
        ("import numpy as np\ndef answer():\n    return np.zeros(3 * 10**6)", "at most 16 MB"),
        ("def answer():\n    return [0] * 3_000_000", "an array holds them better"),
    ],
)
def test_no_answer_says_why(job, definition, says):
    run(job, definition)
    assert says in job.request({"ask": "answer", "args": ()}, 20)["error"]


def test_prints_and_warnings_do_not_spoil_an_answer(job):
    run(
        job,
        "import os, sys, warnings\ndef answer():\n    print('x'); warnings.warn('y'); os.write(2, b'z')\n    return 4",
    )
    assert job.request({"ask": "answer", "args": ()}, 10)["value"] == 4


def test_outputs_of_a_cell_are_collected(job):
    reply = run(job, "import os\nprint('printed')\nos.system('echo echoed')\n5")
    assert text(reply) == "printed\nechoed\n"
    assert {"data": {"text/plain": "5"}} in reply["outputs"]
    pictures = run(job, "import matplotlib.pyplot as plt\nplt.plot([1, 2]);")["outputs"]
    assert any("image/png" in output.get("data", {}) for output in pictures)


def test_an_error_ends_the_cell_and_not_the_job(job):
    error = run(job, "1 / 0")["error"]
    assert error["ename"] == "ZeroDivisionError" and "division by zero" in error["evalue"]
    assert run(job, "input('your name')")["error"]["ename"] == "EOFError"
    assert run(job, "if True print(1)")["error"]["ename"] == "SyntaxError"
    assert text(run(job, "print('still here')")) == "still here\n"


def test_a_model_can_be_trained(job):
    source = (
        "import keras, numpy as np\n"
        "model = keras.Sequential([keras.layers.Conv2D(4, 3), keras.layers.Flatten(), keras.layers.Dense(3)])\n"
        "model.compile('adam', 'mse')\n"
        "log = model.fit(np.ones((32, 9, 9, 1)), np.ones((32, 3)), epochs=2, verbose=0)\n"
        "print(len(log.history['loss']))"
    )
    assert text(run(job, source, 60)) == "2\n"


@pytest.mark.parametrize("magic", ["%matplotlib inline", "%matplotlib notebook", "%pylab inline", "%matplotlib"])
def test_what_stands_first_in_many_notebooks_is_no_error(job, magic):
    reply = run(job, f"{magic}\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()")
    assert reply["error"] is None, reply["error"]
    if "inline" in magic:
        assert any("image/png" in output.get("data", {}) for output in reply["outputs"])


def test_a_job_cannot_ask_to_be_spared_when_memory_runs_out(job):
    assert text(run(job, "print(open('/proc/self/oom_score_adj').read())")).strip() == "1000"
    assert run(job, "open('/proc/self/oom_score_adj', 'w').write('0')")["error"]["ename"] == "OSError"


def test_pictures_without_end_are_cut(job):
    source = (
        "import os\nfrom IPython.display import Image, display\n"
        "for _ in range(40): display(Image(data=b'\\x89PNG\\r\\n\\x1a\\n' + os.urandom(10**6), format='png'))"
    )
    reply = run(job, source, 60)
    pictures = [output for output in reply["outputs"] if "image/png" in output.get("data", {})]
    assert 0 < len(pictures) < 10 and "left out" in reply["outputs"][-1]["data"]["text/plain"]


def test_a_magic_and_the_stand_in_for_the_grader_work(job):
    reply = run(
        job, "from autograder import open_lab\ncheck = open_lab('lab1', globals())\ncheck('conv2d_layer', answer=1)"
    )
    assert reply["error"] is None and "outside" in text(reply)
    assert run(job, "%timeit -n1 -r1 sum(range(10))")["error"] is None


@pytest.mark.parametrize(
    ("source", "how"),
    [
        ("import os\nos._exit(3)", "exit code 3"),
        ("import ctypes\nctypes.string_at(0)", "SIGSEGV"),
        ("import os\nos.abort()", "signal SIG"),
        ("import os, socket\nfor k in range(3, 100):\n    try: os.close(k)\n    except OSError: pass", "exit code"),
    ],
)
def test_a_job_that_ends_itself_takes_nobody_along(sandbox, source, how):
    restarts = sandbox.restarts
    doomed, other = sandbox.job(), sandbox.job()
    with pytest.raises(JobEndedError, match=how):
        run(doomed, source)
        run(doomed, "1")
    assert text(run(other, "print('fine')")) == "fine\n"
    other.end()
    assert sandbox.restarts == restarts


@pytest.mark.parametrize(
    "source",
    [
        "while True: pass",
        "import signal, os\nfor k in range(1, 65):\n"
        "    try: signal.signal(k, signal.SIG_IGN)\n    except (OSError, ValueError): pass\nwhile True: pass",
        "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
        "import threading\nwhile True:\n    try: threading.Thread(target=lambda: [0 for _ in iter(int, 1)]).start()\n"
        "    except RuntimeError: pass",
        "kept = []\nwhile True:\n    try: kept.append(bytearray(10**8))\n    except MemoryError: pass",
    ],
    ids=["loop", "deaf loop", "fork bomb", "thread bomb", "memory"],
)
def test_a_job_without_end_is_ended_and_the_next_is_fine(sandbox, source):
    restarts = sandbox.restarts
    doomed = sandbox.job()
    start = time.monotonic()
    with pytest.raises((JobTimeoutError, JobEndedError)):
        run(doomed, source, 2)
    assert time.monotonic() - start < 60
    after = sandbox.job()
    assert text(run(after, "print(sum(range(5)))")) == "10\n"
    after.end()
    assert sandbox.restarts == restarts


@pytest.mark.parametrize("target", ["0", "-1", "os.getppid()", "1", "-os.getpgid(0)"])
def test_a_job_kills_nobody_else(sandbox, target):
    restarts = sandbox.restarts
    killer, other = sandbox.job(), sandbox.job()
    with contextlib.suppress(JobEndedError):
        run(killer, f"import os, signal\nos.kill({target}, signal.SIGKILL)")
    killer.end()
    assert text(run(other, "print('alive')")) == "alive\n"
    other.end()
    assert sandbox.restarts == restarts


def test_processes_that_are_left_behind_end_with_the_job(sandbox):
    job = sandbox.job()
    # Other tests on this machine may run the same.
    sleep = ["sleep", f"1000.{os.getpid()}"]
    run(job, f"import subprocess\nsubprocess.Popen({sleep}, start_new_session=True)")
    # For a moment a program that begins has no command line.
    assert "sleep" in text(run(job, "while not (line := open('/proc/2/cmdline').read()): pass\nprint(line)"))
    job.end()
    # From a fresh job nothing else is in sight, so look from outside, where everything is.
    import psutil

    assert not [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == sleep]


def test_the_course_s_own_job_starts_threads_although_another_took_all_processes(sandbox):
    greedy, own = sandbox.job(), sandbox.job(JobOptions(trusted=True))
    run(
        greedy,
        "import os, time\ntry:\n    while True:\n        if os.fork() == 0: time.sleep(100); os._exit(0)\n"
        "except OSError: print('full')",
    )
    threads = "import threading\nfor _ in range(9): threading.Thread(target=print).start()"
    assert run(own, threads)["error"] is None
    greedy.end()
    own.end()


def test_files_are_gone_with_the_job(sandbox):
    places = private_folders()
    first = sandbox.job()
    assert run(first, f"for place in {places}: open(place + '/mine', 'w').write('x')")["error"] is None
    first.end()
    second = sandbox.job()
    listing = text(run(second, f"import os\nfor place in {places}: print(os.listdir(place))"))
    second.end()
    assert "mine" not in listing


def test_the_disk_cannot_be_filled(job):
    reply = run(job, "for k in range(100):\n    open(f'{k}', 'wb').write(bytes(10**7))", 60)
    assert reply["error"]["ename"] == "OSError"


def test_a_flood_of_text_is_cut(job):
    reply = run(job, "print('x' * 50_000_000)", 60)
    assert len(text(reply)) < 30_000 and "left out" in text(reply)
    reply = run(job, "import os\nfor _ in range(30): os.write(1, b'y' * 10**6)", 60)
    assert len(text(reply)) < 30_000


@pytest.mark.parametrize(
    "forged",
    [
        "b'garbage' * 100",
        "b'\\xff' * 12",
        "(10**6).to_bytes(8, 'big') + (5).to_bytes(4, 'big')",
        "__import__('sandbox.wire', fromlist=['x']).encode({'id': 999, 'value': 1.0, 'modified': []})",
        "__import__('sandbox.wire', fromlist=['x']).encode({'id': True, 'value': 1.0})",
    ],
)
def test_a_forged_reply_ends_the_job(sandbox, forged):
    job = sandbox.job()
    source = (
        "import os, stat\n"
        "for k in os.listdir('/proc/self/fd'):\n"
        "    try:\n"
        f"        if stat.S_ISSOCK(os.fstat(int(k)).st_mode): os.write(int(k), {forged})\n"
        "    except OSError: pass"
    )
    with pytest.raises((JobEndedError, JobTimeoutError)):
        run(job, source, 3)
        run(job, "1", 3)
    job.end()


def test_files_of_a_submission_lie_beside_the_notebook(job):
    job.request({"file": "data/numbers.txt", "bytes": np.frombuffer(b"1 2 3", dtype=np.uint8)}, 10)
    assert text(run(job, "print(open('data/numbers.txt').read())")) == "1 2 3\n"


def test_a_sandbox_that_was_killed_comes_back(sandbox_works):
    with Sandbox(imports=()) as own:
        own.job().end()
        own._process.kill()
        own._process.wait()
        fresh = own.job()
        assert text(run(fresh, "print('back')")) == "back\n"
        assert own.restarts == 1


def test_what_it_imports_first_is_there_in_each_job_and_the_rest_on_request(sandbox_works):
    there = "import sys\nprint([name in sys.modules for name in ('scipy.signal', 'keras')])"
    with Sandbox(imports=("scipy.signal",)) as own:
        assert text(run(own.job(), there)) == "[True, False]\n"
        assert run(own.job(), "import keras\nkeras.layers.Dense(1)", 60)["error"] is None


def test_limits_can_be_set(sandbox_works):
    with Sandbox(limits=Limits(processes=20), imports=()) as own:
        reply = run(own.job(), "import subprocess\nkept = [subprocess.Popen(['sleep', '9']) for _ in range(40)]")
        assert reply["error"]["ename"] == "BlockingIOError"


def test_without_bubblewrap_a_job_has_its_limits_and_its_folder():
    with Sandbox("process", imports=()) as own:
        job = own.job()
        assert text(run(job, "import os\nprint(os.listdir('.'))")) == "['.console']\n"
        assert run(job, "bytearray(10**10)")["error"]["ename"] == "MemoryError"
        with pytest.raises(JobTimeoutError):
            run(job, "while True: pass", 1)
        assert text(run(own.job(), "print('next')")) == "next\n"
        # Of the signals above 34 only the last has a name in Python.
        with pytest.raises(JobEndedError, match="signal 40"):
            run(own.job(), "import os\nos.kill(os.getpid(), 40)")


# Large questions and answers.

DOUBLE = "import numpy as np\ndef double(x):\n    return 2 * x\ndef much(n):\n    return np.ones(n, 'uint8')"


@pytest.fixture
def large(sandbox):
    fresh = sandbox.job(JobOptions(large=True))
    yield fresh
    fresh.end()


def test_images_and_weights_cross_that_no_frame_holds(large):
    assert run(large, DOUBLE)["error"] is None
    images = np.random.default_rng(0).uniform(size=(100, 96, 96, 10)).astype("float32")
    assert images.nbytes > 2 * wire.MAX_REPLY
    reply = large.request({"ask": "double", "args": (images,)}, 60)
    np.testing.assert_array_equal(reply["value"], 2 * images)
    assert reply["modified"] == []
    most = large.request({"ask": "much", "args": (wire.MAX_SHARED,)}, 60)
    assert most["value"].nbytes == wire.MAX_SHARED and most["value"].all()


def test_more_than_the_limit_is_one_sentence_and_the_job_goes_on(large):
    run(large, DOUBLE)
    reply = large.request({"ask": "much", "args": (wire.MAX_SHARED + 2**21,)}, 60)
    assert "returned 130 MB; at most 128 MB are accepted" in reply["error"]
    with pytest.raises(wire.UnsendableError, match="at most 128 MB"):
        large.request({"ask": "double", "args": (np.zeros(wire.SHARED_ROOM, "uint8"),)}, 60)
    assert large.request({"ask": "double", "args": (3.0,)}, 10)["value"] == 6.0


def test_ordinary_jobs_keep_their_small_limits(job):
    run(job, DOUBLE)
    reply = job.request({"ask": "much", "args": (wire.MAX_REPLY + 1,)}, 60)
    assert "at most 16 MB" in reply["error"]


#: What a job finds among its descriptors while it is asked: the memory of the question and that of the answer.
MEMORY = """
import fcntl, json, os, struct, time
def memory(name):
    return next(int(k) for k in os.listdir('/proc/self/fd') if name in os.readlink(f'/proc/self/fd/{k}'))
def channel():
    return next(int(k) for k in os.listdir('/proc/self/fd') if 'socket' in os.readlink(f'/proc/self/fd/{k}'))
def forge(sizes, message='{"dict": {"id": 2, "value": {"npy": 0}, "modified": []}}'):
    body = ('{"message": %s, "blobs": %s}' % (message, json.dumps(sizes))).encode()
    os.write(channel(), struct.pack('!QI', len(body), len(body)) + body)
"""
HOSTILE = {
    "declares more than there is room for": "forge([2**40])",
    "declares a little too much": f"forge([{wire.SHARED_ROOM} + 1])",
    "writes nothing of what it declares": "forge([136])",
    "writes garbage": "os.pwrite(memory('answer'), b'x' * 4096, 0); forge([4096])",
    "cuts the answer off": "os.ftruncate(memory('answer'), 0)",
    "makes it larger": "os.ftruncate(memory('answer'), 2**40)",
    "writes past its end": "os.pwrite(memory('answer'), b'x', 2**28)",
    "seals it": "fcntl.fcntl(memory('answer'), fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)",
    "changes the question": "os.pwrite(memory('question'), b'x', 0)",
    "closes both": "os.close(memory('answer')); os.close(memory('question'))",
    "puts another file in its place": (
        "import tempfile; f = tempfile.TemporaryFile(); os.dup2(f.fileno(), memory('answer'))"
    ),
    "puts a pipe in its place": "os.dup2(os.pipe()[0], memory('answer'))",
    "never answers": "os.write(channel(), struct.pack('!QI', 100, 100)); time.sleep(60)",
}


@pytest.mark.parametrize("attack", HOSTILE.values(), ids=HOSTILE)
def test_whatever_a_job_does_to_shared_memory_ends_with_the_job(sandbox, attack):
    restarts = sandbox.restarts
    job = sandbox.job(JobOptions(large=True))
    assert run(job, f"{MEMORY}\ndef attack(x):\n    {attack}\n    return x")["error"] is None
    with contextlib.suppress(JobEndedError, JobTimeoutError):
        reply = job.request({"ask": "attack", "args": (np.arange(1000.0),)}, 5)
        # What was refused inside is an error of the student's function.
        assert "attack stopped with" in reply.get("error", ""), reply
    job.end()
    after = sandbox.job(JobOptions(large=True))
    run(after, DOUBLE)
    np.testing.assert_array_equal(after.request({"ask": "double", "args": (np.arange(3.0),)}, 10)["value"], [0, 2, 4])
    after.end()
    assert sandbox.restarts == restarts


def test_nothing_of_shared_memory_stays_open(sandbox):
    job = sandbox.job(JobOptions(large=True))
    run(job, DOUBLE)
    # The descriptor with which the list is made is closed again.
    inside = (
        "import os\npaths = [f'/proc/self/fd/{k}' for k in os.listdir('/proc/self/fd')]\n"
        "print(sum('memfd' in os.readlink(path) for path in paths if os.path.lexists(path)))"
    )
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        job.request({"ask": "double", "args": (np.arange(3.0),)}, 10)
    assert len(os.listdir("/proc/self/fd")) == before
    # The two of the request that is running.
    assert text(run(job, inside)).strip() == "2"
    job.end()


def test_a_cell_of_a_large_job_puts_out_no_more_than_of_another(large):
    reply = run(large, "print('x' * 50_000_000)", 60)
    assert len(text(reply)) < 30_000


def test_without_bubblewrap_large_arrays_cross_too():
    with Sandbox("process", imports=()) as own:
        job = own.job(JobOptions(large=True))
        run(job, DOUBLE)
        assert job.request({"ask": "much", "args": (wire.MAX_SHARED,)}, 60)["value"].nbytes == wire.MAX_SHARED
