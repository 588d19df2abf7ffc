# SPDX-License-Identifier: GPL-2.0-or-later
"""Alerts drive states, states drive chains: what rules over alerts can say, on one daemon that runs
real chains.  Every device here is a type of its own; its alerts are raised by a puppet in its chain."""
import pytest

from harness.daemon import wait_for
from harness.policies import block, chain, device_type, hop, puppet, rule, stamp
from harness.site import Site

ALERTS = ["guess", "scan", "noise", "later"]
GUESS, SCAN, NOISE, LATER = range(len(ALERTS))


def three_states(name, *rules, **suspicious):
    talker = puppet("puppet", alerts=ALERTS)
    return device_type(name, {
        "Normal": chain(talker),
        "Suspicious": chain(talker, stamp("watch"), **suspicious),
        "Attack": block()}, rules)


KNOCKS = hop("knocks", image="kalki/brute-force:1", ports=[22], attempts=3, interval_s=600,
             block_s=0)
TYPES = [
    three_states("all-of",
                 rule("both", ["Normal"], 'alert("guess", within: 10m) and alert("scan", within: 10m)',
                      "Attack")),
    three_states("counted",
                 rule("three", ["Normal"], 'count("guess", within: 10m) >= 3', "Suspicious")),
    three_states("negated",
                 rule("no-scan", ["Normal"],
                      'alert("guess", within: 10m) and not alert("scan", within: 10m)', "Suspicious")),
    three_states("ordered",
                 rule("first", ["Normal"], 'alert("guess")', "Suspicious"),
                 rule("second", ["Normal"], 'alert("guess") or alert("scan")', "Attack")),
    three_states("staged",
                 rule("any-state", "any", 'alert("scan")', "Attack"),
                 rule("only-when-suspicious", ["Suspicious"], 'alert("guess")', "Attack"),
                 rule("begin", ["Normal"], 'alert("noise")', "Suspicious")),
    three_states("live", rule("old", ["Normal"], 'alert("guess")', "Suspicious")),
    three_states("calm", rule("begin", ["Normal"], 'alert("guess")', "Suspicious"),
                 calm={"after": "2s", "to": "Normal"}),
    three_states("dwelling", rule("begin", ["Normal"], 'alert("guess")', "Suspicious"),
                 rule("back", ["Suspicious"], 'alert("later")', "Normal"), dwell="1h"),
    three_states("sequenced",
                 rule("then", ["Normal"], 'sequence("guess", then: "scan", within: 10m)', "Attack")),
    device_type("knocked", {"Normal": chain(KNOCKS), "Attack": block()}, [
        rule("two", ["Normal"], 'distinct("brute-force", by: source, within: 10m) >= 2', "Attack")]),
]


@pytest.fixture(scope="module")
def running(tmp_path_factory, engine, images):
    site = Site(tmp_path_factory.mktemp("rules"), engine)
    try:
        site.types = TYPES
        for type_ in TYPES[:-1]:
            site.add_enrolment(type_["type"], type_["type"])
        site.add_device("knocked", "knocked")
        site.start()
        yield site
    finally:
        site.close()


def alerts_of(site, name):
    return site.api.get(f"/alerts?device={name}")["items"]


def sources_of(site, name, count):
    """Whom its alerts name, once they are so many."""
    sources = {alert["eve"].get("src_ip") for alert in alerts_of(site, name)}
    return sources if len(sources) >= count else None


def raise_and_wait(site, name, number):
    """Raises an alert and waits until it was taken; whether it moved anything is the caller's."""
    before = len(alerts_of(site, name))
    site.raise_alert(name, number)
    wait_for(lambda: len(alerts_of(site, name)) > before, timeout=60, what="the alert")


def state(site, name):
    return site.device_status(name)["state"]


CHAINS = {"Normal": ["puppet"], "Suspicious": ["puppet", "watch"], "Attack": []}


def wait_state(site, name, wanted):
    """The state, and that its chain is in force."""
    wait_for(lambda: state(site, name) == wanted, timeout=60, what=f"{name} in {wanted}")
    wait_for(lambda: site.hops(name) == CHAINS[wanted], timeout=60, what=f"the chain of {wanted}")


def release(site, name):
    site.api.post(f"/devices/{name}/release", {"reason": "a test"})
    wait_state(site, name, "Normal")


def last_transition(site, name):
    """That which led to the present state: the kernel and the state come before the history."""
    def written():
        page = site.api.get(f"/devices/{name}/timeline?kind=transition&order=newest&limit=1")
        newest = page["items"][0]["eve"]["kalki"]
        return newest if newest["to"] == state(site, name) else None
    return wait_for(written, timeout=60, what=f"{name}: the transition in the history")


def test_a_rule_waits_for_all_alert_types_within_its_window(running):
    raise_and_wait(running, "all-of", GUESS)
    assert state(running, "all-of") == "Normal"
    raise_and_wait(running, "all-of", SCAN)
    wait_state(running, "all-of", "Attack")


def test_which_rule_fired_when_and_why_is_in_the_history(running):
    raise_and_wait(running, "staged", SCAN)
    wait_state(running, "staged", "Attack")
    moved = last_transition(running, "staged")
    newest = alerts_of(running, "staged")[0]
    assert (moved["from"], moved["to"], moved["cause"], moved["rule"]) == (
        "Normal", "Attack", "rule", "any-state")
    assert moved["evidence"] == [newest["id"]]
    assert 0 < moved["times"]["alert_us"] <= moved["times"]["decided_us"]
    release(running, "staged")


def test_a_condition_holds_in_its_states_only(running):
    release(running, "staged")
    raise_and_wait(running, "staged", GUESS)
    assert state(running, "staged") == "Normal"
    raise_and_wait(running, "staged", NOISE)
    wait_state(running, "staged", "Attack")  # the guess of before counts now
    assert last_transition(running, "staged")["rule"] == "only-when-suspicious"


def test_after_a_reset_old_alerts_do_not_count(running):
    for _ in range(2):
        release(running, "counted")
        raise_and_wait(running, "counted", GUESS)
        raise_and_wait(running, "counted", GUESS)
        assert state(running, "counted") == "Normal"
    raise_and_wait(running, "counted", GUESS)
    wait_state(running, "counted", "Suspicious")


def test_absence_of_an_alert_is_a_condition_too(running):
    raise_and_wait(running, "negated", SCAN)
    raise_and_wait(running, "negated", GUESS)
    assert state(running, "negated") == "Normal"
    release(running, "negated")
    raise_and_wait(running, "negated", GUESS)
    wait_state(running, "negated", "Suspicious")


def test_the_first_rule_in_the_file_wins(running):
    raise_and_wait(running, "ordered", GUESS)
    wait_state(running, "ordered", "Suspicious")
    assert last_transition(running, "ordered")["rule"] == "first"


def test_an_edited_rule_counts_at_the_next_alert(running):
    live = next(type_ for type_ in running.types if type_["type"] == "live")
    live["rules"] = [rule("new", ["Normal"], 'alert("scan")', "Attack")]
    running.reload()
    raise_and_wait(running, "live", GUESS)
    assert state(running, "live") == "Normal"
    raise_and_wait(running, "live", SCAN)
    wait_state(running, "live", "Attack")
    assert last_transition(running, "live")["rule"] == "new"


def test_attack_is_left_only_by_a_reset(running):
    running.set_state("all-of", "Attack", reason="a test")
    wait_state(running, "all-of", "Attack")
    release(running, "all-of")
    assert last_transition(running, "all-of")["cause"] == "release"


def test_one_alert_after_the_other(running):
    raise_and_wait(running, "sequenced", SCAN)
    raise_and_wait(running, "sequenced", GUESS)
    assert state(running, "sequenced") == "Normal"
    raise_and_wait(running, "sequenced", SCAN)
    wait_state(running, "sequenced", "Attack")


def test_different_attackers_are_counted(running):
    knocked = running.devices["knocked"]
    for number in range(2):
        assert state(running, "knocked") == "Normal"
        host = running.add_host(f"attacker{number}")
        for _ in range(5):
            host.run("timeout", "1", "bash", "-c", f": </dev/tcp/{knocked.ip}/22", check=False)
        sources = wait_for(lambda n=number: sources_of(running, "knocked", n + 1), timeout=60,
                           what="an alert of this attacker")
        assert host.ip in sources
    wait_for(lambda: state(running, "knocked") == "Attack", timeout=60, what="Attack")
    running.wait_goal("knocked", "held", timeout=60)


def test_quiet_for_long_enough_it_calms_down(running):
    raise_and_wait(running, "calm", GUESS)
    wait_for(lambda: last_transition(running, "calm")["cause"] == "calm", timeout=60)
    wait_state(running, "calm", "Normal")


def test_no_rule_loosens_a_state_within_its_dwell(running):
    raise_and_wait(running, "dwelling", GUESS)
    wait_state(running, "dwelling", "Suspicious")
    raise_and_wait(running, "dwelling", LATER)
    assert state(running, "dwelling") == "Suspicious"


def test_an_operator_sets_a_state_for_a_time_and_says_why(running):
    running.set_state("dwelling", "Attack", reason="I look into it", **{"for": "1s"})
    assert running.device_status("dwelling")["reason"].endswith("I look into it")
    wait_for(lambda: last_transition(running, "dwelling")["cause"] == "expired", timeout=60)


def test_an_alert_is_acknowledged(running):
    raise_and_wait(running, "negated", NOISE)
    newest = alerts_of(running, "negated")[0]
    running.api.post(f"/alerts/{newest['id']}/acknowledge", {"reason": "seen"})
    waiting = running.api.get("/alerts?device=negated&unacknowledged=true")["items"]
    assert newest["id"] not in [alert["id"] for alert in waiting]


def test_what_was_recorded_is_decided_again_when_it_is_replayed(running):
    """The whole history of the tests above, given to the same policies."""
    names = [type_["type"] for type_ in TYPES]
    for name in names:  # answered once it is on disk, and with it all that was before
        running.api.post(f"/devices/{name}/release", {"reason": "the end"})
    running.assert_replay_is_alike(*names)
