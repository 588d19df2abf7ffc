# SPDX-License-Identifier: GPL-2.0-or-later
"""What the benchmarks of the running daemon share: a site of their own, figures as JSON lines."""
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

from harness.daemon import BUILD, REPOSITORY
from harness.docker import Engine
from harness.policies import PUPPET
from harness.proof import wall_ns
from harness.site import Site


def end(*_):
    """Asked to end: what is open is closed on the way out."""
    sys.exit("was asked to end")


signal.signal(signal.SIGTERM, end)


def progress(words):
    print(f"   {words}", file=sys.stderr, flush=True)


def emit(name, unit, what, **figures):
    """A line of the result: see scripts/bench."""
    line = {"name": name, "unit": unit}
    for key, value in figures.items():
        line[key] = round(value, 3) if isinstance(value, float) else value
    line["what"] = what
    print(json.dumps(line, ensure_ascii=False), flush=True)


def processor_seconds(pid):
    """What the process has used so far, in user space and in the kernel."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def reactions(site, count, tightening, between=lambda: None):
    """Microseconds from the writing of an alert (the puppet puts the wall clock into its detail) to the
    return of the commit, for `count` transitions."""
    times, alerts, cursor = [], {}, 0
    while len(times) < count:
        page = site.api.get(f"/events?kind=alert,transition&order=oldest&limit=1000&cursor={cursor}")
        for event in page["items"]:
            cursor = event["id"]
            kalki = event["eve"]["kalki"]
            if event["kind"] == "alert":
                alerts[event["id"]] = int(kalki["detail"])
            elif (kalki["tightens"] == tightening and kalki.get("evidence")
                  and "enforced_us" in kalki["times"]):
                # Engine time and wall clock of one moment: the event's own.
                shift_ns = wall_ns(event["time"]) - kalki["time_us"] * 1000
                written = max(alerts[number] for number in kalki["evidence"])
                times.append((kalki["times"]["enforced_us"] * 1000 + shift_ns - written) / 1000)
        between()
        time.sleep(0.3)  # reading history takes the daemon's time, too
    return times[len(times) // 10:]  # not the first ones: caches and chains were cold


def floor_us():
    """The same without kalkid: a wake-up by a socket and an element commit, from integration-tests/."""
    done = subprocess.run([os.path.join(BUILD, "integration-tests/reaction_floor")], text=True,
                          capture_output=True, check=True)
    return [float(line) for line in done.stdout.split()]


@contextlib.contextmanager
def a_site():
    """A site with an engine and the images; $KALKI_ENGINE names an engine that runs already."""
    name = os.environ.get("KALKI_ENGINE")
    engine = Engine(name or f"bench-{os.getpid()}")
    engine.start()
    try:
        done = subprocess.run([os.path.join(REPOSITORY, "scripts/build-images")], text=True,
                              env=os.environ | {"DOCKER_HOST": "unix://" + engine.socket},
                              capture_output=True)
        if done.returncode:
            raise RuntimeError(done.stderr)
        engine.import_program(PUPPET, os.path.join(BUILD, "integration-tests/puppet"),
                              umbox_contract=1, umbox_mode="inline", umbox_ready="socket",
                              umbox_parameters="{}")
        with tempfile.TemporaryDirectory(prefix="kalki-bench-") as root:
            site = Site(root, engine)
            try:
                yield site
            finally:
                site.close()
    finally:
        if not name:
            engine.stop()
