# SPDX-License-Identifier: GPL-2.0-or-later
"""The wires of a site and the proof's eyes, with a plain bridge where the daemon would stand: what
the other tests say must not happen does happen here, and is seen."""

import pytest

from harness import net
from harness.frames import heard, marker
from harness.proof import Flow
from harness.site import Site


class NoEngine:
    socket = "/nonexistent"

    def containers(self):
        return []


@pytest.fixture
def open_site(tmp_path):
    site = Site(tmp_path / "root", NoEngine())
    try:
        site.add_device("cam1", "none")
        site.add_device("cam2", "none", shared=True)
        site.add_host("host")
        ns = site._namespace("open")
        net.ip_batch([f"link set {port} netns {ns}" for port in (*site.ports, site.network_port)])
        net.ip_batch(["link add br0 type bridge forward_delay 0 mcast_snooping 0", "link set br0 up",
                      *(f"link set {port} master br0 up"
                        for port in (*site.ports, site.network_port))], ns=ns)
        yield site
    finally:
        site.remove_all()
    assert not [name for name in net.links() if name.startswith(site.tag)]
    assert not [name for name in net.namespaces() if name.startswith(site.tag)]


def test_the_proof_sees_a_bypass(open_site, tmp_path):
    flow = Flow(tmp_path, open_site.devices["cam1"], open_site.hosts["host"], rate=10_000, seconds=1)
    flow.finish()
    for verdict in flow.judge(lambda path: path == (1, 2)):
        assert (verdict.sent, set(verdict.paths)) == (10_000, {()})
        assert verdict.wrong == verdict.received > 9000


def test_frames_are_heard_where_they_arrive(open_site):
    cam1, cam2, host = *open_site.devices.values(), open_site.hosts["host"]
    cam1.reach(host)
    cam2.reach6(host)
    mark = marker()
    frame = (bytes.fromhex("ffffffffffff") + bytes.fromhex(cam1.mac.replace(":", ""))
             + b"\x88\xb5" + mark.ljust(46, b"\0"))
    assert heard(cam1, frame, mark, host, cam2, cam1, least=2) == [1, 1, 0]


def test_leftovers_are_seen(open_site):
    assert any("was not given back" in line for line in open_site.leftovers())
