# SPDX-License-Identifier: GPL-2.0-or-later
"""A program that only writes lines (watcher.py) is a µmbox by the wrapper, in a real chain."""
import json
import os
import socket

from harness import net
from harness.daemon import REPOSITORY, wait_for
from harness.docker import python_files
from harness.policies import chain, device_type, hop, rule, stamp

WATCHER = "kalki/watcher:1"
SETTINGS = {
    "forward": "wrapper",
    "patterns": [
        {"match": "^watching", "ready": True},
        {"match": r"^TELNET (?<source>\S+):(?<source_port>\d+) -> (?<target>\S+)$",
         "alert": "telnet", "severity": "high"},
    ],
}


def test_lines_of_a_program_move_its_device(site, tmp_path):
    settings = tmp_path / "wrapper.json"
    settings.write_text(json.dumps(SETTINGS))
    entry, files = python_files("watcher")
    files["/umbox"] = os.path.join(REPOSITORY, "build-images/umbox-images/wrapper")
    files["/umbox-wrapper.json"] = str(settings)
    site.engine.import_files(WATCHER, ["/umbox", *entry], files, umbox_contract=1,
                             umbox_mode="inline", umbox_capabilities="NET_RAW")
    site.types = [device_type("camera", {"Normal": chain(hop("watcher", WATCHER), stamp("n")),
                                         "Suspicious": chain(stamp("s"))},
                              [rule("telnet", ["Normal"], 'alert("telnet")', "Suspicious")])]
    device, host = site.add_device("cam1", "camera"), site.add_host("host")
    site.start()
    device.reach(host)
    host.reach(device)

    def call():
        with socket.socket() as caller:
            caller.settimeout(30)
            return caller.connect_ex((device.ip, 23))

    assert os.strerror(net.in_namespace(host.ns, call)) == "Connection refused"  # by the device
    wait_for(lambda: site.device_status("cam1")["state"] == "Suspicious", timeout=60,
             what="the state")
    alert = wait_for(lambda: site.api.get("/devices/cam1/timeline?kind=alert")["items"], timeout=60,
                     what="the alert")[0]["eve"]
    assert (alert["src_ip"], alert["dest_ip"]) == (host.ip, device.ip)
    assert (alert["kalki"]["type"], alert["kalki"]["severity"]) == ("telnet", "high")
