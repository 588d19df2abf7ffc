# SPDX-License-Identifier: GPL-2.0-or-later
"""The judge of the bypass proof is judged first: it must see every kind of wrong frame."""
import pytest

from harness import verify

CHAIN = (1, 2, 3)


def records(tmp_path, frames, sent=10, paths=((7, CHAIN),), delay=0):
    """Files as `traffic` writes them: `frames` is a list of (sequence, path number)."""
    prefix = str(tmp_path / "flow")
    with open(prefix + ".sent", "wb") as file:
        for sequence in range(0, sent, 2):
            file.write(verify.SENT.pack(sequence, 2, 1000 * sequence))
    with open(prefix + ".received", "wb") as file:
        for sequence, path in frames:
            file.write(verify.RECEIVED.pack(sequence, sequence // 2 * 2000 + delay, path, 0))
    with open(prefix + ".paths", "w", encoding="ascii") as file:
        for number, umboxes in paths:
            file.write(" ".join(map(str, (number, *umboxes))) + "\n")
    return verify.Sent(prefix), verify.Received(prefix)


def judge(tmp_path, frames, upward=True, **options):
    sent, received = records(tmp_path, frames, **options)
    return verify.Verdict(sent, received, lambda path: path == CHAIN, upward)


def test_all_is_well(tmp_path):
    verdict = judge(tmp_path, [(i, 7) for i in range(10)])
    assert verdict.summary() == {"sent": 10, "received": 10, "wrong": 0, "lost": 0, "doubled": 0,
                                 "reordered": 0, "paths": 1}


@pytest.mark.parametrize("path", [(), (1,), (1, 2), (2, 3), (1, 3), (3, 2, 1), (1, 2, 3, 4),
                                  (1, 2, 2, 3), (1, 2, 4)])
def test_any_other_path_is_wrong(tmp_path, path):
    verdict = judge(tmp_path, [(0, 7), (1, 9), (2, 9)], paths=((7, CHAIN), (9, path)))
    assert verdict.wrong == 2
    assert verdict.wrong_paths == {path: 2}


def test_downward_frames_cross_the_chain_backward(tmp_path):
    frames = [(i, 9) for i in range(10)]
    paths = ((9, CHAIN[::-1]),)
    assert judge(tmp_path, frames, upward=False, paths=paths).wrong == 0
    assert judge(tmp_path, frames, upward=True, paths=paths).wrong == 10


def test_losses_are_counted_and_placed_in_time(tmp_path):
    verdict = judge(tmp_path, [(0, 7), (1, 7), (6, 7), (7, 7)])
    assert verdict.lost == 6
    assert verdict.gaps == [(2000, 4000, 4, 0), (8000, 8000, 2, 0)]
    assert verdict.lost_outside([(2000, 4000)], slack_ns=0) == 2
    assert verdict.lost_outside([(2000, 3000)], slack_ns=0) == 6
    assert verdict.lost_outside([(0, 9000)], slack_ns=0) == 0
    # Frames that are long on their way are lost by what happens after they were sent.
    slow = judge(tmp_path, [(0, 7), (1, 7), (6, 7), (7, 7)], delay=300)
    assert slow.lost_outside([(2300, 4000)], slack_ns=0) == 2
    assert slow.lost_outside([(2301, 4000)], slack_ns=0) == 6


def test_doubled_and_reordered_are_counted(tmp_path):
    verdict = judge(tmp_path, [(0, 7), (2, 7), (1, 7), (2, 7)], sent=4)
    assert (verdict.doubled, verdict.reordered, verdict.lost) == (1, 1, 1)
