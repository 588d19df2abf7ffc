# SPDX-License-Identifier: GPL-2.0-or-later
"""A µmbox of the older contract (older.py) in a real chain: legs, argument, endpoint, direct answers."""
import os
import signal
import socket

import pytest

from harness import net
from harness.daemon import wait_for
from harness.docker import python_files
from harness.policies import chain, device_type, hop, rule, stamp
from harness.site import Site

OLDER = "kalki/older:1"


@pytest.fixture(scope="module")
def site(tmp_path_factory, engine, images):
    engine.import_files(OLDER, *python_files("older"), umbox_contract=1, umbox_mode="legacy")
    site = Site(tmp_path_factory.mktemp("older"), engine)
    site.types = [device_type("camera", {"Normal": chain(hop("old", OLDER), stamp("n")),
                                         "Suspicious": chain(hop("old", OLDER), stamp("s"))},
                              [rule("telnet", ["Normal"], 'alert("telnet")', "Suspicious")])]
    site.add_device("cam1", "camera")
    site.add_host("host")
    site.start()
    yield site
    site.close()


def old_hops(site):
    return [hop for hop in site.api.get("/devices/cam1/chain")["hops"]
            if hop["name"] == "old" and hop["role"] == "in_force"]


def old_hop(site):
    return old_hops(site)[0]


def telnet(site):
    """The error that a call to port 23 of the device ends with; something listens there."""
    device, host = site.devices["cam1"], site.hosts["host"]

    def listen():
        listener = socket.create_server(("", 23))
        listener.settimeout(0)
        return listener

    def call():
        with socket.socket() as caller:
            caller.settimeout(30)
            return caller.connect_ex((device.ip, 23))

    with net.in_namespace(device.ns, listen) as listener:
        result = net.in_namespace(host.ns, call)
        with pytest.raises(BlockingIOError):
            listener.accept()
    return os.strerror(result)


def pid_of(site, umbox):
    container, = site.engine.containers(**{"org.kalki.instance": site.tag, "org.kalki.umbox": umbox})
    return site.engine.inspect(container["Id"])["State"]["Pid"]


def events(site, kind):
    items = site.api.get(f"/devices/cam1/timeline?kind={kind}&order=newest&limit=50")["items"]
    return [item["eve"]["kalki"] for item in items]


def test_it_forwards_once_it_has_said_ready_and_reaches_nobody_else(site):
    device, host = site.devices["cam1"], site.hosts["host"]
    device.reach(host)
    host.reach(device)
    record = wait_for(lambda: events(site, "umbox"), timeout=60, what="its log-info")[0]
    text = str(record)
    assert f"'{device.ip}'" in text and "'elsewhere': 'ECONNREFUSED'" in text


def test_its_alerts_move_the_device_and_its_answers_go_straight_back(site):
    assert telnet(site) == "Connection refused"
    wait_for(lambda: site.device_status("cam1")["state"] == "Suspicious", timeout=60,
             what="the state")
    site.wait_goal("cam1", "converged", timeout=60)
    alert = wait_for(lambda: events(site, "alert"), timeout=60, what="the alert")[-1]
    hop = old_hop(site)
    assert (alert["type"], alert["hop"], alert["umbox"]) == ("telnet", "old", hop["umbox"])
    assert alert["detail"] == f"from {site.hosts['host'].ip}"
    assert hop["counters"]["direct"]["from_umbox_frames"] >= 1
    assert hop["counters"]["direct"]["to_umbox_frames"] == 0


def test_the_next_daemon_takes_it_over_as_it_is(site):
    before = old_hop(site)["umbox"]
    site.daemon.kill()
    site.daemon.start()
    site.wait_settled()
    assert old_hop(site)["umbox"] == before
    site.devices["cam1"].reach(site.hosts["host"])
    count = len(events(site, "alert"))
    assert telnet(site) == "Connection refused"
    wait_for(lambda: len(events(site, "alert")) > count, timeout=60, what="an alert")


def test_one_that_takes_the_endpoint_meanwhile_is_replaced(site):
    """While the daemon is away its port is free to whoever is in there; nobody else is kept waiting."""
    before = old_hop(site)["umbox"]
    pid = pid_of(site, before)
    site.daemon.kill()
    with net.in_namespace(f"../../proc/{pid}/ns/net", socket.create_server, ("", 6060)):
        site.daemon.start()
        wait_for(lambda: [hop for hop in old_hops(site) if hop["umbox"] != before], timeout=60, what="another umbox")
        site.wait_settled()
    site.devices["cam1"].reach(site.hosts["host"])
    wait_for(lambda: f"umbox {before} died: the umbox's endpoint: port 6060" in site.daemon.log_text(),
             timeout=60, what="the reason")


def test_one_that_hangs_is_replaced(site):
    before, device, host = old_hop(site)["umbox"], site.devices["cam1"], site.hosts["host"]
    os.kill(pid_of(site, before), signal.SIGSTOP)

    def another():
        device.ping(host), host.ping(device)  # there is something to take
        return [hop for hop in old_hops(site) if hop["umbox"] != before]
    wait_for(another, timeout=60, what="another umbox")
    site.wait_settled()
    device.reach(host)
    host.reach(device)
    wait_for(lambda: f"(umbox {before}) died: it takes no frames any more" in site.daemon.log_text(),
             timeout=60, what="the reason")


def test_a_device_without_an_ipv4_address_is_told_of(site):
    device = site.add_device("cam2", "camera")
    device.enrolment["ips"] = [device.ip6]
    site.reload()
    wait_for(lambda: "'cam2' has none (it needs one in its ips)" in site.daemon.log_text(),
             timeout=60, what="the words")
    assert not device.ping6(site.hosts["host"])
    del site.devices["cam2"].enrolment["ips"]
