# SPDX-License-Identifier: GPL-2.0-or-later
"""Not one frame passes without every hop of one complete posture, while postures change."""
import itertools
import random
import time

import pytest

from harness.policies import block, chain, device_type, stamp
from harness.proof import Flow, Witness, judge, told, without_loss

# Disjoint, sharing a prefix, sharing a suffix, sharing both, of different lengths, none.
CHAINS = {
    "One": ("a",),
    "Two": ("b", "c"),
    "Three": ("d", "e", "f"),
    "Prefix": ("b", "g"),
    "Suffix": ("h", "c"),
    "Both": ("d", "i", "f"),
    "Block": None,
}


def proof_type(standby):
    return device_type("proof", {
        state: block() if hops is None else chain(*map(stamp, hops), standby=standby, hold="old")
        for state, hops in CHAINS.items()})


WHOLE = {hops for hops in CHAINS.values() if hops}


@pytest.fixture
def proof(site):
    """A camera and a host, with every chain on standby."""
    site.types = [proof_type("all")]
    site.add_device("cam1", "proof")
    site.add_host("host")
    site.start()
    return site


def go_through(site, states, pause_s=0.0):
    """One transition after the other, each waited for."""
    for state in states:
        site.set_state("cam1", state, reason="proof")
        goal = "held" if state == "Block" else "converged"
        if goal == "held":
            site.wait_goal("cam1", "held", "converged")
        else:
            site.wait_goal("cam1", goal)
        time.sleep(pause_s)


def a_walk(count, seed, without=()):
    """Random states, never the same twice in a row."""
    names = [name for name in CHAINS if name not in without]
    chooser, last = random.Random(seed), None
    for _ in range(count):
        last = chooser.choice([name for name in names if name != last])
        yield last


def test_1000_transitions(proof, tmp_path, record_property):
    def once():
        witness = Witness(proof, "cam1", WHOLE)
        flow = Flow(tmp_path, proof.devices["cam1"], proof.hosts["host"])
        go_through(proof, a_walk(1000, seed=1))
        verdicts, lost = judge(witness, flow)
        for way, verdict in zip(("up", "down"), verdicts):
            for key, value in verdict.summary().items():
                record_property(f"{way}_{key}", value)
            # The flow was real: every chain was crossed.
            crossed = {tuple(witness.names[umbox] for umbox in path) for path in verdict.paths}
            assert {tuple(sorted(hops)) for hops in crossed} == {tuple(sorted(h)) for h in WHOLE}
        assert sum(event["kind"] == "transition" for event in witness.events) >= 1000
        return lost
    without_loss(once)


def test_nothing_is_lost_between_ready_chains(proof, tmp_path):
    def once():
        witness = Witness(proof, "cam1", WHOLE)
        flow = Flow(tmp_path, proof.devices["cam1"], proof.hosts["host"])
        go_through(proof, a_walk(100, seed=2, without=("Block",)), pause_s=0.05)
        verdicts, _ = judge(witness, flow)
        return any(verdict.lost for verdict in verdicts) and told(verdicts)
    without_loss(once)


def test_cold_chains(site, tmp_path):
    """No standby: the old chain stays until the new one is whole."""
    site.types = [proof_type("none")]
    site.add_device("cam1", "proof")
    site.add_host("host")
    site.start()

    def once():
        witness = Witness(site, "cam1", WHOLE)
        # Not at full rate: starting containers keeps the processors from the hops for a while.
        flow = Flow(tmp_path, site.devices["cam1"], site.hosts["host"], rate=2000)
        go_through(site, itertools.chain(a_walk(25, seed=3), ["One"]), pause_s=0.1)
        return judge(witness, flow)[1]
    without_loss(once)
