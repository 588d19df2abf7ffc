# SPDX-License-Identifier: GPL-2.0-or-later
"""The life of the daemon: before it, beside it, after it."""
import os
import pathlib
import re
import signal
import socket
import subprocess

import pytest

from harness import net
from harness.daemon import BUILD, wait_for
from harness.policies import chain, device_type, hop, stamp

CAMERA = {
    "type": "camera",
    "states": {"Normal": {"chain": "pass"}, "Attack": {"chain": "block"}},
}


def kalkid(site, *words):
    return subprocess.run([os.path.join(BUILD, "kalkid/kalkid"), "--root", site.root, *words],
                          capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def host(site):
    site.types = [CAMERA]
    site.add_device("cam1", "camera")
    return site.add_host("host", 100)


def test_early_lets_nothing_pass_until_the_daemon_runs(site, host):
    site.write_files()
    for _ in range(2):  # pressed twice
        done = kalkid(site, "--early")
        assert (done.returncode, done.stderr) == (0, "")
    cam1 = site.devices["cam1"]
    assert not cam1.ping(host, count=2)
    site.start()
    cam1.reach(host)


def test_a_second_daemon_is_refused(site, host):
    site.start()
    for words in ((), ("--early",), ("--teardown",)):
        done = kalkid(site, *words)
        assert done.returncode == 5
        assert done.stderr.startswith("kalkid: another kalkid is running")
    site.devices["cam1"].reach(host)


def test_a_teardown_needs_only_to_know_what_is_its_own(site, host):
    site.start()
    site.daemon.stop()
    folder = pathlib.Path(site.root, "etc/kalki")
    (folder / "types.d" / "bad.yaml").write_text("type: [\n")
    (folder / "devices.d" / "bad.yaml").write_text("- {name: x, mac: y}\n")
    (folder / "conf.d").mkdir(exist_ok=True)
    (folder / "conf.d" / "bad.yaml").write_text("history: {size: many}\nnonsense: 1\n")
    assert kalkid(site, "--check").returncode == 6
    (folder / "kalkid.yaml").rename(folder / "kalkid.yaml.away")
    done = kalkid(site, "--teardown")
    assert done.returncode == 6
    assert "kalkid.yaml: No such file or directory" in done.stderr
    assert "nothing was removed: `instance` and `data_plane`" in done.stderr
    site.devices["cam1"].reach(host)
    (folder / "kalkid.yaml.away").rename(folder / "kalkid.yaml")
    done = kalkid(site, "--teardown")
    assert (done.returncode, done.stderr) == (0, "")
    assert not site.leftovers()


def test_a_umbox_tells_what_it_did_with_frames(site, host):
    site.types = [device_type("camera", {"Normal": chain(hop("guard", "kalki/brute-force:1"))})]
    site.start()
    site.wait_goal("cam1", "converged")
    device = site.devices["cam1"]
    for _ in range(5):
        device.reach(host)
    with pytest.raises(ConnectionRefusedError):
        net.in_namespace(host.ns, socket.create_connection, (device.ip, 22), 60)

    def inside():
        counters = site.api.get("/devices/cam1/chain")["hops"][0]["counters"]
        return counters["inside"] or {"passed": 0}

    wait_for(lambda: inside()["passed"] >= 10, what="a heartbeat behind the frames")
    assert (inside()["dropped"], inside()["overrun"], inside()["lost"]) == (0, 0, 0)
    # What it counts by names of its own is told as well.
    wait_for(lambda: inside()["own"]["attempts"] == 1, what="a heartbeat behind the call")
    umbox = site.api.get("/devices/cam1/chain")["hops"][0]["umbox"]
    shown = site.daemon.kalkictl("umbox", "show", str(umbox)).stdout
    assert re.search(r"\nattempts +1\n", shown), shown
    shown = site.daemon.kalkictl("chain", "show", "cam1").stdout
    assert re.search(rf"\nguard \(umbox {umbox}\) counts .*\battempts 1\b", shown), shown


def test_stopped_it_leaves_the_chains_in_force(site, host):
    site.start()
    site.daemon.stop()
    site.devices["cam1"].reach(host)
    assert kalkid(site, "--teardown").returncode == 0
    assert not site.leftovers()
    assert kalkid(site, "--teardown").returncode == 0


def delete_slots(site):
    for name in net.links(site.data_plane):
        if re.fullmatch("s[0-9a-f]+", name):
            net.ip("link", "del", name, ns=site.data_plane)


def test_what_comes_after_lost_notices_is_heard(site, host):
    """More notices than the socket holds, while the daemon stands still."""
    site.settings = {"observe_every": "1h"}
    site.start()
    net.ip_batch(["link add flood type veth peer name flood1", "link set flood up"],
                 ns=site.data_plane)
    os.kill(site.daemon.process.pid, signal.SIGSTOP)
    net.ip_batch([f"link set flood alias {i % 2}" for i in range(40000)], ns=site.data_plane)
    os.kill(site.daemon.process.pid, signal.SIGCONT)
    wait_for(lambda: "interfaces were lost" in site.daemon.log_text(), what="the loss")
    for _ in range(2):
        delete_slots(site)
        site.devices["cam1"].reach(host)


def test_what_cannot_be_mended_keeps_nothing_else_from_it(machine_site):
    """Somebody gave the host leg's name to an interface of theirs."""
    site = machine_site
    site.types = [CAMERA]
    cam1, host = site.add_device("cam1", "camera"), site.add_host("host", 100)
    site.start()
    os.kill(site.daemon.process.pid, signal.SIGSTOP)
    net.ip_batch([f"link del {site.host_leg}",
                  f"link add {site.host_leg} type veth peer name theirs"], ns=site.machine)
    delete_slots(site)
    os.kill(site.daemon.process.pid, signal.SIGCONT)
    cam1.reach(host)
    wait_for(lambda: site.host_leg in (site.daemon.api.get("/status")["trouble"] or ""),
             what="the status telling what cannot be mended")
    net.ip("link", "del", site.host_leg, ns=site.machine)
    wait_for(lambda: not site.daemon.api.get("/status")["trouble"], what="the status without it")
