# SPDX-License-Identifier: GPL-2.0-or-later
"""Parameters and images change under traffic: only what they touch is replaced, and no frame is lost."""
import json
import os
import time

import pytest

from harness.daemon import BUILD, REPOSITORY, ApiError, wait_for
from harness.policies import chain, device_type, hop, stamp
from harness.proof import Flow, Witness, judge, without_loss

WHOLE = {("a", "b", "c")}
STAMP_PROGRAM = os.path.join(REPOSITORY, "build-images/umbox-images/stamp")
PUPPET_PROGRAM = os.path.join(BUILD, "integration-tests/puppet")  # with "silent" it is never ready
FAULTY_PROGRAM = os.path.join(BUILD, "integration-tests/faulty")  # if "deaf", ready and nothing else
RATE = 2000  # starting containers keeps the processors from the hops for a while


def camera(**notes):
    """Three hops; `b=2` gives the hop b another parameter."""
    hops = [stamp(name) for name in "abc"]
    for made in hops:
        made["parameters"]["note"] += str(notes.get(made["name"], ""))
    return device_type("camera", {"Normal": chain(*hops)})


@pytest.fixture
def rollout(site):
    site.types = [camera()]
    site.settings = {"umbox": {"ready_timeout": "3s"}}
    site.add_device("cam1", "camera")
    site.add_enrolment("cam2", "camera", parameters={"b": {"note": "of cam2"}})
    site.add_host("host")
    site.start()
    return site


def in_force(site, name="cam1"):
    """The umboxes that frames cross, by the name of their hop."""
    return {hop["name"]: hop["umbox"] for hop in site.api.get(f"/devices/{name}/chain")["hops"]
            if hop["role"] == "in_force"}


def replaced(before, after):
    assert before.keys() == after.keys()
    return {name for name in before if before[name] != after[name]}


def without_a_gap(site, tmp_path, change):
    """`change` under traffic costs no frame and leads none on a wrong path."""
    def once():
        witness = Witness(site, "cam1", WHOLE)
        flow = Flow(tmp_path, site.devices["cam1"], site.hosts["host"], rate=RATE)
        change()
        verdicts, _ = judge(witness, flow)
        return any(verdict.lost for verdict in verdicts) and [
            verdict.summary() for verdict in verdicts]
    without_loss(once)


def reload(site, type_):
    site.types = [type_]
    site.reload()
    site.wait_goal("cam1", "converged")
    return in_force(site)


def test_changed_parameters_replace_the_hops_between_the_first_and_the_last_that_changed(
        rollout, tmp_path):
    def change():
        first = reload(rollout, camera())
        second = reload(rollout, camera(b=2))
        assert replaced(first, second) == {"b"}
        third = reload(rollout, camera(a=2, b=2))
        assert replaced(second, third) == {"a"}
        # A frame crosses a whole chain, the old or the new, so what stands between goes with them.
        assert replaced(third, reload(rollout, camera(b=2, c=2))) == {"a", "b", "c"}
    without_a_gap(rollout, tmp_path, change)


def test_parameters_with_which_a_hop_does_not_get_ready_leave_the_old_chain(rollout, tmp_path):
    bad = camera()
    bad["states"]["Normal"]["chain"][1]["parameters"]["never_ready"] = True

    def change():
        before = in_force(rollout)
        rollout.types = [bad]
        rollout.reload()
        wait_for(lambda: "did not get ready" in (rollout.device_status("cam1")["trouble"] or ""),
                 timeout=60, what="a hop that is not ready")
        assert rollout.device_status("cam1")["goal"] == "old_chain"
        assert in_force(rollout) == before
        assert reload(rollout, camera()) == before
    without_a_gap(rollout, tmp_path, change)


def told(site, hop, device="cam1"):
    """The parameters that the umbox of a hop in force was started with."""
    umbox = in_force(site, device)[hop]
    with open(f"{site.root}/run/kalki/umbox/{umbox}/umbox.json", encoding="utf-8") as file:
        return json.load(file)["parameters"]


def test_a_device_has_parameters_of_its_own(rollout, tmp_path):
    """Over those of its type, in its file or by the API; another device of the type has the type's."""
    assert told(rollout, "b", "cam2") == {"note": "of cam2"}
    assert told(rollout, "a", "cam2") == told(rollout, "a") == {"note": "a"}

    def change():
        before = in_force(rollout)
        for delay_us in (1, 0):
            rollout.devices["cam1"].enrolment["parameters"] = {"b": {"delay_us": delay_us}}
            rollout.reload()
            rollout.wait_goal("cam1", "converged")
            assert told(rollout, "b") == {"delay_us": delay_us, "note": "b"}
            assert replaced(before, in_force(rollout)) == {"b"}
    without_a_gap(rollout, tmp_path, change)


def test_what_the_image_does_not_take_leaves_the_chain_of_before(rollout):
    definition = dict(rollout.devices["cam1"].enrolment, name="cam3", mac="02:00:00:00:0d:01",
                      ips=["10.23.0.1"])
    rollout.api.post("/devices", definition)
    rollout.wait_goal("cam3", "converged")
    before = in_force(rollout, "cam3")
    with pytest.raises(ApiError, match="no chain of the type 'camera' has a hop named 'd'"):
        rollout.api.put("/devices/cam3", definition | {"parameters": {"d": {}}})
    rollout.api.put("/devices/cam3", definition | {"parameters": {"b": {"delay_us": "long"}}})
    wait_for(lambda: "parameters.delay_us: is not of type integer" in
             (rollout.device_status("cam3")["trouble"] or ""), timeout=60, what="the reason")
    assert rollout.device_status("cam3")["goal"] == "old_chain"
    assert in_force(rollout, "cam3") == before
    rollout.api.put("/devices/cam3", definition | {"parameters": {"b": {"delay_us": 5}}})
    rollout.wait_goal("cam3", "converged")
    assert replaced(before, in_force(rollout, "cam3")) == {"b"}
    assert rollout.device_status("cam3")["definition"]["parameters"] == {"b": {"delay_us": 5}}
    rollout.daemon.stop()
    rollout.daemon.start()
    rollout.wait_goal("cam3", "converged")
    assert told(rollout, "b", "cam3") == {"delay_us": 5, "note": "b"}


def reference(site):
    return f"kalki-test/{site.tag}:1"


def import_stamp(site):
    """The program of kalki/stamp as an image that was not there before."""
    site.engine.import_program(reference(site), STAMP_PROGRAM, umbox_contract=1,
                               umbox_capabilities="NET_RAW", umbox_memory="32m",
                               umbox_parameters="{}", version=time.time_ns())


def images(site, role, name="cam1"):
    return {hop["image_id"] for hop in site.api.get(f"/devices/{name}/chain")["hops"]
            if hop["role"] == role}


def wanted(site):
    return site.engine.request("GET", f"/images/{reference(site)}/json")["Id"]


def remarks(site, kind):
    events = site.api.get("/events?kind=node&limit=200")["items"]
    return [event for event in events if event["eve"]["kalki"]["what"] == kind]


def faulty(site, fault, name="a"):
    return device_type("camera", {"Normal": chain(hop(name, reference(site), fault=fault))})


@pytest.fixture
def faulty_site(site):
    """One hop that as yet has no fault."""
    site.engine.import_program(reference(site), FAULTY_PROGRAM, umbox_contract=1,
                               umbox_capabilities="NET_RAW", umbox_parameters="{}")
    site.types = [faulty(site, "none")]
    site.settings = {"umbox": {"ready_timeout": "3s"}}
    site.add_device("cam1", "camera")
    site.add_host("host")
    site.start()
    return site


def test_parameters_with_which_nothing_comes_through_leave_the_old_chain(faulty_site):
    site = faulty_site

    def in_trouble():
        status = site.device_status("cam1")
        return status["goal"] == "old_chain" and "no frame came through" in (status["trouble"] or "")
    before = in_force(site)
    site.types = [faulty(site, "deaf")]
    site.reload()
    wait_for(in_trouble, timeout=60, what="a hop that lets nothing through")
    site.daemon.kill()
    site.daemon.start()  # it does not know that the umbox that it finds was on trial
    wait_for(in_trouble, timeout=60, what="a hop that lets nothing through")
    assert in_force(site) == before
    assert site.devices["cam1"].ping(site.hosts["host"])
    assert reload(site, faulty(site, "none")) == before


def test_a_hop_that_lets_nothing_through_any_more_is_told(faulty_site):
    site = faulty_site
    reload(site, faulty(site, "deaf", name="other"))  # follows nobody, so nobody tries it
    device, host = site.devices["cam1"], site.hosts["host"]
    device.knows(host)
    device.run("ping", "-q", "-i", "0.1", "-c", "30", "-W", "1", host.ip, check=False)
    wait_for(lambda: "lets none through" in (site.device_status("cam1")["trouble"] or ""),
             timeout=60, what="a word about it")
    assert site.api.get("/status")["health"] == "degraded"
    wait_for(lambda: remarks(site, "umbox-mute"), timeout=60, what="the history")
    reload(site, faulty(site, "none"))
    wait_for(lambda: site.device_status("cam1")["trouble"] is None, timeout=60, what="no trouble")
    assert device.ping(host)


@pytest.fixture
def images_site(site):
    """Two hops of an image of this test, and one more on standby."""
    import_stamp(site)
    hops = {name: hop(name, reference(site), note=name, silent=True, fault="deaf") for name in "abd"}
    site.types = [device_type("camera", {
        "Normal": chain(hops["a"], hops["b"], stamp("c")),
        "Attack": chain(hops["d"], standby="all")})]
    site.settings = {"umbox": {"ready_timeout": "3s"}}
    site.add_device("cam1", "camera")
    site.add_host("host")
    site.start()
    wait_for(lambda: images(site, "standby") == {wanted(site)}, what="a standby chain")
    return site


def test_another_image_is_rolled_out_hop_by_hop(images_site, tmp_path):
    site = images_site

    def change():
        before, old = in_force(site), wanted(site)
        import_stamp(site)
        new = wanted(site)
        assert new != old
        wait_for(lambda: old not in images(site, "in_force") | images(site, "standby"), timeout=60,
                 what="the new image")
        assert new in images(site, "standby")
        assert replaced(before, in_force(site)) == {"a", "b"}
    without_a_gap(site, tmp_path, change)
    wait_for(lambda: remarks(site, "image-changed"), what="the end of the exchange")
    site.set_state("cam1", "Attack")
    assert in_force(site).keys() == {"d"}


@pytest.mark.parametrize("program, schema, why", [
    (PUPPET_PROGRAM, "{}", "did not get ready"),
    (FAULTY_PROGRAM, "{}", "is ready, and no frame came through it"),
    (PUPPET_PROGRAM, '{"additionalProperties": false}', "is not known"),
])
def test_an_image_that_fails_is_not_rolled_out(images_site, tmp_path, program, schema, why):
    site = images_site
    before, good = in_force(site), wanted(site)

    def change():
        refused = len(remarks(site, "image-refused"))
        site.engine.import_program(reference(site), program, umbox_contract=1,
                                   umbox_capabilities="NET_RAW", umbox_parameters=schema,
                                   version=time.time_ns())
        wait_for(lambda: len(remarks(site, "image-refused")) > refused, what="the refusal")
        assert in_force(site) == before
    without_a_gap(site, tmp_path, change)
    assert why in site.daemon.log_text()
    # What is launched from now on is of the former image.
    container, = site.engine.containers(**{"org.kalki.instance": site.tag,
                                           "org.kalki.umbox": before["a"]})
    site.engine.request("POST", f"/containers/{container['Id']}/kill")
    wait_for(lambda: in_force(site).get("a", before["a"]) != before["a"], timeout=60, what="a new umbox")
    assert good in images(site, "in_force") and wanted(site) not in images(site, "in_force")
