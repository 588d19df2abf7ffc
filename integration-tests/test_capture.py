# SPDX-License-Identifier: GPL-2.0-or-later
"""The µmbox `capture` in a chain: what led to an alert is kept, although the alert cuts the chain off."""
import os
import stat

import pytest
from scapy.layers.inet import IP, TCP
from scapy.utils import PcapNgReader

from harness.daemon import wait_for
from harness.policies import block, chain, device_type, hop, rule

TYPE = device_type("camera", {
    # Last, so that it has what the guard tells of before the guard does: the cut comes at once.
    "Normal": chain(hop("guard", "kalki/brute-force:1", ports=[22], attempts=3),
                    hop("frames", "kalki/capture:1", ring_kb=256)),
    "Attack": block(stop_now=True)},
    [rule("guessing", ["Normal"], 'alert("brute-force")', "Attack")])


@pytest.fixture
def camera(site):
    site.types = [TYPE]
    camera = site.add_device("cam1", "camera")
    site.start()
    site.wait_settled()
    return camera


def frames_in(path):
    with PcapNgReader(str(path)) as reader:
        return list(reader)


def kept(site):
    return site.api.get("/devices/cam1/captures")["items"]


def test_the_frames_before_an_alert_are_kept(site, camera, tmp_path):
    attacker = site.add_host("attacker")
    for _ in range(4):
        attacker.run("timeout", "2", "bash", "-c", f": </dev/tcp/{camera.ip}/22", check=False)
    capture, = wait_for(lambda: kept(site), timeout=60, what="a capture")
    assert site.device_status("cam1")["state"] == "Attack"
    path = tmp_path / "frames.pcapng"
    done = site.daemon.kalkictl("chain", "capture", "cam1", str(path), "--id", str(capture["id"]))
    assert done.returncode == 0, done.stderr
    frames = frames_in(path)
    assert len(frames) == capture["frames"] and path.stat().st_size == capture["bytes"]
    knocks = [frame for frame in frames if TCP in frame and frame[TCP].dport == 22 and
              frame[TCP].flags == "S" and frame[IP].src == attacker.ip]
    assert len(knocks) >= 3
    assert any(TCP in frame and frame[IP].src == camera.ip for frame in frames)
    # Nothing is overwritten, and nobody else reads it.
    assert site.daemon.kalkictl("chain", "capture", "cam1", str(path), "--id",
                                str(capture["id"])).returncode == 1
    folder = os.path.join(site.root, "var/lib/kalki/captures")
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    # Who looks at the timeline finds it.
    events = wait_for(lambda: [item["eve"]["kalki"] for item in
                               site.api.get("/devices/cam1/timeline?kind=node")["items"]
                               if item["eve"]["kalki"]["what"] == "captured"],
                      timeout=60, what="the event")
    assert f"capture {capture['id']}," in events[0]["words"]
    assert "alert brute-force" in events[0]["words"]


def test_an_operator_asks_for_the_newest_frames(site, camera, tmp_path):
    host = site.add_host("host")
    camera.reach(host)
    path = tmp_path / "now.pcapng"
    done = site.daemon.kalkictl("chain", "capture", "cam1", str(path), "--reason", "looking")
    assert done.returncode == 0, done.stderr
    assert any(IP in frame and frame[IP].src == camera.ip for frame in frames_in(path))
    listed = site.daemon.kalkictl("chain", "captures", "cam1").stdout
    assert str(kept(site)[0]["id"]) in listed
    # After a restart the umbox hands its ring over again, and what was kept is there.
    site.daemon.stop()
    site.daemon.start()
    site.wait_settled()
    assert len(kept(site)) == 1
    camera.reach(host)
    wait_for(lambda: site.daemon.kalkictl("chain", "capture", "cam1", str(tmp_path / "again.pcapng"))
             .returncode == 0, timeout=60, what="a capture after the restart")
    assert frames_in(tmp_path / "again.pcapng")
    first = min(capture["id"] for capture in kept(site))
    done = site.daemon.kalkictl("chain", "rm-capture", str(first), "--yes")
    assert done.returncode == 0, done.stderr
    assert first not in [capture["id"] for capture in kept(site)]
    folder = os.path.join(site.root, "var/lib/kalki/captures")
    assert not [name for name in os.listdir(folder) if name.startswith(f"{first}_")]


def test_a_chain_without_frames_says_so(site):
    site.types = [device_type("plain", {"Normal": chain(hop("guard", "kalki/brute-force:1"))})]
    site.add_device("cam1", "plain")
    site.start()
    site.wait_settled()
    done = site.daemon.kalkictl("chain", "capture", "cam1")
    assert done.returncode == 4 and "keeps no frames" in done.stderr
