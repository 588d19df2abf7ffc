# SPDX-License-Identifier: GPL-2.0-or-later
"""What a reload changes is told before, then done."""
import pytest

from harness.daemon import wait_for
from harness.policies import block, chain, device_type, stamp
from harness.site import Site


@pytest.fixture
def site(tmp_path, engine, images):
    site = Site(tmp_path, engine)
    try:
        site.types = [device_type("camera", {"Normal": chain(stamp("a")), "Attack": block()})]
        site.add_enrolment("cam", "camera")
        site.start()
        yield site
    finally:
        site.close()


def test_a_reload_says_what_it_changes(site):
    assert "all goes on as it was" in site.daemon.kalkictl("reload", "--dry-run").stdout
    site.types = [device_type("camera", {"Calm": chain(stamp("b")), "Shut": block()})]
    site.add_enrolment("other", "camera")
    site.write_files()
    told = site.daemon.kalkictl("reload", "--dry-run").stdout
    assert "cam: state Normal is no more: it goes to Shut, the tightest" in told
    assert "cam: another chain: through a, then nothing passes" in told
    assert "other: it is enrolled in Calm: through b" in told
    assert "nothing was done" in told
    assert site.device_status("cam")["state"] == "Normal"
    done = site.daemon.kalkictl("reload", "--reason", "new states")
    assert "reloaded" in done.stdout
    assert site.device_status("cam")["state"] == "Shut"
    wait_for(lambda: [event for event in site.api.get("/events?kind=node")["items"]
                      if event["eve"]["kalki"]["what"] == "reload"], timeout=60, what="the history")
    # Ports are taken at the start: a device behind a new one has to wait for it.
    site.settings = {"observe_every": "29s"}
    site.write_files()
    told = site.daemon.kalkictl("reload").stdout
    assert "kalkid.yaml: observe_every: changed, and in force after systemctl restart kalkid" in told
    refused = site.daemon.kalkictl("device", "add", "third", "--type", "camera", "--port", "iot99",
                                   "--mac", "02:00:00:00:0a:99")
    assert refused.returncode == 6
    assert "no device port 'iot99'" in refused.stderr
    # A mistake is told, and changes nothing.
    site.write("types.d/camera.yaml", {"type": "camera", "states": {}})
    refused = site.daemon.kalkictl("reload")
    assert refused.returncode == 6
    assert "at least one state is needed" in refused.stderr
    assert site.device_status("cam")["state"] == "Shut"
