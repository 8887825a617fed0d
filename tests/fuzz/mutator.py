"""Notebooks and wire frames with something wrong in them, drawn from a random generator: one seed, one input.

It needs the standard library and NumPy only, because a copy of it also lies beside a submission, where it makes a
student's process answer the grader with whatever it draws.
"""

import copy
import json
import random
import struct
import time

import numpy as np

# Bytes and texts.

AWKWARD_BYTES = [
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\x00",
    b"\x1b[2J",
    b"\\ud800",
    b"\\u0000",
    b"\xe2\x80\xae",
    b'"',
    b"\\",
    b"{",
    b"]",
    b",",
    b"[" * 2000,
    b"9" * 5000,
    b"-",
    b"1e999",
    b"NaN",
    b"null",
]


def torn(rng, content):
    """Return bytes with one to eight places torn: bits, pieces, and what no decoder likes."""
    torn = bytearray(content)
    for _ in range(rng.randint(1, 8)):
        at = rng.randint(0, len(torn))
        end = min(len(torn), at + int(10 ** rng.uniform(0, 4)))
        what = rng.randrange(8)
        if what == 0 and at < len(torn):
            torn[at] ^= 1 << rng.randrange(8)
        elif what == 1:
            torn[at:end] = b""
        elif what == 2:
            torn[at:at] = torn[at:end]
        elif what == 3:
            torn[at:at] = rng.choice(AWKWARD_BYTES)
        elif what == 4:
            start = rng.randint(0, len(torn))
            torn[at:end] = torn[start : start + end - at]
        elif what == 5:
            torn[at:end] = rng.randbytes(end - at)
        elif what == 6 and rng.random() < 0.1:
            del torn[at:]
        elif what == 7 and rng.random() < 0.1:
            codec = rng.choice(["utf-16", "utf-16-be", "utf-32", "utf-8-sig", "utf-7", "latin-1"])
            torn = bytearray(torn.decode("utf-8", "replace").encode(codec, "replace"))
    return bytes(torn)


# What a page must not run, stall at or be flooded by.
FRAGMENTS = """
    <script>alert(1)</script> <img/src=x/onerror=alert(1)> <svg/onload=alert(1)> <a/href=javascript:alert(1)>x</a>
    <iframe/srcdoc=x> <style>*{display:none}</style> <form/action=//x> <base/href=//x> <!-- --> <![CDATA[ ]]> </div>
    </td></tr></table> <details/open/ontoggle=alert(1)> [x](javascript:alert(1)) [x][y] [y]:javascript:alert(1)
    ![x](attachment:a.png) ![x](attachment:nothing) [x](files/javascript:alert(1)) $\\href{javascript:alert(1)}{x}$
    \\begin{a} \\end{a} \\\\( \\\\) \\\\[ \\\\] $$ $ ``` ~~~ ```python ```mermaid ` ** __ *a_ > - 1. # = --- | |-|-| :
    &lt;script&gt; &#60;script&#62; &colon; &NewLine; &#x202e; \x1b[31m \x00 \u202e \ud800 \ufffe \U0001f469 \\ " '
    <b> </b> <b/x= <b/x=' <p> <td> <li> <input/autofocus/onfocus=alert(1)> <x-y> <? ?> <math><mtext><style> %%javascript
    %%html %matplotlib !ls {{x}} {%x%} {{cell}}
""".split()  # noqa: SIM905
SPACES = [" ", "", "\n", "\n\n", "\t", "\r", "\n    ", "\x0c", "\u2028"]


def page_text(rng, most=12):
    """Return text that would like to be more than text on a page."""
    parts = []
    for _ in range(rng.randint(1, most)):
        fragment = rng.choice(FRAGMENTS)
        if rng.random() < 0.3:
            fragment = fragment.replace("/", " ")
        if rng.random() < 0.1:
            fragment *= rng.choice([2, 7, 500])
        parts += [fragment, rng.choice(SPACES)]
    return "".join(parts)


# JSON. A mapping is a list of pairs, so that a key may stand in it twice.


class Pairs(list):
    """The members of a JSON object, in their order."""


class Raw(str):
    """JSON as it is to be written, sense or nonsense."""


def loads(text):
    """Return a document with its objects as `Pairs`."""
    return json.loads(text, object_pairs_hook=lambda pairs: Pairs(list(pair) for pair in pairs))


def dumps(value):
    """Return the text of a document made of `Pairs`, lists, `Raw` and what JSON has."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, Pairs):
        return "{" + ",".join(f"{json.dumps(key)}:{dumps(inner)}" for key, inner in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dumps, value)) + "]"
    return json.dumps(value)


def odd_value(rng):
    """Return any JSON value, more often than not one that nobody expects."""
    raw = """
        null true false 0 -1 1 2.5 -0.0 1e400 -1e400 1e-400 NaN Infinity -Infinity 9007199254740993 9223372036854775808
        -9223372036854775809 1e308 "" "a" "\\ud800" "\\u0000" "\\u202e" "1" "NaN" "../../etc/passwd" "code" "markdown"
        [] {} [[]] [null] [{}] {"a":1} {"":{}} {"text/plain":[1]} ["a",1,null] {"nbgrader":{}} [1,"a",{},[]]
    """.split()  # noqa: SIM905
    choice = rng.randrange(12)
    if choice == 0:
        return Raw("9" * rng.choice([20, 400, 4000, 5000]))
    if choice == 1:
        depth = rng.choice([20, 200, 900, 3000])
        return Raw("[" * depth + "]" * depth)
    if choice == 2:
        depth = rng.choice([20, 200, 900])
        return Raw('{"a":' * depth + "1" + "}" * depth)
    if choice == 3:
        return rng.choice(["x", "é", "\U0001f600", "\n", "[", "a b\n"]) * rng.choice([300, 30_000])
    if choice == 4:
        return page_text(rng)
    if choice == 5:
        return [page_text(rng, 3) for _ in range(rng.randint(0, 5))]
    return Raw(rng.choice(raw))


def places(value):
    """Return every ``(container, position)`` of a document, its objects' members as pairs."""
    found, waiting = [], [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Pairs):
            found += [(pair, 1) for pair in part]
            waiting += [pair[1] for pair in part]
        elif isinstance(part, list):
            found += [(part, position) for position in range(len(part))]
            waiting += part
    return found


def member(pairs, key):
    """Return the value of a key in an object, or None."""
    return next((value for name, value in pairs if name == key), None) if isinstance(pairs, Pairs) else None


def put(pairs, key, value):
    """Give an object a member, in place of the first of that name."""
    if isinstance(pairs, Pairs):
        for pair in pairs:
            if pair[0] == key:
                pair[1] = value
                return
        pairs.append([key, value])


def twisted(rng, content):
    """Return a notebook's bytes after one to eight changes of its JSON."""
    document = loads(content)
    for _ in range(rng.randint(1, 8)):
        cells = member(document, "cells")
        if isinstance(cells, list) and cells and rng.random() < 0.75:
            _twist_cells(rng, cells)
        else:
            _twist_anywhere(rng, document)
    return dumps(document).encode("utf-8", "surrogatepass")


def _twist_anywhere(rng, document):
    found = places(document)
    if not found:
        return
    container, position = rng.choice(found)
    what = rng.randrange(8)
    if what == 0:
        put(document, rng.choice(["nbformat", "nbformat_minor"]), rng.choice([2, 3, 4, 5, 99, -1, Raw("1e400"), "4"]))
    elif what == 1:
        cells = member(document, "cells") or []
        sheets = [Pairs([["cells", cells]]), odd_value(rng)]
        document[:] = [["nbformat", 3], ["worksheets", rng.choice([sheets, sheets[0], odd_value(rng)])]]
    elif what == 2:
        put(document, "metadata", _shuffled(rng, odd_value(rng)))
    elif what == 3 and isinstance(container[position], Pairs):
        members = container[position]
        if members and rng.random() < 0.5:
            members.insert(rng.randint(0, len(members)), [members[0][0], odd_value(rng)])
        else:
            members.append([rng.choice(["", "id", "x" * 1000, "\ud800", "__proto__", "cells"]), odd_value(rng)])
    elif what == 4 and isinstance(container[position], Pairs) and container[position]:
        rng.choice(container[position])[0] += rng.choice(["x", " ", "\x00"])
    elif what == 5 and isinstance(container[position], list) and container[position]:
        del container[position][rng.randrange(len(container[position]))]
    else:
        container[position] = odd_value(rng)


def _shuffled(rng, value):
    names = ["kernelspec", "language_info", "celltoolbar", "cnn_course", "nbgrader", "title", "authors", "widgets"]
    chosen = rng.sample(names, rng.randint(0, 4))
    return Pairs([name, Pairs([["name", value], ["file_extension", odd_value(rng)]])] for name in chosen)


def _twist_cells(rng, cells):
    at = rng.randrange(len(cells))
    cell = cells[at]
    # A text is what a page shows most of.
    what = 4 if rng.random() < 0.4 else rng.randrange(11)
    if what == 0:
        for _ in range(rng.choice([1, 2, 30])):
            cells.insert(rng.randint(0, len(cells)), copy.deepcopy(cell))
    elif what == 1:
        cells.insert(rng.randint(0, len(cells) - 1), cells.pop(at))
    elif what == 2:
        del cells[at]
    elif what == 3:
        cells.insert(at, odd_value(rng))
    elif what == 4:
        put(cell, "source", page_text(rng, 40) if rng.random() < 0.8 else odd_value(rng))
        if rng.random() < 0.5:
            put(cell, "cell_type", rng.choice(["code", "markdown", "markdown", "raw", "heading", odd_value(rng)]))
    elif what == 5:
        put(cell, "attachments", rng.choice([attachments(rng), odd_value(rng)]))
        put(cell, "cell_type", "markdown")
        put(cell, "source", "![x](attachment:a.png) " * rng.choice([1, 1, 3, 400]) + page_text(rng, 4))
    elif what == 6:
        put(cell, "outputs", rng.choice([[output(rng) for _ in range(rng.randint(1, 4))], odd_value(rng)]))
    elif what == 7:
        put(cell, "id", rng.choice([member(cells[0], "id"), "a b/c", "", "x" * 65, odd_value(rng)]))
        put(cell, "execution_count", odd_value(rng))
    else:
        metadata = member(cell, "metadata")
        nbgrader = member(metadata, "nbgrader")
        if not isinstance(nbgrader, Pairs):
            nbgrader = Pairs()
            put(metadata, "nbgrader", nbgrader)
        names = [member(member(member(other, "metadata"), "nbgrader"), "grade_id") for other in cells]
        for _ in range(rng.randint(1, 4)):
            key = rng.choice(["grade_id", "points", "grade", "solution", "locked", "task", "schema_version",
                              "checksum", "cell_type", "remove", "x"])  # fmt: skip
            likely = {"grade_id": names, "points": [400, -1, Raw("1e400"), Raw("NaN"), 8.0], "schema_version": [1, 99]}
            put(nbgrader, key, rng.choice([*likely.get(key, [True, False]), odd_value(rng)]))
        put(metadata, "tags", rng.choice([["explore"], [["explore"]], "explore", odd_value(rng)]))


def attachments(rng):
    """Return a Markdown cell's pictures, most of them none."""
    kinds = ["image/png", "image/jpeg", "image/svg+xml", "text/html", "", "image/gif"]
    data = ["iVBORw0KGgo=", "A" * 10_000, "not base64!", page_text(rng), ["iVBO", "Rw0KGgo="], odd_value(rng)]
    names = ["a.png", "a.png", "../x", '"onerror="alert(1)', "\ud800", ""]
    return Pairs(
        [rng.choice(names), Pairs([rng.choice(kinds), rng.choice(data)] for _ in range(rng.randint(0, 3)))]
        for _ in range(rng.randint(1, 4))
    )


def output(rng):
    """Return an output of a code cell as no kernel writes it."""
    kinds = ["text/plain", "text/html", "image/svg+xml", "application/javascript", "image/png", "text/latex"]
    data = Pairs([rng.choice(kinds), rng.choice([page_text(rng), odd_value(rng)])] for _ in range(rng.randint(0, 3)))
    members = {
        "output_type": rng.choice(["stream", "display_data", "execute_result", "error", "pyout", odd_value(rng)]),
        "data": rng.choice([data, odd_value(rng)]),
        "text": rng.choice([page_text(rng), odd_value(rng)]),
        "name": rng.choice(["stdout", "stderr", odd_value(rng)]),
        "traceback": rng.choice([[page_text(rng)], odd_value(rng)]),
        "metadata": odd_value(rng),
        "execution_count": odd_value(rng),
        "ename": page_text(rng, 2),
        "evalue": odd_value(rng),
    }
    return Pairs([key, members[key]] for key in rng.sample(sorted(members), rng.randint(1, len(members))))


def notebook(rng, content, tear=0.45):
    """Return a notebook's bytes with something wrong in them, at the level of its JSON, of its bytes, or of both."""
    level = rng.random()
    if level > tear * 2 / 3:
        content = twisted(rng, content)
    if level < tear:
        content = torn(rng, content)
    return content


# Frames of the wire.

LENGTHS = struct.Struct("!QI")
DTYPES = {"<f8": 8, ">f8": 8, "<f4": 4, "<f2": 2, "<f16": 16, "|b1": 1, "<i8": 8, "|i1": 1, ">i4": 4, "|u1": 1,
          "<u8": 8, "<c16": 16, "<c32": 32, "<c8": 8, ">u2": 2}  # fmt: skip
ODD_DTYPES = ["|O", "<U4", "|S4", "|V8", "<M8[ns]", "<m8[s]", "<i3", "<f1", "=f8", "<f80", "|i8", "|b8", "f8", ""]
SHAPES = [(), (1,), (5,), (5, 1), (1, 5), (5, 5), (7, 9, 3), (3, 4, 1), (30,), (2,), (0,), (0, 10**17), (1,) * 20,
          (2, 2), (7, 9), (3, 0, 10**9), (2,) * 12]  # fmt: skip
ODD_SHAPES = [(1,) * 25, (1,) * 64, (-1,), (10**18,), (10**9, 10**9, 0), (10**18, 16), "(3)", "3", "(1e3,)", "(,)"]
NUMBERS = [0, 1, -1, 7, 42.9, 1e-300, 1e300, 2**53, -(2**63), 2**64, 10**30, 10**400, True, None, float("nan"),
           float("inf"), -float("inf"), -0.0, 5e-324]  # fmt: skip
KEYS = """
    text data stream text/plain text/html image/png image/jpeg ename evalue traceback stdout stderr value error modified
    outputs noted npy tuple dict id
""".split()  # noqa: SIM905


def npy(rng, shape=None):
    """Return the bytes of an array, or once in a while what looks like one."""
    odd = rng.randrange(300)
    shape = rng.choice(SHAPES) if shape is None else (200_000,) if odd == 3 else shape
    dtype = rng.choice([*["<f8"] * 12, *DTYPES])
    length = DTYPES[dtype] * int(np.prod(shape, dtype=object))
    fill = rng.choice([b"\x00", b"\xff", b"\x01", None, None])
    data = rng.randbytes(length) if fill is None else fill * length
    if fill is None and dtype == "<f8" and rng.random() < 0.7:
        data = np.random.default_rng(rng.getrandbits(32)).uniform(-3, 3, length // 8).tobytes()
    shape = rng.choice(ODD_SHAPES) if odd == 0 else shape
    dtype = rng.choice(ODD_DTYPES) if odd == 1 else dtype
    header = f"{{'descr': '{dtype}', 'fortran_order': {rng.choice(['True', 'False', 'False'])}, 'shape': {shape}, }}"
    header += " " * (64 - (len(header) + 11) % 64) + "\n"
    blob = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data
    return torn(rng, blob) if odd == 2 else blob


def tree(rng, blobs, depth=0):
    """Return the JSON of any value, adding the bytes of its arrays to ``blobs``."""
    what = rng.randrange(14 if depth < 6 else 9)
    if what < 4:
        blobs.append(npy(rng))
        return Pairs([["npy", len(blobs) - 1 if rng.random() < 0.995 else odd_value(rng)]])
    if what == 4:
        return rng.choice(NUMBERS)
    if what == 5:
        return rng.uniform(-100, 100)
    if what == 6:
        return page_text(rng)
    if what == 7:
        return odd_value(rng) if rng.random() < 0.05 else rng.choice(KEYS)
    if what == 8:
        few = [rng.choice([0.5, 1, "a", None, []]) for _ in range(3)]
        return few * (5000 if rng.random() < 0.1 else 1)
    inner = [tree(rng, blobs, depth + 1) for _ in range(rng.randint(0, 4))]
    if what < 11:
        return inner
    if what < 13:
        return Pairs([["tuple", inner]])
    return Pairs([["dict", Pairs([rng.choice(KEYS), part] for part in inner)]])


def likely(rng, blobs):
    """Return the JSON of an answer such as a lab's function might give: an array or numbers of a fitting shape."""
    shapes = [(7,), (5,), (5, 1), (5, 5), (7, 9, 2), (9, 7, 2), (7, 9, 3), (9, 7, 3), (3, 4, 1), (4, 3, 1), (30,), (3,)]
    kind = rng.randrange(5)
    if kind == 0:
        return rng.choice([rng.uniform(0, 9), rng.randint(0, 999), *NUMBERS])
    if kind == 1:
        return Pairs([["tuple", [likely(rng, blobs) for _ in range(2)]]])
    blobs.append(npy(rng, rng.choice(shapes)))
    return Pairs([["npy", len(blobs) - 1]])


def reply(rng, number):
    """Return the bytes of a whole frame that answers the request ``number`` with anything."""
    blobs = []
    members = Pairs([["id", number if rng.random() < 0.99 else tree(rng, blobs)]])
    for key in ("value", "modified", "outputs", "error", "noted", "x"):
        if rng.random() < {"value": 0.95, "modified": 0.95, "outputs": 0.5}.get(key, 0.1):
            members.append([key, likely(rng, blobs) if key == "value" and rng.random() < 0.6 else tree(rng, blobs)])
    if rng.random() < 0.1:
        put(members, "error", page_text(rng, 30))
    if rng.random() < 0.95:
        put(members, "modified", rng.choice([[], [], [], [], [0], [1, 2]]))
    if rng.random() < 0.5 and member(members, "outputs") is not None:
        put(members, "outputs", [_shown(rng, blobs) for _ in range(rng.choice([1, 3, 80]))])
    if rng.random() < 0.5 and member(members, "noted") is not None:
        called = Pairs([["tuple", [rng.choice(["keras.ops.conv", page_text(rng), 3]), [page_text(rng, 2), "f"]]]])
        put(members, "noted", [called] * rng.choice([1, 3, 500]))
    return frame(dumps(Pairs([["dict", members]])), blobs)


def _shown(rng, blobs):
    keys = rng.sample(["text", "stream", "data"], rng.randint(1, 3))
    values = {
        "text": page_text(rng),
        "stream": rng.choice(["stdout", "stderr", "../x"]),
        "data": Pairs([["dict", Pairs([rng.choice(KEYS), page_text(rng)] for _ in range(rng.randint(0, 4)))]]),
    }
    return Pairs([["dict", Pairs([key, values[key] if rng.random() < 0.9 else tree(rng, blobs)] for key in keys)]])


def frame(message, blobs):
    """Return the frame of a message's JSON and its arrays' bytes."""
    body = f'{{"message": {message}, "blobs": {json.dumps([len(blob) for blob in blobs])}}}'.encode("utf-8", "replace")
    return LENGTHS.pack(len(body) + sum(map(len, blobs)), len(body)) + body + b"".join(blobs)


def raw_reply(rng, number, odd=0.15):
    """Return bytes in place of a frame: most of the time a whole one, else a torn one, or any."""
    whole = reply(rng, number)
    kind = rng.random()
    if kind < 1 - odd:
        return whole
    if kind < 1 - odd / 5:
        return torn(rng, whole)
    return rng.randbytes(rng.randint(0, 400))


def take_over(seed, wire, honest=0.2):
    """Make a student's process answer the grader with what is drawn, some honest answers excepted.

    What a question is answered with follows from the seed and the question alone, whatever came before.
    """
    receive, send = wire.receive, wire.send
    asked = {}

    def listening(channel, *args, **options):
        request = receive(channel, *args, **options)
        asked["what"] = request.get("ask", "cell")
        return request

    def forged(channel, message, *args, **options):
        rng = random.Random(f"{seed} {asked.get('what')} {message['id']}")
        kind = rng.random()
        # The reply to the cell that calls this comes first; without it the process would not be kept.
        if kind < honest or not asked:
            return send(channel, message, *args, **options)
        # What is torn is often waited for in vain, and the function is not asked again.
        content = raw_reply(rng, message["id"], odd=0.02)
        if kind > 0.998:
            time.sleep(rng.choice([0.1, 5]))
        if kind > 0.98:
            for position in range(min(len(content), 50)):
                channel.sendall(content[position : position + 1])
                time.sleep(0.01)
            content = content[50:]
        elif kind > 0.97:
            content *= 2
        channel.sendall(content)
        if kind > 0.995:
            channel.close()

    wire.receive, wire.send = listening, forged
