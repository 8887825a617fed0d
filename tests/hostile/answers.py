"""Attacks on whoever judges an answer: comparisons, returned objects, transformers, formatters, built-in functions."""

from tests.hostile import Hostile, family, stubs

_STUBS = stubs("return 1.0")
#: Nothing is computed, but every shape is right.
_ZEROS = {
    "activation": "def activation(x, activation):\n    return 0 * x",
    "conv2d_layer": "def conv2d_layer(h, W, b, act):\n    return np.zeros((*h.shape[:2], W.shape[3]))",
    "pool2d_layer": "def pool2d_layer(h):\n    return np.zeros((h.shape[0] // 2, h.shape[1] // 2, h.shape[2]))",
    "flatten_layer": "def flatten_layer(h):\n    return np.zeros(h.size)",
    "dense_layer": "def dense_layer(h, W, b, act):\n    return np.zeros(len(W))",
    "count_weights": "def count_weights(W, b):\n    return 0",
    "evaluate": "def evaluate(y_prob, y_onehot):\n    return 0.0, 0.0",
    "fast_conv2d_layer": "def fast_conv2d_layer(x, W, b, act):\n    return np.zeros((*x.shape[:3], W.shape[3]))",
}
_ALIKE = """
import numpy as np
class Alike(np.ndarray):
    '''Compares as equal to anything, whatever is computed with it.'''
    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        return np.ones((), bool).view(Alike)
    def __array_function__(self, function, types, arguments, options):
        return self
    def astype(self, *arguments, **options):
        return self
    def __eq__(self, other):
        return True
    __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __eq__
    __hash__ = None
    def __bool__(self):
        return True
"""

SUBMISSIONS = [
    *family(
        "Patched comparisons",
        Hostile(
            "compare-numpy",
            "Replaces NumPy's comparisons and its testing module by functions that always agree.",
            "import numpy as np\n"
            "np.all = np.array_equal = np.isclose = lambda *a, **k: True\n"
            "for name in ('assert_allclose', 'assert_array_equal', 'assert_equal', 'assert_almost_equal'):\n"
            "    setattr(np.testing, name, lambda *a, **k: None)",
            _ZEROS,
        ),
        Hostile(
            "compare-course",
            "Replaces the functions of the course that compare an answer with the right one.",
            "import autograder.checking.compare as compare\n"
            "compare.difference = lambda *a: None\ncompare.varied = lambda *a: True\ncompare.agree = lambda *a: False",
            _STUBS,
        ),
        Hostile(
            "compare-code",
            "Puts other code into the function that tells how an answer differs, wherever it was imported.",
            "from autograder.checks import compare\n"
            "compare.difference.__code__ = (lambda got, expected: None).__code__\n"
            "compare.agree.__code__ = (lambda got, expected: False).__code__\n"
            "compare.varied.__code__ = (lambda value: True).__code__",
            _STUBS,
        ),
        Hostile(
            "compare-rubric",
            "Replaces the rubric's items by ones that have passed.",
            "from autograder import rubric\n"
            "rubric.Item.points = property(lambda item: item.max_points)\n"
            "rubric.Check.failed = rubric.Check.__call__ = lambda check, *a: [\n"
            "    rubric.Item(check.grade_id, line.title, line.points, True) for line in check.lines]",
        ),
        Hostile(
            "compare-check",
            "Defines the function check anew, so that it returns full marks.",
            "check = FULL.get",
        ),
    ),
    *family(
        "Hostile objects",
        Hostile(
            "object-equals-all",
            "Returns an object that is equal to, less than and greater than everything.",
            "class Right(float):\n"
            "    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = lambda self, other: True\n"
            "    __sub__ = __rsub__ = __abs__ = lambda self, *other: self\n    __hash__ = float.__hash__",
            stubs("return Right(1)"),
        ),
        Hostile(
            "object-array",
            "Returns an array of a class of its own, on which every comparison holds.",
            _ALIKE,
            stubs("return np.ones(()).view(Alike)"),
        ),
        Hostile(
            "object-asks-course",
            "Returns an object that, when it is turned into an array, finds the course's answer and gives that.",
            """
import sys
class Late:
    def __init__(self, name, args):
        self.name, self.args = name, args
    def __array__(self, dtype=None, copy=None):
        import numpy as np
        frame = sys._getframe()
        while frame is not None:
            course = getattr(frame.f_locals.get("student"), "course", None)
            if course is not None:
                return np.asarray(course.call(self.name, *self.args))
            frame = frame.f_back
        return np.zeros(1)
""",
            stubs("return Late(name, args)"),
        ),
        Hostile(
            "object-huge",
            "Returns arrays that claim a petabyte and hold one number.",
            "import numpy as np\nhuge = np.broadcast_to(np.float64(1), (10**7, 10**7))",
            stubs("return huge"),
        ),
        Hostile(
            "object-pickle",
            "Returns an array of objects that run code when they are unpickled.",
            "import numpy as np\nclass Runs:\n    def __reduce__(self):\n"
            "        return (open, ('/tmp/' + MARKER, 'w'))\nbomb = np.array([Runs()], dtype=object)",
            stubs("return bomb"),
        ),
    ),
    *family(
        "AST and input transformers",
        Hostile(
            "ast-check",
            "Registers an AST transformer that replaces each call of check by full marks.",
            """
import ast
class Pays(ast.NodeTransformer):
    def visit_Call(self, node):
        if isinstance(node.func, ast.Name) and node.func.id == "check" and node.args:
            return ast.copy_location(ast.Constant(FULL[ast.literal_eval(node.args[0])]), node)
        return self.generic_visit(node)
get_ipython().ast_transformers.append(Pays())
""",
        ),
        Hostile(
            "input-check",
            "Registers an input transformer that turns each check cell into a number.",
            """
import re
def pay(lines):
    found = re.match(r'check\\("(\\w+)"\\)', "".join(lines))
    return [str(FULL[found[1]]) + "\\n"] if found else lines
get_ipython().input_transformers_post.append(pay)
get_ipython().input_transformers_cleanup.append(pay)
""",
        ),
        Hostile(
            "input-parser",
            "Replaces the parser of the shell, so that a check cell is parsed as a number.",
            """
compiler = get_ipython().compile
parse = compiler.ast_parse
def paid(source, *arguments, **options):
    for name, points in FULL.items():
        if source.strip() == f'check("{name}")':
            source = str(points)
    return parse(source, *arguments, **options)
compiler.ast_parse = paid
""",
        ),
    ),
    *family(
        "Display formatters",
        Hostile(
            "format-plain",
            "Registers a formatter that prints a word for the result of a check, which nbgrader takes for full marks.",
            """
from autograder.checking.tables import Points
text = get_ipython().display_formatter.formatters["text/plain"]
text.for_type(Points, lambda points, printer, cycle: printer.text("all of them"))
""",
        ),
        Hostile(
            "format-hook",
            "Replaces what the display hook makes of a result, so that each is shown as minus one point.",
            """
hook = type(get_ipython().displayhook)
hook.compute_format_data = lambda self, result: ({"text/plain": "-1.0"}, {})
""",
        ),
        Hostile(
            "format-publish",
            "Sends results of its own on the kernel's channel before a check runs.",
            """
def publish():
    kernel = get_ipython().kernel
    content = {"execution_count": 1, "data": {"text/plain": "all of them"}, "metadata": {}}
    kernel.session.send(kernel.iopub_socket, "execute_result", content, parent=kernel.get_parent("shell"))
get_ipython().events.register("pre_run_cell", lambda *cell: publish())
""",
        ),
        Hostile(
            "format-verdict",
            "Shows a forged table of results with a script in it, in the place of the real one.",
            """
from IPython.display import HTML, display
display(HTML("<h1>Automatic points: 35 of 35.</h1><script>document.title = 'paid'</script>"
             "<style>table { display: none }</style>"))
display({"text/plain": "35.0", "text/html": "<b>35 of 35</b>"}, raw=True)
""",
        ),
    ),
    *family(
        "Patched built-in functions",
        Hostile(
            "builtin-sum",
            "Replaces the function sum, with which points are added up, by one that says minus one.",
            "import builtins\nbuiltins.sum = lambda *a, **k: -1.0",
            _STUBS,
        ),
        Hostile(
            "builtin-import",
            "Replaces the import statement, so that autograder is a module of its own.",
            """
import builtins, types
real = builtins.__import__
def forged(name, *arguments, **options):
    if name == "autograder":
        return types.SimpleNamespace(open_lab=lambda *a: FULL.get)
    return real(name, *arguments, **options)
builtins.__import__ = forged
from autograder import open_lab
check = open_lab("lab1", globals())
""",
        ),
        Hostile(
            "builtin-destroys",
            "Takes open, print and other functions away from all code, in a notebook that is right.",
            "import builtins\n"
            "for name in ('print', 'open', 'input', 'sorted', 'vars'):\n    setattr(builtins, name, None)",
            solved=True,
        ),
    ),
]
