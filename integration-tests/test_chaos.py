# SPDX-License-Identifier: GPL-2.0-or-later
"""The bypass proof while things break: frames may be lost, none may pass without a whole chain."""
import random
import time

import pytest

from harness import net
from harness.daemon import ApiError, wait_for
from harness.policies import PUPPET, block, chain, device_type, hop, stamp
from harness.proof import Explained, Flow, Witness, without_loss

CHAINS = {"One": ("a",), "Two": ("b", "c"), "Three": ("b", "d", "e"), "Block": None}
WHOLE = {hops for hops in CHAINS.values() if hops}
SECONDS = 30


def chaos_type(standby="all"):
    return device_type("proof", {
        state: block() if hops is None else chain(*map(stamp, hops), standby=standby)
        for state, hops in CHAINS.items()})


@pytest.fixture
def chaos(site):
    site.types = [chaos_type()]
    site.add_device("cam1", "proof")
    site.add_host("host")
    site.start()
    return site


def try_state(site, chooser):
    """A transition, unless the daemon is away just now."""
    try:
        site.set_state("cam1", chooser.choice(list(CHAINS)), reason="chaos")
    except (OSError, ApiError):
        pass


def storm(site, tmp_path, strike, every_s, seed=7, seconds=SECONDS):
    """Traffic and transitions for a while, `strike(chooser)` again and again; then it must recover,
    and no frame may have crossed anything but a whole chain."""
    chooser = random.Random(seed)
    witness = Witness(site, "cam1", WHOLE)
    flow = Flow(tmp_path, site.devices["cam1"], site.hosts["host"])
    end = time.monotonic() + seconds
    next_strike, strikes = time.monotonic() + every_s, 0
    while time.monotonic() < end:
        try_state(site, chooser)
        time.sleep(chooser.uniform(0.02, 0.3))
        if time.monotonic() >= next_strike:
            strike(chooser)
            strikes += 1
            next_strike = time.monotonic() + chooser.uniform(0.5, 1.5) * every_s
    recovered(site)
    flow.stop()
    witness.close()
    verdicts = flow.judge(witness.whole)
    assert strikes >= seconds / every_s / 4
    for verdict in verdicts:
        assert verdict.wrong == 0, (verdict.summary(), verdict.wrong_paths)
        assert verdict.doubled == 0, verdict.summary()
        assert verdict.received > 1000, verdict.summary()
    return verdicts


def recovered(site, state="Two"):
    """Back to a whole chain that carries frames."""
    if not site.daemon.running():
        site.daemon.start()
    wait_for(lambda: site.set_state("cam1", state, reason="the end") or True, what="the daemon")
    site.wait_goal("cam1", "converged")
    site.devices["cam1"].reach(site.hosts["host"])


def test_quarantine_while_docker_is_frozen(chaos):
    """A daemon that starts beside a frozen engine has not seen its umboxes; it tightens all the same."""
    host = chaos.hosts["host"]
    chaos.wait_goal("cam1", "converged")
    chaos.devices["cam1"].reach(host)
    chaos.daemon.kill()
    chaos.engine.freeze(True)
    try:
        chaos.daemon.start()
        chaos.devices["cam1"].reach(host)
        assert not chaos.daemon.api.get("/status")["picture_complete"]
        chaos.daemon.api.post("/devices/cam1/quarantine")
        assert not chaos.devices["cam1"].ping(host)
    finally:
        chaos.engine.freeze(False)
    wait_for(lambda: chaos.daemon.api.get("/status")["picture_complete"], what="the picture")
    assert not chaos.devices["cam1"].ping(host)
    chaos.daemon.api.post("/devices/cam1/release")
    chaos.devices["cam1"].reach(host)


def test_daemon_killed(chaos, tmp_path):
    def strike(chooser):
        chaos.daemon.kill()
        time.sleep(chooser.uniform(0, 0.5))
        chaos.daemon.start(wait=False)
    storm(chaos, tmp_path, strike, every_s=1.5)


def test_daemon_killed_costs_no_frame(chaos, tmp_path):
    """Nobody changes anything: killing and starting the daemon is not even noticed."""
    chaos.set_state("cam1", "Three")
    chaos.wait_goal("cam1", "converged")

    def once():
        witness = Witness(chaos, "cam1", WHOLE)
        explained = Explained(chaos, chaos.devices["cam1"], chaos.hosts["host"])
        flow = Flow(tmp_path, chaos.devices["cam1"], chaos.hosts["host"])
        for _ in range(5):
            time.sleep(0.5)
            chaos.daemon.kill()
            time.sleep(0.2)
            chaos.daemon.start()
            chaos.wait_goal("cam1", "converged")
        flow.stop()
        witness.close()
        verdicts = flow.judge(witness.whole)
        for verdict in verdicts:
            assert (verdict.wrong, verdict.doubled) == (0, 0), verdict.summary()
            assert len(verdict.paths) == 1, "the chain was replaced"
        lost = sum(verdict.lost for verdict in verdicts)
        if not lost or lost <= explained.frames():
            return None
        return [verdict.summary() for verdict in verdicts] + [f"{explained.frames()} explained"]
    without_loss(once)


def test_engine_killed(chaos, tmp_path):
    def strike(chooser):
        chaos.engine.kill()
        time.sleep(chooser.uniform(0, 1))
        chaos.engine.start()
    try:
        storm(chaos, tmp_path, strike, every_s=4)
    finally:
        chaos.engine.start()


def test_hops_killed(chaos, tmp_path):
    def strike(chooser):
        running = [container for container in chaos.engine.containers()
                   if chaos.tag in container["Labels"].values()]
        if running:
            victim = chooser.choice(running)["Id"]
            try:
                chaos.engine.request("POST", f"/containers/{victim}/kill")
            except RuntimeError:
                pass  # it was on its way out
    storm(chaos, tmp_path, strike, every_s=0.7)


def test_rules_flushed(chaos, tmp_path):
    def strike(chooser):
        command = chooser.choice([("flush", "ruleset"), ("flush", "ruleset"), None])
        if command:
            net.run_in(chaos.data_plane, "nft", *command)
            return
        tables = net.run_in(chaos.data_plane, "nft", "list", "tables").split("\n")
        for table in filter(None, tables):
            net.run_in(chaos.data_plane, "nft", "delete", *table.split(), check=False)
    storm(chaos, tmp_path, strike, every_s=1.5)


def test_links_deleted(chaos, tmp_path):
    def strike(chooser):
        ours = [name for name in net.links(chaos.data_plane) if name[0] in "usp"
                and name not in chaos.ports]
        if ours:
            net.run("ip", "-n", chaos.data_plane, "link", "del", chooser.choice(ours), check=False)
    storm(chaos, tmp_path, strike, every_s=1)


@pytest.mark.parametrize("bad, words", [
    (hop("silent", image=PUPPET, silent=True), "ready"),
    (hop("missing", image="kalki/no-such-image:1"), "kalki/no-such-image:1"),
])
@pytest.mark.parametrize("hold", ["held", "old"])
def test_a_hop_that_never_comes(site, tmp_path, bad, words, hold):
    """The wanted chain cannot be had: held or the old chain, as the posture says; never a part."""
    site.types = [device_type("proof", {
        "Good": chain(stamp("a"), standby="none"),
        "Bad": chain(stamp("b"), bad, standby="none", hold=hold),
    })]
    site.settings = {"umbox": {"ready_timeout": "3s"}}
    site.add_device("cam1", "proof")
    site.add_host("host")
    site.start()

    def in_trouble():
        status = site.device_status("cam1")
        return status["goal"] == expected and status["trouble"] and words in status["trouble"] and \
            site.api.get("/status")["health"] == "degraded"
    expected = "held" if hold == "held" else "old_chain"

    def once():
        witness = Witness(site, "cam1", {("a",)})
        # Not at full rate: starting containers keeps the processors from the hops for a while.
        flow = Flow(tmp_path, site.devices["cam1"], site.hosts["host"], rate=2000)
        time.sleep(0.5)
        site.set_state("cam1", "Bad", reason="try")
        wait_for(in_trouble, what=f"{expected} with '{words}' in its trouble")
        if hold == "old":
            site.devices["cam1"].reach(site.hosts["host"])
        else:
            assert not site.devices["cam1"].ping(site.hosts["host"])
        site.api.post("/devices/cam1/release")
        site.wait_goal("cam1", "converged")
        time.sleep(0.3)
        flow.stop()
        witness.close()
        verdicts = flow.judge(witness.whole)
        for verdict in verdicts:
            assert verdict.wrong == 0, verdict.wrong_paths
        return hold == "old" and any(verdict.lost for verdict in verdicts) and [
            verdict.summary() for verdict in verdicts]
    without_loss(once)
