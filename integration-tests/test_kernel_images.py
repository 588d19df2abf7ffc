# SPDX-License-Identifier: GPL-2.0-or-later
"""Images whose rules stand in the kernel, in chains of the daemon."""
from harness.daemon import wait_for
from harness.policies import block, chain, device_type, hop, rule, stamp


def alerts_of(site, name, kind):
    return [alert for alert in site.api.get(f"/alerts?device={name}")["items"]
            if alert["eve"]["kalki"]["type"] == kind]


def test_a_flood_is_dropped_and_its_device_cut_off(site):
    site.types = [device_type("camera", {
        "Normal": chain(hop("anti-dos", image="kalki/anti-dos:1", device_per_s=1000000), stamp("behind")),
        "Attack": block()}, [rule("flooded", ["Normal"], 'alert("syn-flood")', "Attack")])]
    cam1 = site.add_device("cam1", "camera")
    host = site.add_host("host", 100)
    site.start()
    assert cam1.ping(host, count=2) and cam1.ping6(host, count=2)
    host.run("hping3", "-q", "--faster", "-S", "-p", "80", "-c", "3000", cam1.ip, check=False)
    wait_for(lambda: site.device_status("cam1")["state"] == "Attack", timeout=60, what="Attack")
    assert not cam1.ping(host, count=1)
    alert = wait_for(lambda: alerts_of(site, "cam1", "syn-flood"), timeout=60, what="the alert")[0]
    assert (alert["eve"]["src_ip"], alert["eve"]["dest_ip"]) == (host.ip, cam1.ip)
