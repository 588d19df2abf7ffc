# SPDX-License-Identifier: GPL-2.0-or-later
"""The bypass proof: numbered frames both ways through a device's chain, and their judgement."""
import json
import os
import time
from datetime import datetime

from . import verify
from .daemon import BUILD, PATIENCE
from .docker import Watch

RATE = 10_000
HEARTBEAT_S = 2.5  # a little more than what lies between two
TRAFFIC = os.path.join(BUILD, "integration-tests/traffic")


class Flow:
    """`traffic` on both ends, device and host, while something happens in between."""

    def __init__(self, folder, device, host, rate=RATE, seconds=600):
        self.device, self.host = device, host
        self._prefix = {end: str(folder / f"{device.name}-{end}") for end in ("device", "host")}
        device.knows(host)
        host.knows(device)
        ends = {"device": (device, host, 7001, 7002), "host": (host, device, 7002, 7001)}
        self._running = {
            end: here.start(TRAFFIC, "--local", f"{here.ip}:{port}", "--remote",
                            f"{there.ip}:{port_there}", "--rate", rate, "--seconds", seconds,
                            "--out", self._prefix[end], stdin=-1, stdout=-1)
            for end, (here, there, port, port_there) in ends.items()}
        for process in self._running.values():
            assert process.stdout.readline() == "ready\n"
        for process in self._running.values():
            process.stdin.write("go\n")
            process.stdin.flush()
        self.started_ns = time.time_ns()

    def finish(self):
        """Ends when all is sent that there is to send."""
        for process in self._running.values():
            process.wait(PATIENCE)
        return self.stop()

    def stop(self):
        for process in self._running.values():
            process.terminate()
        said = {}
        for end, process in self._running.items():
            text, _ = process.communicate(timeout=PATIENCE)
            assert process.returncode == 0
            said[end] = json.loads(text)
            assert said[end]["foreign"] == 0, said
        return said

    def judge(self, permitted):
        """The verdicts of both directions: (upward, downward)."""
        ends = {end: (verify.Sent(prefix), verify.Received(prefix))
                for end, prefix in self._prefix.items()}
        return (verify.Verdict(ends["device"][0], ends["host"][1], permitted, upward=True),
                verify.Verdict(ends["host"][0], ends["device"][1], permitted, upward=False))


class Witness:
    """Knows what each umbox is, from the engine's labels, and which paths were ordered, from the
    history; judges a path with both."""

    def __init__(self, site, device, chains):
        """`chains`: the complete chains of all states, each a tuple of hop names."""
        self.site, self.device, self.chains = site, device, set(chains)
        self.watch = Watch(site.engine)
        self.names, self.ordered, self.events = {}, set(), []

    def close(self):
        """Reads the whole history; to be called before paths are judged."""
        self.watch.close()
        self.events = history(self.site.api, self.device)
        for labels in self.watch.labels.values():
            if labels.get("org.kalki.device-name", self.device) == self.device:
                if "org.kalki.umbox" in labels:
                    self.names[int(labels["org.kalki.umbox"])] = labels["org.kalki.hop"]
        for event in self.events:
            kalki = event["eve"]["kalki"]
            if kalki.get("step") == "launch" and kalki["result"] == "ok":
                self.names.setdefault(kalki["umbox"], kalki["hop"])
            if kalki.get("what") == "routed" or kalki.get("step") == "route":
                self.ordered.add(tuple(kalki["path"]))

    def whole(self, path):
        """Every hop of one posture, in its order."""
        return tuple(self.names.get(umbox) for umbox in path) in self.chains

    def whole_and_ordered(self, path):
        return self.whole(path) and path in self.ordered

    def held_spans(self, until_ns):
        """When nothing could pass, as [(from_ns, to_ns)] of the wall clock.  The history has the moment
        after the kernel knew; that of the decision is before it."""
        spans, since, decided = [], None, None
        for event in self.events:
            what, at = event["eve"]["kalki"].get("what"), wall_ns(event["time"])
            if event["kind"] == "transition":
                decided = at
            elif what == "held" and since is None:
                since = decided or at
            elif what == "routed":
                decided = None
                if since is not None:
                    spans.append((since, at))
                since = None
        if since is not None:
            spans.append((since, until_ns))
        return spans


def wall_ns(text):
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1e6) * 1000


def history(api, device, kinds="chain,step,transition"):
    """All events of a device, oldest first."""
    events, cursor = [], ""
    while True:
        page = api.get(f"/devices/{device}/timeline?kind={kinds}&order=oldest&limit=1000{cursor}")
        events += page["items"]
        if not page["next"]:
            return events
        cursor = f"&cursor={page['next']}"


def lost_inside(api):
    """Frames that the µmboxes that run now could not take or send on, or their legs dropped."""
    count = 0
    for umbox in api.get("/umboxes?limit=1000")["items"]:
        counters = umbox["counters"] or {}
        inside = counters.get("inside") or {"overrun": 0, "lost": 0}
        count += inside["overrun"] + inside["lost"]
        count += sum(counters[leg]["dropped"] for leg in ("in", "out") if leg in counters)
    return count


class Explained:
    """Counts what is lost for reasons that are the machine's: no frame gets lost in the rules."""

    def __init__(self, site, *ends):
        self.site, self.ends = site, ends
        self._before = self._count()

    def _count(self):
        count = lost_inside(self.site.api)
        with open("/proc/net/softnet_stat", encoding="ascii") as file:  # one line for each processor
            count += sum(int(line.split()[1], 16) for line in file)
        for end in self.ends:
            said = end.run("nstat", "-asz", "UdpRcvbufErrors")
            count += sum(int(line.split()[1]) for line in said.splitlines() if line.startswith("Udp"))
        return count

    def frames(self):
        """Since the start.  What umboxes say is as old as their last heartbeat, so it is waited for."""
        time.sleep(HEARTBEAT_S)
        return self._count() - self._before


def without_loss(once, attempts=3):
    """A busy machine loses frames by itself now and then; a flip that loses them does so every time.
    `once` asserts what must never be, and returns words about frames that are lost without a reason."""
    for left in reversed(range(attempts)):
        lost = once()
        if not lost:
            return
        print(lost)
        assert left, lost


def told(verdicts):
    return "\n".join(f"{way}: {verdict.summary()} {verdict.wrong_paths}"
                     for way, verdict in zip(("up", "down"), verdicts))


def where(verdict, spans):
    """The gaps that nothing explains, in ms from the start of the span before each."""
    lines = []
    for from_ns, to_ns, count in verdict.gaps_outside(spans)[:20]:
        before = max((span for span in spans if span[0] <= from_ns + 20_000_000),
                     default=(from_ns, from_ns))
        lines.append(f"{count} lost from {(from_ns - before[0]) / 1e6:.1f} to "
                     f"{(to_ns - before[0]) / 1e6:.1f}, held for {(before[1] - before[0]) / 1e6:.1f}")
    return "\n" + "\n".join(lines)


def judge(witness, flow):
    """Ends both; what must never be fails, what was lost without a reason is told."""
    flow.stop()
    witness.close()
    verdicts = flow.judge(witness.whole_and_ordered)
    spans = witness.held_spans(time.time_ns())
    print(told(verdicts))
    for verdict in verdicts:
        assert (verdict.wrong, verdict.doubled) == (0, 0), told(verdicts)
    lost = "".join(where(verdict, spans) for verdict in verdicts if verdict.gaps_outside(spans))
    inside = f"\n{lost_inside(witness.site.api)} lost inside those that run now"
    return verdicts, lost and told(verdicts) + lost + inside
