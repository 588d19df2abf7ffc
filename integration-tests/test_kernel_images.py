# SPDX-License-Identifier: GPL-2.0-or-later
"""Images whose rules stand in the kernel, in chains of the daemon."""
from harness.daemon import wait_for
from harness.policies import block, chain, device_type, hop, rule, stamp


def alerts_of(site, name, kind):
    return [alert for alert in site.api.get(f"/alerts?device={name}")["items"]
            if alert["eve"]["kalki"]["type"] == kind]


def test_an_offender_is_blocked_and_a_flooded_device_cut_off(site):
    site.types = [device_type("camera", {
        "Normal": chain(hop("block-ip", image="kalki/block-ip:1", trip_ports=[23]), stamp("between"),
                        hop("anti-dos", image="kalki/anti-dos:1")),
        "Attack": block()}, [rule("flooded", ["Normal"], 'alert("syn-flood")', "Attack")])]
    cam1 = site.add_device("cam1", "camera")
    host, guesser = site.add_host("host", 100), site.add_host("guesser", 101)
    site.start()
    for other in (host, guesser):
        cam1.reach(other)
        cam1.reach6(other)
    guesser.run("hping3", "-q", "-S", "-p", "23", "-c", "1", cam1.ip, check=False)
    alert = wait_for(lambda: alerts_of(site, "cam1", "blocked-source"), timeout=60, what="the alert")[0]
    assert (alert["eve"]["src_ip"], alert["eve"]["dest_port"]) == (guesser.ip, 23)
    assert not guesser.ping(cam1)
    host.reach(cam1)
    host.run("hping3", "-q", "--faster", "-S", "-p", "80", "-c", "3000", cam1.ip, check=False)
    wait_for(lambda: site.device_status("cam1")["state"] == "Attack", timeout=60, what="Attack")
    assert not cam1.ping(host)
    alert = wait_for(lambda: alerts_of(site, "cam1", "syn-flood"), timeout=60, what="the alert")[0]
    assert (alert["eve"]["src_ip"], alert["eve"]["dest_ip"]) == (host.ip, cam1.ip)
