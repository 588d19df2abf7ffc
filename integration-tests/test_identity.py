# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may speak as whom: forged, unknown and odd frames against devices behind one-hop chains."""
import json
import os
import subprocess
from ipaddress import ip_address

import pytest
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6NDOptDstLLAddr, IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw

from harness.daemon import BUILD, wait_for
from harness.frames import heard, marker
from harness.policies import chain, device_type, rule, stamp
from harness.proof import Flow
from harness.site import Site

BROADCAST = "ff:ff:ff:ff:ff:ff"
MACHINE = "10.20.0.1"  # of kalkid's own machine, at the host leg


@pytest.fixture(scope="module")
def site(tmp_path_factory, engine, images):
    """cam1 and cam2 on ports of their own; lamp1 and an unknown device behind a shared one."""
    site = Site(tmp_path_factory.mktemp("identity"), engine)
    site.types = [device_type("camera", {"Normal": chain(stamp("a"))}),
                  device_type("lamp", {"Normal": chain(stamp("l"))}),
                  device_type("guarded", {"Normal": chain(stamp("n")), "Suspicious": chain(stamp("s"))},
                              [rule("forges", ["Normal"], 'alert("spoofed-frames")', "Suspicious")])]
    site.add_device("cam1", "camera")
    site.add_device("cam2", "camera", multicast=True)
    site.add_device("guarded1", "guarded")
    for name in ("roaming1", "roaming2"):
        site.add_device(name, "lamp", ips=[])
    site.add_device("lamp1", "lamp", shared=True)
    site.add_device("stranger", "camera", enrol=False, shared=True)
    site.add_host("host")
    site.add_host("other")
    site.plane_settings = {"host_leg": {"name": site.tag + "hl", "addresses": [MACHINE + "/32"]}}
    site.start()
    yield site
    site.close()


@pytest.fixture
def cam1(site):
    return site.devices["cam1"]


@pytest.fixture
def cam2(site):
    return site.devices["cam2"]


@pytest.fixture
def host(site):
    return site.hosts["host"]


def datagram(sender, receiver, mark, mac=None, ip=None):
    """A UDP frame; `mac` and `ip` stand in for the sender's own."""
    return (Ether(src=mac or sender.mac, dst=receiver.mac)
            / IP(src=ip or sender.ip, dst=receiver.ip) / UDP(sport=4000, dport=4001) / Raw(mark))


def counters(site):
    return site.api.get("/status")["counts"]


def test_genuine_frames_pass_once_each_way(cam1, host):
    mark = marker()
    assert heard(cam1, datagram(cam1, host, mark), mark, host, least=1) == 1
    mark = marker()
    assert heard(host, datagram(host, cam1, mark), mark, cam1, least=1) == 1


def test_a_mac_that_nobody_has(site, cam1, host):
    mark = marker()
    mac = "02:00:00:00:0a:ee"
    assert heard(cam1, datagram(cam1, host, mark, mac=mac), mark, host) == 0

    def told():
        return [event for event in site.api.get("/events?kind=node&limit=1000")["items"]
                if mac in str(event["eve"]["kalki"])]
    wait_for(told, what="the unknown device in the history")
    # Told once, however often it tries.
    for _ in range(3):
        heard(cam1, datagram(cam1, host, mark, mac=mac), mark, host, seconds=0.1)
    assert len(told()) == 1


def spoof_is_told(site, before, words):
    wait_for(lambda: counters(site)["frames_spoofed"] > before, what="the count of forged frames")
    wait_for(lambda: any(words in event["eve"]["kalki"].get("words", "") for event in site.api.get(
        "/events?kind=node&limit=1000")["items"]), what=f"'{words}' in the history")


def test_a_foreign_address(site, cam1, host):
    before = counters(site)["frames_spoofed"]
    mark = marker()
    assert heard(cam1, datagram(cam1, host, mark, ip="10.20.0.200"), mark, host) == 0
    spoof_is_told(site, before, "a source address that is not the device's")


def test_a_siblings_address(site, cam1, cam2, host):
    mark = marker()
    assert heard(cam1, datagram(cam1, host, mark, ip=cam2.ip), mark, host) == 0


def test_a_siblings_mac_on_the_wrong_port(site, cam1, cam2, host):
    mark = marker()
    assert heard(cam1, datagram(cam1, host, mark, mac=cam2.mac, ip=cam2.ip), mark, host) == 0


def test_a_devices_mac_from_the_network(site, cam1, cam2, host):
    before = counters(site)["frames_spoofed"]
    mark = marker()
    assert heard(host, datagram(host, cam1, mark, mac=cam2.mac), mark, cam1) == 0
    spoof_is_told(site, before, "a device's MAC from the network")


def test_the_addresses_of_the_machine_are_its_own(site, cam1, host):
    for sender, receiver in ((cam1, host), (host, cam1)):
        before = counters(site)["frames_spoofed"]
        mark = marker()
        assert heard(sender, datagram(sender, receiver, mark, ip=MACHINE), mark, receiver) == 0
        mark = marker()
        assert heard(sender, arp_answer(sender, MACHINE, receiver, mark), mark, receiver) == 0
        spoof_is_told(site, before, "the host leg's MAC or address from elsewhere")
    folder = os.path.join(site.root, "run/kalki/umbox")
    for umbox in os.listdir(folder):
        with open(os.path.join(folder, umbox, "umbox.json"), encoding="utf-8") as file:
            assert json.load(file)["host_addresses"][0] == MACHINE


def arp_answer(sender, claimed_ip, target, mark, claimed_mac=None):
    return (Ether(src=sender.mac, dst=target.mac)
            / ARP(op=2, hwsrc=claimed_mac or sender.mac, psrc=claimed_ip, hwdst=target.mac,
                  pdst=target.ip) / Raw(mark))


@pytest.mark.parametrize("forgery", ["foreign address", "foreign mac"])
def test_forged_arp(site, cam1, cam2, host, forgery):
    mark = marker()
    assert heard(cam1, arp_answer(cam1, cam1.ip, host, mark), mark, host, least=1) == 1
    before = counters(site)["frames_spoofed"]
    mark = marker()
    frame = (arp_answer(cam1, cam2.ip, host, mark) if forgery == "foreign address"
             else arp_answer(cam1, cam1.ip, host, mark, claimed_mac=cam2.mac))
    assert heard(cam1, frame, mark, host) == 0
    spoof_is_told(site, before, "forged ARP")


def test_ipv6_passes(cam1, host):
    cam1.reach6(host)
    host.reach6(cam1)


def test_a_foreign_ipv6_address(site, cam1, host):
    before = counters(site)["frames_spoofed"]
    mark = marker()
    frame = (Ether(src=cam1.mac, dst=host.mac) / IPv6(src="fd20::dead", dst=host.ip6)
             / UDP(sport=4000, dport=4001) / Raw(mark))
    assert heard(cam1, frame, mark, host) == 0
    spoof_is_told(site, before, "a source address that is not the device's")


def test_a_forged_neighbour_advertisement(site, cam1, cam2, host):
    mark = marker()
    frame = (Ether(src=cam1.mac, dst=host.mac) / IPv6(src=cam1.ip6, dst=host.ip6, hlim=255)
             / ICMPv6ND_NA(tgt=cam2.ip6, R=0, S=1, O=1) / ICMPv6NDOptDstLLAddr(lladdr=cam1.mac)
             / Raw(mark))
    before = counters(site)["frames_spoofed"]
    assert heard(cam1, frame, mark, host) == 0
    spoof_is_told(site, before, "forged neighbour or router advertisements")


def test_fragments_pass(cam1, host):
    host.run("ping", "-n", "-q", "-c", "2", "-i", "0.2", "-W", "1", "-s", "8000", cam1.ip)
    cam1.run("ping", "-n", "-q", "-c", "2", "-i", "0.2", "-W", "1", "-s", "8000", host.ip)


def test_vlan_tags_do_not_pass(cam1, host):
    mark = marker()
    frame = (Ether(src=cam1.mac, dst=host.mac) / Dot1Q(vlan=5) / IP(src=cam1.ip, dst=host.ip)
             / UDP(sport=4000, dport=4001) / Raw(mark))
    assert heard(cam1, frame, mark, host) == 0


def test_the_largest_frames_pass_and_larger_ones_harm_nobody(site, cam1, host):
    cam1.run("ping", "-n", "-q", "-c", "2", "-i", "0.2", "-W", "1", "-M", "do", "-s", "1472",
             host.ip)
    cam1.run("ip", "link", "set", "eth0", "mtu", "4000")
    try:
        mark = marker()
        frame = datagram(cam1, host, mark + b"x" * 2500)
        assert heard(cam1, frame, mark, host) == 0
    finally:
        cam1.run("ip", "link", "set", "eth0", "mtu", "1500")
    cam1.reach(host)


def dhcp(sender_mac, mark, kind, source, destination, ports):
    return (Ether(src=sender_mac, dst=BROADCAST) / IP(src=source, dst=destination)
            / UDP(sport=ports[0], dport=ports[1])
            / BOOTP(op=1 if kind == "discover" else 2, chaddr=b"\2\0\0\0\n\n", sname=mark)
            / DHCP(options=[("message-type", kind), "end"]))


def test_dhcp_passes_through_the_chain(site, cam1, host):
    mark = marker()
    frame = dhcp(cam1.mac, mark, "discover", "0.0.0.0", "255.255.255.255", (68, 67))
    assert heard(cam1, frame, mark, host, least=1) == 1
    mark = marker()
    frame = dhcp(host.mac, mark, "offer", host.ip, "255.255.255.255", (67, 68))
    assert heard(host, frame, mark, cam1, least=1) == 1


def test_arp_and_discovery_pass_through_the_chain(cam1, host):
    for end in (cam1, host):
        end.run("ip", "neigh", "flush", "dev", "eth0")
    cam1.reach(host)
    for end in (cam1, host):
        end.run("ip", "neigh", "flush", "dev", "eth0")
    host.reach6(cam1)


def test_a_broadcast_reaches_each_device_once_and_strangers_never(site, host):
    lamp, stranger = site.devices["lamp1"], site.devices["stranger"]
    mark = marker()
    request = (Ether(src=host.mac, dst=BROADCAST)
               / ARP(op=1, hwsrc=host.mac, psrc=host.ip, pdst=lamp.ip) / Raw(mark))
    devices = (site.devices["cam1"], site.devices["cam2"], lamp, stranger)
    counts = heard(host, request, mark, *devices, least=1)
    assert counts[2:] == [1, 0], "the one that is asked for; never the stranger"
    assert max(counts) == 1


def test_strangers_reach_nobody_and_nobody_reaches_them(site, cam1, host):
    stranger = site.devices["stranger"]
    mark = marker()
    assert heard(stranger, datagram(stranger, host, mark), mark, host, cam1) == [0, 0]
    mark = marker()
    assert heard(host, datagram(host, stranger, mark), mark, stranger) == 0


def multicast(sender, mark):
    return (Ether(src=sender.mac, dst="01:00:5e:00:00:fb") / IP(src=sender.ip, dst="224.0.0.251")
            / UDP(sport=5353, dport=5353) / Raw(mark))


def test_multicast_only_where_it_is_allowed(cam1, cam2, host):
    mark = marker()
    assert heard(cam1, multicast(cam1, mark), mark, host) == 0
    mark = marker()
    assert heard(cam2, multicast(cam2, mark), mark, host, least=1) == 1
    mark = marker()
    assert heard(host, multicast(host, mark), mark, cam1, cam2, least=1) == [0, 1]


def test_device_to_device_crosses_both_chains(site, cam1, cam2, tmp_path):
    flow = Flow(tmp_path, cam1, cam2, rate=200, seconds=2)
    hops = {name: [hop["umbox"] for hop in site.api.get(f"/devices/{name}/chain")["hops"]
                   if hop["role"] == "in_force"] for name in ("cam1", "cam2")}
    both = tuple(hops["cam1"] + hops["cam2"])
    flow.finish()
    up, down = flow.judge(lambda path: path == both)
    for verdict in (up, down):
        assert verdict.received > 300, verdict.summary()
        assert verdict.wrong == 0, (both, verdict.wrong_paths)


def notes(site, device, kind):
    return [event["eve"]["kalki"] for event in site.api.get(
        f"/events?kind=node&device={device}&limit=1000")["items"]
            if event["eve"]["kalki"].get("what") == kind]


def test_forged_frames_move_the_state_of_who_sent_them_alone(site, cam1, host):
    guarded = site.devices["guarded1"]
    alerts = "/alerts?device=guarded1"
    # What others do in its name is noted and moves nothing.
    heard(host, datagram(host, cam1, marker(), mac=guarded.mac), b"-", cam1, seconds=0.1)
    heard(cam1, datagram(cam1, host, marker(), mac=guarded.mac, ip=guarded.ip), b"-", host,
          seconds=0.1)
    heard(cam1, datagram(cam1, host, marker(), ip=guarded.ip), b"-", host, seconds=0.1)
    note = wait_for(lambda: notes(site, "guarded1", "impersonated"), what="a note")[0]
    assert note["count"] >= 1
    assert site.api.get(alerts)["items"] == []
    assert site.device_status("guarded1")["state"] == "Normal"
    # What it does itself is its alert.
    for _ in range(3):
        heard(guarded, datagram(guarded, host, marker(), ip=cam1.ip), b"-", host, seconds=0.1)
    wait_for(lambda: site.device_status("guarded1")["state"] == "Suspicious", what="the state")
    eve = wait_for(lambda: site.api.get(alerts)["items"], what="the alert on disk")[0]["eve"]
    assert eve["kalki"]["type"] == "spoofed-frames" and eve["src_ip"] == cam1.ip, eve
    assert eve["kalki"]["detail"] == f"sent as {cam1.ip}, at port {guarded.port}", eve


def lease(site, device, host, ip, xid, seconds=3600):
    """Asks, and answers, as a client and a server do."""
    ask, answer = (Ether(src=sender.mac, dst=BROADCAST) / IP(src=source, dst="255.255.255.255")
                   / UDP(sport=ports[0], dport=ports[1])
                   / BOOTP(op=op, xid=xid, yiaddr=given, chaddr=bytes.fromhex(device.mac.replace(":", "")))
                   / DHCP(options=options)
                   for sender, source, ports, op, given, options in (
                       (device, "0.0.0.0", (68, 67), 1, "0.0.0.0",
                        [("message-type", "request"), ("requested_addr", ip), "end"]),
                       (host, host.ip, (67, 68), 2, ip,
                        [("message-type", "ack"), ("server_id", host.ip), ("lease_time", seconds), "end"])))
    heard(device, ask, b"-", host, seconds=0.1)
    heard(host, answer, b"-", device, seconds=0.1)


def learnt(site, name, version=4):
    """Of one version of IP: what the devices' kernels announce by themselves comes between."""
    return {row["ip"]: row["how"] for row in site.device_status(name)["learnt"]
            if not row["expired"] and ip_address(row["ip"]).version == version}


def test_addresses_are_learnt_from_dhcp_and_held(site, cam1, host):
    first, second = site.devices["roaming1"], site.devices["roaming2"]
    umboxes = [hop["umbox"] for hop in site.api.get("/devices/roaming1/chain")["hops"]]
    mark = marker()
    assert heard(first, datagram(first, host, mark, ip="10.20.0.77"), mark, host, least=1) == 1  # not known yet
    # Nobody takes what belongs to somebody, whatever a server says.
    lease(site, first, host, cam1.ip, 11)
    wait_for(lambda: notes(site, "roaming1", "address-conflict"), what="the conflict")
    assert learnt(site, "roaming1") == {}
    lease(site, first, host, "10.20.0.77", 12)
    wait_for(lambda: learnt(site, "roaming1") == {"10.20.0.77": "dhcp"}, what="the address")
    note = wait_for(lambda: notes(site, "roaming1", "address-learnt"), what="a note")[0]
    assert note["words"] == "10.20.0.77 (dhcp, for 1h)"
    site.wait_goal("roaming1", "converged")
    mark = marker()
    assert heard(first, datagram(first, host, mark, ip="10.20.0.77"), mark, host, least=1) == 1
    mark = marker()
    assert heard(first, datagram(first, host, mark, ip="10.20.0.78"), mark, host) == 0
    mark = marker()
    assert heard(second, datagram(second, host, mark, ip="10.20.0.77"), mark, host) == 0
    # The chain stayed; what is learnt outlives the daemon.
    assert umboxes == [hop["umbox"] for hop in site.api.get("/devices/roaming1/chain")["hops"]]
    shown = subprocess.run([os.path.join(BUILD, "kalkid/cli/kalkictl"), "--root", site.root, "device",
                            "show", "roaming1"], capture_output=True, text=True, check=True).stdout
    assert "10.20.0.77 by dhcp since " in shown, shown
    site.daemon.kill()
    site.daemon.start()
    site.wait_settled()
    assert learnt(site, "roaming1") == {"10.20.0.77": "dhcp"}
    mark = marker()
    assert heard(first, datagram(first, host, mark, ip="10.20.0.78"), mark, host) == 0


def test_addresses_are_learnt_from_neighbour_discovery(site, host):
    first, second = site.devices["roaming1"], site.devices["roaming2"]
    second.run("ip", "address", "add", "fd20::77/64", "dev", "eth0")  # with DAD
    wait_for(lambda: learnt(site, "roaming2", 6).get("fd20::77") == "nd", what="the address")
    second.reach6(host)
    frame = (Ether(src=first.mac, dst=host.mac) / IPv6(src="fd20::77", dst=host.ip6)
             / UDP(sport=4000, dport=4001))
    mark = marker()
    assert heard(first, frame / Raw(mark), mark, host) == 0
