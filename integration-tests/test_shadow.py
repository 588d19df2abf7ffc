# SPDX-License-Identifier: GPL-2.0-or-later
"""Decided, recorded, not enforced: rules and devices in shadow on a daemon with real chains and frames."""
import pytest

from harness.daemon import ApiError, wait_for
from harness.policies import block, chain, device_type, hop, rule, stamp
from harness.site import Site

ATTACK = dict(rule("attack", ["Normal"], "attacked", "Attack"), actions=[{"tag": "seen"}])
TRIAL = dict(rule("trial", ["Normal"], "noisy", "Attack"), shadow=True)


def camera(*rules):
    return {**device_type("camera", {"Normal": chain(stamp("a")), "Attack": block()}, rules),
            "sensors": {"attacked": {"type": "boolean"}, "noisy": {"type": "boolean"}},
            "telemetry": [{"name": "pushed", "push": {}}]}


@pytest.fixture
def site(tmp_path, engine, images):
    site = Site(tmp_path, engine)
    try:
        site.types = [camera(TRIAL, ATTACK)]
        site.add_device("cam", "camera")
        site.add_host("host")
        site.start()
        yield site
    finally:
        site.close()


def push(site, **values):
    site.api.put("/devices/cam/telemetry", {"attacked": False, "noisy": False, **values})


def events(site, kind):
    return [event["eve"]["kalki"] for event in
            site.api.get(f"/devices/cam/timeline?kind={kind}&order=oldest")["items"]]


def wait_events(site, kind, count):
    return wait_for(lambda: len(events(site, kind)) >= count and events(site, kind), timeout=60,
                    what=f"{count} of {kind}")


def reach(site):
    site.devices["cam"].reach(site.hosts["host"])


def pings(site):
    return site.devices["cam"].ping(site.hosts["host"])


def test_a_rule_in_shadow_is_told_and_nothing_comes_of_it(site):
    push(site, noisy=True)
    push(site, noisy=True)  # it stays true
    told, = wait_events(site, "shadow", 1)
    assert (told["rule"], told["from"], told["to"], told["tightens"]) == (
        "trial", "Normal", "Attack", True)
    assert site.device_status("cam")["state"] == "Normal"
    assert site.api.get("/devices/cam/why")["rules"][0]["shadow"]
    reach(site)
    push(site)
    push(site, noisy=True)
    assert len(wait_events(site, "shadow", 2)) == 2
    # In earnest it does what is still to be done.
    site.types = [camera({**TRIAL, "shadow": False}, ATTACK)]
    site.reload()
    wait_for(lambda: site.device_status("cam")["state"] == "Attack", timeout=60, what="Attack")
    assert not pings(site)


def test_a_device_in_shadow_keeps_its_chain_until_it_leaves(site):
    site.api.post("/devices/cam/shadow", {"reason": "a new policy"})
    push(site, attacked=True)
    status = site.device_status("cam")
    assert (status["state"], status["in_force"], status["shadow"]) == ("Attack", "Normal", True)
    assert site.api.get("/status")["devices"]["in_shadow"] == 1
    told, = wait_events(site, "transition", 1)
    assert (told["to"], told["in_force"], told["not_done"]) == ("Attack", "Normal", ["tag seen"])
    assert status["definition"]["tags"] == []
    assert site.hops("cam") == ["a"]
    reach(site)
    # What operators say holds all the same, also over a kill.
    site.api.post("/devices/cam/quarantine", {})
    assert not pings(site)
    site.daemon.kill()
    site.daemon.start()
    assert not pings(site)
    site.api.post("/devices/cam/release", {})
    reach(site)
    assert site.device_status("cam")["shadow"]
    push(site)
    push(site, attacked=True)
    assert site.device_status("cam")["state"] == "Attack"
    reach(site)
    site.api.post("/devices/cam/enforce", {})
    assert not pings(site)
    assert site.device_status("cam")["in_force"] == "Attack"


def test_a_shadow_by_the_file_ends_by_the_file(site):
    cam = site.devices["cam"]
    cam.enrolment["shadow"] = True
    site.reload()
    push(site, attacked=True)
    reach(site)
    with pytest.raises(ApiError) as refusal:
        site.api.post("/devices/cam/enforce", {})
    assert refusal.value.status == 409
    assert "in shadow by" in str(refusal.value)
    del cam.enrolment["shadow"]
    site.reload()
    wait_for(lambda: not pings(site), timeout=60, what="the decision in force")
    assert not site.device_status("cam")["shadow"]


def test_a_umbox_in_shadow_lets_pass_what_it_would_drop(site):
    guard = hop("guard", image="kalki/block-all:1")
    guarded = camera(ATTACK)
    guarded["states"]["Normal"] = chain({**guard, "shadow": True})
    site.types = [guarded]
    site.reload()
    wait_for(lambda: site.hops("cam") == ["guard"], timeout=60, what="the guard")
    reach(site)

    def counted():
        hops = site.api.get("/devices/cam/chain")["hops"]
        return [hop["counters"]["inside"] for hop in hops if hop["shadow"] and hop["ready"]][0]
    wait_for(lambda: counted() and counted()["would_drop"], timeout=60, what="what it would drop")
    assert counted()["dropped"] == 0
    guarded["states"]["Normal"] = chain(guard)
    site.reload()
    wait_for(lambda: not site.api.get("/devices/cam/chain")["hops"][0]["shadow"] and not pings(site),
             timeout=60, what="the guard in earnest")
