# SPDX-License-Identifier: GPL-2.0-or-later
"""Judges what `traffic` recorded: did every frame cross one whole permitted chain, in order?"""
import array
import bisect
import struct
from collections import Counter

SENT = struct.Struct("=QQQ")
RECEIVED = struct.Struct("=QQII")


class Sent:
    """What one end sent: the time of every sequence number."""

    def __init__(self, prefix):
        with open(prefix + ".sent", "rb") as file:
            self.bursts = list(SENT.iter_unpack(file.read()))
        self.count = sum(burst[1] for burst in self.bursts)
        self._firsts = [burst[0] for burst in self.bursts]

    def time_ns(self, sequence):
        return self.bursts[bisect.bisect_right(self._firsts, sequence) - 1][2]


class Received:
    """What one end received."""

    def __init__(self, prefix):
        self.paths = {}
        with open(prefix + ".paths", encoding="ascii") as file:
            for line in file:
                number, *umboxes = map(int, line.split())
                self.paths[number] = tuple(umboxes)
        with open(prefix + ".received", "rb") as file:
            self.frames = list(RECEIVED.iter_unpack(file.read()))


class Verdict:
    """The counts of one direction."""

    def __init__(self, sent, received, permitted, upward):
        """`permitted(path)` judges a path written from the device to the network."""
        self.sent = sent.count
        self.received = len(received.frames)
        verdicts = {number: permitted(path if upward else path[::-1])
                    for number, path in received.paths.items()}
        used = Counter(frame[2] for frame in received.frames)
        self.paths = {received.paths[number]: count for number, count in used.items()}
        self.wrong = sum(count for number, count in used.items() if not verdicts[number])
        self.wrong_paths = {received.paths[number]: count for number, count in used.items()
                            if not verdicts[number]}
        seen = bytearray(sent.count)
        came_ns = array.array("q", [0]) * sent.count
        self.doubled = self.reordered = 0
        highest = -1
        for sequence, time_ns, _, _ in received.frames:
            if seen[sequence]:
                self.doubled += 1
            seen[sequence] = 1
            came_ns[sequence] = time_ns
            if sequence < highest:
                self.reordered += 1
            else:
                highest = sequence
        self.gaps = _gaps(seen, sent, came_ns)
        self.lost = sum(gap[2] for gap in self.gaps)

    def gaps_outside(self, spans, slack_ns=20_000_000):
        """Gaps whose frames were not all on their way within one of the spans [(from_ns, to_ns)]."""
        return [(from_ns, to_ns, count) for from_ns, to_ns, count, delay_ns in self.gaps
                if not any(start - delay_ns - slack_ns <= from_ns and to_ns <= end + slack_ns
                           for start, end in spans)]

    def lost_outside(self, spans, **options):
        return sum(count for _, _, count in self.gaps_outside(spans, **options))

    def summary(self):
        return {"sent": self.sent, "received": self.received, "wrong": self.wrong,
                "lost": self.lost, "doubled": self.doubled, "reordered": self.reordered,
                "paths": len(self.paths)}


def _gaps(seen, sent, came_ns):
    """Runs of lost sequence numbers as (time of the first, time of the last, how many, how long the frames
    before and behind them were on their way)."""
    gaps = []
    at = seen.find(0)
    while at >= 0:
        end = seen.find(1, at)
        if end < 0:
            end = len(seen)
        delays = [came_ns[beside] - sent.time_ns(beside) for beside in (at - 1, end)
                  if 0 <= beside < len(seen)]
        gaps.append((sent.time_ns(at), sent.time_ns(end - 1), end - at, max([0, *delays])))
        at = seen.find(0, end)
    return gaps
