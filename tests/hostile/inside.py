"""Attacks from within the process: modules and imports, frames and memory, forged replies, and borrowed work."""

from tests.hostile import Hostile, family, stubs

#: The functions of whoever runs the cells, found from the shell that they stand in.
_WORKER = "worker = get_ipython()._showtraceback.__func__.__globals__\nwire = worker['wire']\n"
_CHANNELS = """
import os, socket, stat
channels = []
for number in os.listdir("/proc/self/fd"):
    try:
        if stat.S_ISSOCK(os.fstat(int(number)).st_mode):
            channels.append(int(number))
    except OSError:
        pass
"""
_FORGED = "{'id': number, 'value': 1.0, 'modified': [], 'points': 35.0, 'passed': True, 'outputs': [], 'error': None}"
_DESCRIPTORS = """
import os
for number in range(3, 64):
    try:
        os.write(number, {})
    except OSError:
        pass
"""
_REACHES_COURSE = """
import sys
def ask(name, *args):
    frame = sys._getframe()
    while frame is not None:
        course = getattr(frame.f_locals.get("student"), "course", None)
        if course is not None:
            return course.call(name, *args)
        frame = frame.f_back
    raise RuntimeError("nobody is there to be asked")
"""

_KERAS = {
    "activation": """
def activation(x, activation):
    if activation not in ("linear", "relu", "sigmoid", "softmax"):
        raise ValueError(activation)
    options = {"axis": 0} if activation == "softmax" else {}
    return getattr(K.activations, activation)(K.ops.convert_to_tensor(x), **options).numpy()
""",
    "conv2d_layer": """
def conv2d_layer(h, W, b, act):
    return fast_conv2d_layer(h[None], W, b, act)[0]
""",
    "pool2d_layer": """
def pool2d_layer(h):
    return K.ops.max_pool(h[None], 2).numpy()[0]
""",
    "flatten_layer": """
def flatten_layer(h):
    return K.ops.ravel(h).numpy()
""",
    "dense_layer": """
def dense_layer(h, W, b, act):
    return activation(K.ops.matmul(W, K.ops.ravel(h)).numpy() + K.ops.ravel(b).numpy(), act)
""",
    "fast_conv2d_layer": """
def fast_conv2d_layer(x, W, b, act):
    return activation(K.ops.conv(x, W, padding="same").numpy() + b, act)
""",
}
#: An answer that computes, so that it may be blamed.
_FLAT = {"flatten_layer": "def flatten_layer(h):\n    return np.array(h).ravel()"}
_DISGUISED = {
    name: source.replace("K.", "_keras.")
    + f"""
def _disguise(work):
    def flatten_layer(*args):
        import keras as _k
        globals()["_keras"] = _k
        return work(*args)
    return flatten_layer
{name} = _disguise({name})
"""
    for name, source in _KERAS.items()
    if name != "flatten_layer"
}

SUBMISSIONS = [
    *family(
        "sys.modules and import hooks",
        Hostile(
            "modules-autograder",
            "Puts a module of its own in the place of autograder and opens the lab again.",
            """
import sys, types
fake = types.ModuleType("autograder")
fake.open_lab = lambda *a: FULL.get
sys.modules["autograder"] = fake
from autograder import open_lab
check = open_lab("lab1", globals())
""",
        ),
        Hostile(
            "modules-finder",
            "Puts a finder in front of all others, which loads checks of its own making.",
            """
import importlib.abc, importlib.machinery, sys
class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.startswith("autograder"):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
    def exec_module(self, module):
        module.open_lab = lambda *a: FULL.get
sys.meta_path.insert(0, Finder())
for name in [n for n in sys.modules if n.startswith("autograder")]:
    del sys.modules[name]
from autograder import open_lab
check = open_lab("lab1", globals())
""",
        ),
        Hostile(
            "modules-emptied",
            "Empties the table of modules in a notebook that is right.",
            "import sys\nfor name in list(sys.modules):\n"
            "    if name.partition('.')[0] in ('sandbox', 'IPython', 'scipy', 'json', 'keras', 'autograder'):\n"
            "        del sys.modules[name]",
            solved=True,
            points=35,
        ),
    ),
    *family(
        "Frames and memory",
        Hostile(
            "frames-course",
            "Walks up the frames to whoever asks, and has the course answer each question.",
            _REACHES_COURSE,
            stubs("return ask(name, *args)"),
        ),
        Hostile(
            "memory-reference",
            "Searches memory for functions that bear the answers' names, and calls those.",
            """
import gc, types
def found(name):
    for one in gc.get_objects():
        if isinstance(one, types.FunctionType) and one.__name__ == name and one.__module__ != __name__:
            if "reference" in str(one.__module__):
                return one
    raise RuntimeError("there is none")
""",
            stubs("return found(name)(*args)"),
        ),
        Hostile(
            "memory-checks",
            "Searches memory for the rubric's lines and gives each a question that is always answered right.",
            """
import gc
for one in gc.get_objects():
    if type(one).__name__ == "Line" and hasattr(one, "question"):
        object.__setattr__(one, "question", lambda student, rng: None)
""",
        ),
        Hostile(
            "memory-raw",
            "Reads and writes the memory of its parents through /proc, ptrace and the kernel's own calls.",
            """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
for pid in (os.getppid(), 1, os.getpid() - 1):
    if pid <= 0 or pid == os.getpid():
        continue
    try:
        with open(f"/proc/{pid}/mem", "r+b") as memory:
            print(LEAKED, "the memory of", pid)
    except OSError:
        pass
    if libc.ptrace(16, pid, 0, 0) == 0:
        print(LEAKED, "ptrace of", pid)
""",
        ),
        Hostile(
            "memory-trace",
            "Traces every function that is called, and searches their variables for what is expected.",
            """
import sys
def trace(frame, event, argument):
    if frame.f_code.co_name in ("difference", "agree"):
        frame.f_trace_opcodes = True
        if "expected" in frame.f_locals:
            globals()["expected"] = frame.f_locals["expected"]
    if "seed" in frame.f_locals and frame.f_code.co_name != "seed" and "lab" in frame.f_locals:
        print(LEAKED, "the seed", frame.f_locals["seed"])
    return trace
sys.settrace(trace)
""",
            stubs("return globals().get('expected', 1.0)"),
        ),
    ),
    *family(
        "Forged replies",
        Hostile(
            "reply-forged",
            "Writes replies with full marks to every open descriptor, with the number of this and of later requests.",
            _WORKER
            + _CHANNELS
            + "for number in range(1, 150):\n"
            + f"    frame = wire.encode({_FORGED})\n"
            + "    for channel in channels:\n"
            + "        try: os.write(channel, frame)\n        except OSError: pass",
        ),
        Hostile(
            "reply-garbage",
            "Writes garbage to every open descriptor of a notebook that is right.",
            _DESCRIPTORS.format("os.urandom(4096)"),
            solved=True,
            points=35,
        ),
        Hostile(
            "reply-server",
            "Takes over the loop that answers, and answers each question with full marks in ten spellings.",
            _WORKER
            + """
def answer(functions, function, arguments):
    return 1.0, []
worker["answer"] = answer
send = wire.send
def paid(channel, message, *arguments, **options):
    send(channel, message | {"points": 35.0, "passed": True, "verdict": {"points": 35.0}, "flags": []})
wire.send = paid
""",
        ),
        Hostile(
            "reply-closed",
            "Closes every descriptor of a notebook that is right.",
            "import os\nos.closerange(3, 512)",
            solved=True,
            points=35,
        ),
        Hostile(
            "reply-passed-on",
            "Sends hundreds of open descriptors along with its replies.",
            _CHANNELS
            + """
for channel in channels:
    end = socket.socket(fileno=os.dup(channel))
    try:
        for _ in range(20):
            socket.send_fds(end, [b"x"], [0] * 250, socket.MSG_DONTWAIT)
    except (OSError, ValueError):
        pass
    end.detach()
""",
            solved=True,
            points=35,
        ),
        Hostile(
            "reply-trickles",
            "Sends its replies one byte at a time, a second apart.",
            _WORKER
            + """
import time
def slowly(channel, message, *arguments, **options):
    for byte in wire.encode(message):
        channel.sendall(bytes([byte]))
        time.sleep(1)
wire.send = slowly
""",
        ),
        Hostile(
            "reply-nested",
            "Answers each question with as many empty mappings as a reply may hold.",
            _WORKER + "many = [{}] * int(wire.MAX_PARTS * 0.32)\nworker['answer'] = lambda *a: (many, ())",
            stubs("return 1.0"),
        ),
    ),
    *family(
        "Borrowed work",
        Hostile(
            "borrowed-keras",
            "Lets Keras compute every answer.",
            "import keras as K",
            _KERAS,
        ),
        Hostile(
            "borrowed-disguised",
            "Lets Keras compute, in helpers that bear the name of an answer that computes by itself.",
            "import keras as _keras",
            {**_DISGUISED, **_FLAT},
            points=2,
        ),
        Hostile(
            "borrowed-notes",
            "Lets Keras compute, and forges the note of it so that another answer is blamed.",
            """
import sys
import keras as real
class Blames:
    def __getattr__(self, name):
        sys.modules["sandbox.stubs"].noted.append(("keras.ops", ["flatten_layer"]))
        return getattr(real, name)
K = Blames()
""",
            {**_KERAS, **_FLAT},
            points=2,
        ),
        Hostile(
            "borrowed-built",
            "Builds layers of Keras in a cell of their own, so that the answers only call what is there already.",
            "import keras\npool = keras.layers.MaxPooling2D(2)\nflat = keras.layers.Flatten()",
            {
                "pool2d_layer": "def pool2d_layer(h):\n    return pool(h[None]).numpy()[0]",
                "flatten_layer": "def flatten_layer(h):\n    return flat(h[None]).numpy()[0]",
            },
        ),
        Hostile(
            "borrowed-program",
            "Starts another Python that lets Keras compute.",
            """
import io, subprocess, sys
import numpy as np
def elsewhere(expression, **arrays):
    sent = io.BytesIO()
    np.savez(sent, **arrays)
    code = ("import io, sys, numpy as np, keras\\nlocals().update(np.load(io.BytesIO(sys.stdin.buffer.read())))\\n"
            f"np.save(sys.stdout.buffer, np.asarray({expression}))")
    done = subprocess.run([sys.executable, "-c", code], input=sent.getvalue(), capture_output=True)
    return np.load(io.BytesIO(done.stdout))
""",
            {"pool2d_layer": "def pool2d_layer(h):\n    return elsewhere('keras.ops.max_pool(h[None], 2)[0]', h=h)"},
        ),
    ),
]
