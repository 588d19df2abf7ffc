# SPDX-License-Identifier: GPL-2.0-or-later
"""What rules over sensors and over other devices can say, on one daemon: values are pushed, and a
condition that is true cuts its device off.  Every condition is a type of its own, with one device."""
import pytest

from harness.daemon import wait_for
from harness.policies import block, device_type, rule
from harness.site import Site

SENSORS = {"x": {"type": "number", "keep": 60}, "y": {"type": "number"}, "z": {"type": "number"},
           "lit": {"type": "boolean"}, "mode": {"type": "text"}}


def values(sensor, *list_):
    return [{sensor: value} for value in list_]


# name -> (condition, values with which it is not true, values after which it is)
COMPARISONS = {
    "equal": ("x == 5", values("x", 4, 5.5), values("x", 5)),
    "unequal": ("x != 5", values("x", 5), values("x", 4)),
    "less": ("x < 5", values("x", 6, 5), values("x", 4)),
    "at-most": ("x <= 5", values("x", 6), values("x", 5)),
    "more": ("x > 5", values("x", 4, 5), values("x", 6)),
    "at-least": ("x >= 5", values("x", 4), values("x", 5)),
    "decimal": ("x > 0.220", values("x", 0.22), values("x", 0.2201)),
    "is-on": ("lit", values("lit", False), values("lit", True)),
    "is-off": ("not lit", values("lit", True), values("lit", False)),
    "equal-boolean": ("lit == false", values("lit", True), values("lit", False)),
    "text": ('mode == "eco"', values("mode", "auto"), values("mode", "eco")),
    "other-text": ('mode != "eco"', values("mode", "eco"), values("mode", "auto")),
}
FUNCTIONS = {
    "average": ("avg(x, last: 3) > 10", values("x", 0, 12, 12), values("x", 12)),
    "sum": ("sum(x, last: 3) > 10", values("x", 3, 3, 4), values("x", 5)),
    "least": ("min(x, last: 3) > 10", values("x", 9, 11, 11), values("x", 11)),
    "greatest": ("max(x, last: 2) < 10", values("x", 11, 9), values("x", 9)),
    "step": ("x - last(x, back: 1) > 5", values("x", 1, 6, 7), values("x", 13)),
    "rate": ("rate(x, last: 2, per: 1h) < 0", values("x", 1, 2), values("x", 1)),
}
LOGIC = {
    "and": ("x > 5 and y > 5", [{"x": 6, "y": 1}, {"x": 1, "y": 6}], [{"x": 6, "y": 6}]),
    "or": ("x > 5 or y > 5", [{"x": 1, "y": 1}], [{"y": 6}]),
    "unknown": ("x > 5 and not (y > 5)", [{"x": 6}], [{"y": 1}]),
    "too-few": ("avg(x, last: 3) > 10", values("x", 12, 12), values("x", 12)),
    "missing": ("x > 5", [{"x": None}], [{"x": 6}]),
}
AXES = {
    "deviation": ("deviation(x, last: 50) > 2", values("x", *[20, 21] * 25), values("x", 24)),
    "modulus": ("magnitude(x, y, z) > 1.13064", [{"x": 0.6, "y": 0.6, "z": -0.6}],
                [{"x": 0.7, "y": 0.7, "z": -0.7}]),
    "bounds": ("x < -0.1 or x > 0.1 or y < -0.0766 or y > -0.0376 or z < -1.126 or z > 1.0",
               [{"x": 0.02, "y": -0.05, "z": 0.98}], [{"x": 0.02, "y": -0.05, "z": 1.01}]),
}
CASES = COMPARISONS | FUNCTIONS | LOGIC | AXES


def sensing(name, *rules, **more):
    return device_type(name, {"Normal": {"chain": "pass"}, "Seen": block()}, rules) | {
        "sensors": SENSORS, "telemetry": [{"name": "pushed", "push": {}}], **more}


def seen(when, name="seen"):
    return rule(name, ["Normal"], when, "Seen")


# Rules and sensors for all types that include them.
SHARED = {"sensors": {"alarm": {"type": "boolean"}},
          "rules": [rule("alarmed", ["Normal"], "alarm", "Seen")]}
OTHERS = {  # of the tests of several devices
    "plain": sensing("plain"),
    "tag-watcher": sensing("tag-watcher", seen('any(tag: "upstairs")')),
    "group-watcher": sensing("group-watcher", seen('devices(group: "cellar") >= 2')),
    "hot-watcher": sensing("hot-watcher", seen('any(type: "tagging", tag: "hot")')),
    "tagging": sensing("tagging", {"name": "tag", "from": "any", "when": "x > 5",
                                   "actions": [{"tag": "hot"}]}),
    "one": sensing("one", include=["shared.yaml"]),
    "other": sensing("other", seen("x > 5"), include=["shared.yaml"]),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory, engine, images):
    site = Site(tmp_path_factory.mktemp("conditions"), engine)
    try:
        site.types = [sensing(name, seen(case[0])) for name, case in CASES.items()]
        site.types += OTHERS.values()
        site.write("types.d/shared.yaml", SHARED)
        for name in CASES | OTHERS:
            site.add_enrolment(name, name)
        site.start()
        yield site
    finally:
        site.close()


def state(site, name):
    return site.device_status(name)["state"]


def push(site, name, *list_):
    """Decided when it is answered."""
    for given in list_:
        site.api.put(f"/devices/{name}/telemetry", given)


def wait_seen(site, name):
    wait_for(lambda: state(site, name) == "Seen", timeout=60, what=f"{name} in Seen")
    site.wait_goal(name, "held", timeout=60)


def check(site, name):
    _, before, after = CASES[name]
    for given in before:
        push(site, name, given)
        assert state(site, name) == "Normal", given
    push(site, name, *after)
    wait_seen(site, name)


@pytest.mark.parametrize("name", COMPARISONS)
def test_a_value_is_compared(site, name):
    check(site, name)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_last_values_of_a_sensor(site, name):
    check(site, name)


@pytest.mark.parametrize("name", LOGIC)
def test_and_or_not_and_what_is_not_known(site, name):
    check(site, name)


@pytest.mark.parametrize("name", AXES)
def test_deviation_from_the_average_and_three_axes(site, name):
    check(site, name)


def test_rules_of_a_shared_file_hold_for_all_types(site):
    for name in ("one", "other"):
        push(site, name, {"alarm": False})
        assert state(site, name) == "Normal"
        push(site, name, {"alarm": True})
        wait_seen(site, name)
        assert "alarmed" in site.device_status(name)["reason"]


def enrol(site, name, **fields):
    """A device of the API's, or another definition of it."""
    there = name in [item["name"] for item in site.api.get("/devices?limit=1000")["items"]]
    device = {"name": name, "type": "plain", "port": site.ports[0], "ips": ["10.23.0.1"],
              "mac": "02:00:00:00:0d:01", **fields}
    if there:
        site.api.put(f"/devices/{name}", device)
    else:
        site.api.post("/devices", device)


def test_groups_and_tags_of_a_device_are_edited_live(site):
    enrol(site, "moved")
    assert state(site, "tag-watcher") == state(site, "group-watcher") == "Normal"
    enrol(site, "moved", tags=["upstairs"])
    wait_seen(site, "tag-watcher")
    enrol(site, "moved", groups=["cellar"])
    enrol(site, "second", groups=["cellar"], mac="02:00:00:00:0d:02", ips=["10.23.0.2"])
    wait_seen(site, "group-watcher")


def test_a_tag_that_a_rule_puts_on_is_news_for_others(site):
    push(site, "tagging", {"x": 5})
    assert state(site, "hot-watcher") == "Normal"
    push(site, "tagging", {"x": 6})
    assert site.device_status("tagging")["definition"]["tags"] == ["hot"]
    wait_seen(site, "hot-watcher")


def test_what_was_recorded_is_decided_again_when_it_is_replayed(site):
    # Answered once it is on disk, and with it all that was before.
    site.api.post("/devices/plain/release", {"reason": "the end"})
    site.assert_replay_is_alike(*CASES)
