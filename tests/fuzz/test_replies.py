"""Whatever a student's process sends to the grader is an answer, a wrong answer, or none."""

import contextlib
import random
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from autograder.sandbox import wire
from tests.fuzz import mutator
from tests.fuzz.conftest import SEED, active, wrong_score, wrong_verdict


def case(number):
    return random.Random(f"{SEED} {number}")


# One frame.


@pytest.mark.parametrize("count", [500, pytest.param(50_000, marks=pytest.mark.long)])
def test_any_bytes_are_a_message_of_plain_values_or_are_refused(tell, count):
    start, read = time.perf_counter(), 0
    for number in range(count):
        rng = case(number)
        content = mutator.raw_reply(rng, 3)
        began = time.process_time()
        try:
            message = received(content)
            read += 1
            assert type(message) is dict and plain(message)
            assert wire.weight(message) < 100 * len(content) + 10_000
        except (wire.MalformedError, wire.ClosedError) as error:
            assert len(str(error)) < 200
        except Exception as error:
            raise AssertionError(f"case {number} of FUZZ_SEED={SEED}: {error!r}") from error
        assert time.process_time() - began < 5, f"case {number} of FUZZ_SEED={SEED} takes very long"
    assert read > count / 3
    tell("frames received", count, start)


def received(content):
    """Return what is received of bytes that somebody sends and then goes."""
    mine, theirs = socket.socketpair()
    with mine, theirs:
        sender = threading.Thread(target=send, args=(theirs, content), daemon=True)
        sender.start()
        try:
            return wire.receive(mine, time.monotonic() + 60, wire.MAX_REPLY)
        finally:
            mine.close()
            sender.join(60)


def send(end, content):
    with contextlib.suppress(OSError):
        end.sendall(content)
        end.shutdown(socket.SHUT_WR)


def plain(value):
    """Whether a value is arrays of numbers, numbers and text that any file takes, all the way down."""
    if isinstance(value, dict):
        return all(type(key) is str and plain(key) and plain(inner) for key, inner in value.items())
    if type(value) in (list, tuple):
        return all(map(plain, value))
    if type(value) is str:
        return value.encode() is not None
    if type(value) is np.ndarray:
        return value.dtype.kind in "biufc" and value.ndim <= 20 and value.flags.owndata and value.flags.writeable
    return type(value) in (int, float, bool, type(None))


def test_bytes_that_come_slowly_are_waited_for_and_no_longer_than_said():
    mine, theirs = socket.socketpair()
    with mine, theirs:
        content = wire.encode({"id": 1, "value": np.arange(3.0)})
        dripping = threading.Thread(target=drip, args=(theirs, content, 0.5 / len(content)))
        dripping.start()
        assert wire.receive(mine, time.monotonic() + 300)["value"].tolist() == [0, 1, 2]
        dripping.join()
        # A minute for all of it.
        dripping = threading.Thread(target=drip, args=(theirs, content, 60 / len(content)))
        dripping.start()
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            wire.receive(mine, began + 0.5)
        assert 0.4 < time.monotonic() - began < 30
        mine.close()
        dripping.join()


def drip(end, content, seconds):
    with contextlib.suppress(OSError):
        for position in range(len(content)):
            end.sendall(content[position : position + 1])
            time.sleep(seconds)


# A process that answers with anything.

#: Far from the 35 points of the lab: some lines ask for no more than numbers that differ.
MOST = 8.0

TAKE_OVER = """
import mutator
from sandbox import wire
mutator.take_over({seed!r}, wire)
"""


def peer(tiny, seed):
    """Return a submission whose process answers with anything from its first cell on."""
    document = mutator.loads(tiny)
    cell = mutator.Pairs([["cell_type", "code"], ["metadata", mutator.Pairs()], ["outputs", []],
                          ["source", TAKE_OVER.format(seed=seed)]])  # fmt: skip
    mutator.member(document, "cells").insert(0, cell)
    return mutator.dumps(document).encode()


@pytest.mark.filterwarnings("error:.*encountered:RuntimeWarning")
@pytest.mark.parametrize("count", [4, pytest.param(500, marks=pytest.mark.long)])
def test_a_process_that_sends_anything_gets_items_and_a_page_that_runs_nothing_of_it(
    classroom, tiny, elements, tell, count
):
    start = time.perf_counter()
    beside = {"mutator.py": Path(mutator.__file__).read_bytes()}
    students = [f"peer-{number}" for number in range(count)]
    for student in students:
        classroom.hand_in(student, peer(tiny, f"{SEED} {student}"), beside)
    classroom.hand_in("right", tiny)
    verdicts = classroom.grade([*students, "right"])
    stored = classroom.scores()
    ours = active(elements(classroom.page("right")), "right")
    wrong = {}
    for student in students:
        verdict = verdicts[student]
        wrong[student] = wrong_verdict(verdict, most=MOST) or wrong_score(verdict, stored.get(student))
        if wrong[student] is None and (alien := active(elements(classroom.page(student)), student) - ours):
            wrong[student] = f"its page holds {alien}"
    assert not any(wrong.values()), f"FUZZ_SEED={SEED}: { {k: v for k, v in wrong.items() if v} }"
    # They were listened to: most gave answers that were wrong, and not merely none.
    told = [item.message for verdict in verdicts.values() for item in verdict.items]
    assert sum(" is expected" in message for message in told) > count
    tell("processes that send anything, with all their answers", count, start)
