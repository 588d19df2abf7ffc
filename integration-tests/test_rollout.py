# SPDX-License-Identifier: GPL-2.0-or-later
"""Parameters and images change under traffic: only what they touch is replaced, and no frame is lost."""
import pytest

from harness.daemon import wait_for
from harness.policies import chain, device_type, stamp
from harness.proof import Flow, Witness, judge, told, without_loss

WHOLE = {("a", "b", "c")}
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
        return any(verdict.lost for verdict in verdicts) and told(verdicts)
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
