# SPDX-License-Identifier: GPL-2.0-or-later
"""What devices said and did: found by how many, since when, type and group, and bounded in size."""
import json

from harness.daemon import wait_for
from harness.policies import block, device_type, rule

PUSHED = {"sensors": {"heat": {"type": "number", "unit": "C"}},
          "telemetry": [{"name": "pushed", "push": {}}]}
MIB = 1 << 20


def values(site, query, sensor="heat"):
    """What a sensor said, the newest first."""
    items = site.api.get(f"/events?kind=sensor&{query}")["items"]
    return [item["eve"]["kalki"]["values"][sensor] for item in items]


def push(site, name, heat):
    site.api.put(f"/devices/{name}/telemetry", {"heat": heat})


def test_what_sensors_said_by_number_time_type_and_group(site):
    for name in ("board", "meter"):
        site.types.append(device_type(name, {"Normal": {"chain": "pass"}}) | PUSHED)
    site.add_enrolment("board1", "board", groups=["hall"])
    site.add_enrolment("board2", "board", groups=["cellar"])
    site.add_enrolment("meter1", "meter", groups=["hall"])
    site.start()
    for heat, name in enumerate(("board1", "board2", "meter1", "board1")):
        push(site, name, heat)
    wait_for(lambda: values(site, "limit=10") == [3, 2, 1, 0], timeout=60, what="the history")
    middle = site.api.get("/events?kind=sensor&order=oldest&limit=2")["items"][1]["time"]
    assert values(site, "limit=2") == [3, 2]
    assert values(site, f"since={middle}") == [3, 2, 1]
    assert values(site, "since=1h&device=board1") == [3, 0]
    assert values(site, "type=board") == [3, 1, 0]
    assert values(site, "group=hall") == [3, 2, 0]
    assert values(site, "group=hall&type=board") == [3, 0]
    kalkictl = site.daemon.kalkictl
    said = kalkictl("event", "--kind", "sensor", "--group", "hall", "-n", "1", "-o", "jsonl").stdout
    assert json.loads(said)["eve"]["kalki"]["values"] == {"heat": 3}
    nobody = kalkictl("event", "--type", "meter", "--group", "cellar")
    assert nobody.returncode == 4 and "no device is of type meter in group cellar" in nobody.stderr


def test_states_have_a_history(site):
    """Any number of states, and every way between them."""
    states = {f"Level{level}": {"chain": "pass"} for level in range(6)} | {"Shut": block()}
    names = list(states)
    rules = [rule(f"to-{to}", [from_], f"heat > {number * 10}", to)
             for number, (from_, to) in enumerate(zip(names, names[1:]), 1)]
    site.types = [device_type("board", states, rules) | PUSHED]
    site.add_enrolment("board1", "board")
    site.start()
    for level in range(1, 7):
        push(site, "board1", level * 10 + 1)
        assert site.device_status("board1")["state"] == names[level]
    site.api.post("/devices/board1/release", {})

    def moves():
        items = site.api.get("/devices/board1/timeline?kind=transition")["items"]
        return [(item["eve"]["kalki"]["from"], item["eve"]["kalki"]["to"])
                for item in reversed(items)]
    wanted = [*zip(names, names[1:]), ("Shut", "Level0")]
    wait_for(lambda: moves()[-len(wanted):] == wanted, timeout=60, what="the history of states")


def test_the_history_keeps_within_its_size(site):
    site.settings["history"] = {"max_bytes": "1MiB"}
    texts = {f"t{number}": {"type": "text"} for number in range(48)}
    site.types = [device_type("board", {"Normal": {"chain": "pass"}}) | {
        "sensors": texts, "telemetry": PUSHED["telemetry"]}]
    site.add_enrolment("board1", "board")
    site.start()
    begun = wait_for(lambda: site.api.get("/events?order=oldest&limit=1")["items"], what="the first event")[0]["id"]
    said = {name: "x" * 60 for name in texts}
    for number in range(600):
        site.api.put("/devices/board1/telemetry", said | {"t0": str(number)})

    def settled():
        oldest = site.api.get("/events?order=oldest&kind=sensor&limit=1")["items"][0]
        return (site.api.get("/status")["store"]["bytes"] < 1.5 * MIB and
                oldest["eve"]["kalki"]["values"]["t0"] != "0")
    wait_for(settled, timeout=60, what="a small history")
    # What there is too much of made room, not what was written of others.
    assert site.api.get("/events?order=oldest&limit=1")["items"][0]["id"] == begun
    wait_for(lambda: values(site, "limit=1", "t0") == ["599"], what="the newest answer")
