# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices that come, go and change while everything runs, and a daemon that was away for a while."""
import json
import os
import signal
import time

import pytest

from harness import net
from harness.daemon import wait_for
from harness.policies import block, chain, device_type, stamp


@pytest.fixture
def cam(site):
    """A device that the API enrolled."""
    site.types = [device_type("camera", {"Normal": chain(stamp("a"), standby="none")})]
    cam = site.add_device("cam1", "camera", enrol=False)
    site.add_host("host")
    site.start()
    site.api.post("/devices", cam.enrolment)
    site.wait_goal("cam1", "converged")
    cam.reach(site.hosts["host"])
    return cam


def containers(site):
    return sorted(container["Id"] for container in site.engine.containers()
                  if site.tag in container["Labels"].values())


def test_a_device_goes_and_comes_at_once(site, cam):
    for _ in range(3):
        before = containers(site)
        site.api.delete("/devices/cam1")
        site.api.post("/devices", cam.enrolment)
        site.wait_goal("cam1", "converged")
        cam.reach(site.hosts["host"])
        wait_for(lambda: not set(before) & set(containers(site)), what="the end of the old umboxes")
        cam.reach(site.hosts["host"])


def test_another_address(site, cam):
    host, mac, address = site.hosts["host"], "02:00:00:00:0b:77", "10.20.0.66"
    etag = site.api.request("GET", "/devices/cam1")[2]["ETag"]
    site.api.put("/devices/cam1", dict(cam.enrolment, mac=mac, ips=[address]),
                 headers={"If-Match": etag})
    net.ip_batch([f"link set eth0 address {mac}", f"address del {cam.ip}/24 dev eth0",
                  f"address add {address}/24 dev eth0"], ns=cam.ns)
    net.ip("neigh", "flush", "all", ns=host.ns)
    site.wait_goal("cam1", "converged")
    cam.reach(host)
    folder = os.path.join(site.root, "run/kalki/umbox")
    for umbox in wait_for(lambda: len(os.listdir(folder)) == 1 and os.listdir(folder)):
        with open(os.path.join(folder, umbox, "umbox.json"), encoding="utf-8") as file:
            assert json.load(file)["device"] == {"name": "cam1", "mac": mac, "ips": [address]}


def test_another_type_and_description(site, cam):
    site.types.append(device_type("webcam", {"Normal": chain(stamp("b"), stamp("c"))}))
    site.reload()
    words = ["--type", "webcam", "--description", "at the door", "--port", cam.port, "--mac",
             cam.mac, "--ips", f"{cam.ip},{cam.ip6}", "--groups", "hall,cameras", "--tags", "old"]
    done = site.daemon.kalkictl("device", "add", "cam1", "--replace", *words)
    assert done.returncode == 0, done.stderr
    site.wait_goal("cam1", "converged")
    assert site.hops("cam1") == ["b", "c"]
    cam.reach(site.hosts["host"])
    definition = site.device_status("cam1")["definition"]
    assert (definition["description"], definition["groups"], definition["tags"]) == (
        "at the door", ["hall", "cameras"], ["old"])
    # What was edited outlives the daemon.
    site.daemon.stop()
    site.daemon.start()
    site.wait_goal("cam1", "converged")
    assert site.device_status("cam1")["definition"] == definition
    assert site.daemon.kalkictl("device", "rm", "cam1", "--yes").returncode == 0
    wait_for(lambda: not containers(site), timeout=60, what="the end of its umboxes")
    assert not cam.ping(site.hosts["host"])


def test_a_daemon_that_was_stopped_for_a_while(site, cam):
    """Longer than umboxes may be silent: what they said meanwhile counts."""
    before = containers(site)
    site.daemon.process.send_signal(signal.SIGSTOP)
    time.sleep(13)
    site.daemon.process.send_signal(signal.SIGCONT)
    time.sleep(3)
    assert containers(site) == before
    cam.reach(site.hosts["host"])


def test_the_machine_itself_reaches_devices_through_their_chains(machine_site):
    site = machine_site
    site.types = [device_type("camera", {"Normal": chain(stamp("a")), "Attack": block()})]
    cam = site.add_device("cam1", "camera")
    site.start()
    wait_for(lambda: net.ping(site.machine, cam.ip), what="a ping")
    site.set_state("cam1", "Attack", reason="a test")
    site.wait_goal("cam1", "held")
    assert not net.ping(site.machine, cam.ip)
