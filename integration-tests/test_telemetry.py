# SPDX-License-Identifier: GPL-2.0-or-later
"""Values of sensors, asked of simulated devices by the real daemon, through the devices' chains."""
import os
import shutil
import tempfile
import time

import pytest

from devices.remote import Broker, Remote
from harness import net
from harness.daemon import ApiError, wait_for
from harness.policies import block, chain, device_type, rule, stamp

SOAP = ('<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        '<u:GetInsightParams xmlns:u="urn:Belkin:service:insight:1"/></s:Body></s:Envelope>')


@pytest.fixture
def site(machine_site):
    """The machine asks from the address of its host leg."""
    machine_site.settings["telemetry"] = {"from": machine_site.address}
    return machine_site


# By it a device is asked five times a second, and has the time of a longer period to answer.
OFTEN = 50


def sensing_type(name, sensors, source, **more):
    states = more.pop("states", None) or {"Normal": chain(stamp("a"), standby="none")}
    return device_type(name, states, more.pop("rules", ())) | {
        "sensors": sensors, "telemetry": [{"name": "asked", "every": "10s", **source}]}


def newest(site, device):
    """The newest values of a device, by the history."""
    items = site.api.get(f"/devices/{device}/timeline?kind=sensor&limit=1")["items"]
    return items[0]["eve"]["kalki"]["values"] if items else {}


def alerts(site, device):
    return site.api.get(f"/devices/{device}/timeline?kind=alert&limit=100")["items"]


def curl(host, *words):
    said = host.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *words, check=False)
    return said != "000"


def test_http_through_the_chain(site, remotes):
    states = {"Normal": chain(stamp("a"), standby="none"), "Shut": block()}
    site.types = [sensing_type(
        "wemo", {"power": {"type": "number", "unit": "mW"}, "lit": {"type": "boolean"}},
        {"http": {"method": "POST", "url": "http://{ip}:49153/upnp/control/insight1", "body": SOAP,
                  "headers": {"SOAPACTION": '"urn:Belkin:service:insight:1#GetInsightParams"'}},
         "map": {"power": {"xpath": "//InsightParams", "split": "|", "column": 8},
                 "lit": {"xpath": "//InsightParams", "split": "|", "column": 1}}},
        states=states)]
    plug = site.add_device("plug1", "wemo", telemetry_factor=OFTEN)
    remotes.append(wemo := Remote("wemo", os.path.join(site.root, "wemo"), ns=plug.ns))
    wemo.set(current_power=17041)
    host = site.add_host("host")
    site.start()
    wait_for(lambda: newest(site, "plug1") == {"power": 17041, "lit": True}, 60, what="values")
    wemo.set(isOn=False)
    wait_for(lambda: newest(site, "plug1")["lit"] is False, 60, what="values")

    # Only its own machine speaks under that address: whoever forges it does not come through.
    net.ip("address", "add", f"{site.address}/32", "dev", "eth0", ns=host.ns)
    forged = f"http://{plug.ip}:49153/forged"
    assert not curl(host, "--max-time", "1", "--interface", site.address, forged)
    assert curl(host, "--max-time", "30", "--interface", host.ip,
                    f"http://{plug.ip}:49153/genuine")
    paths = {request["path"] for request in wemo.seen}
    assert "/genuine" in paths and "/forged" not in paths

    # What the chain blocks is not asked around it, and is no silence of the device.
    site.set_state("plug1", "Shut", reason="a test")
    site.wait_goal("plug1", "held")
    def silence():
        count = len(wemo.seen)
        time.sleep(2)
        return len(wemo.seen) == count
    wait_for(silence, what="an end of the questions")
    assert not alerts(site, "plug1")


def test_silence_is_unavailable_and_an_answer_available(site, remotes):
    site.types = [sensing_type(
        "wemo", {"lit": {"type": "boolean"}},
        {"http": {"url": "http://{ip}:49153/setup.xml"}, "misses": 2,
         "map": {"lit": {"xpath": "//*[local-name()='binaryState']"}}},
        states={"Normal": chain(stamp("a")), "Watched": chain(stamp("b"))},
        rules=[rule("lost", ["Normal"], 'alert("device-unavailable")', "Watched"),
               rule("back", ["Watched"], 'alert("device-available")', "Normal")])]
    plug = site.add_device("plug1", "wemo", telemetry_factor=OFTEN)
    remotes.append(wemo := Remote("wemo", os.path.join(site.root, "wemo"), ns=plug.ns))
    site.start()
    wait_for(lambda: newest(site, "plug1") == {"lit": True}, 60, what="a value")
    wemo.fail("error")
    wait_for(lambda: site.device_status("plug1")["state"] == "Watched", 60, what="Watched")
    wemo.fail("none")
    wait_for(lambda: site.device_status("plug1")["state"] == "Normal", 60, what="Normal")
    wemo.fail("garbage")  # answers with nothing in them are misses too
    wait_for(lambda: site.device_status("plug1")["state"] == "Watched", 60, what="Watched")


@pytest.fixture
def rhythm(site, remotes):
    """Two devices of a type, and how often the other was asked while the first was asked 4 times."""
    site.types = [sensing_type(
        "wemo", {"power": {"type": "number"}},
        {"http": {"method": "POST", "url": "http://{ip}:49153/upnp/control/insight1", "body": SOAP,
                  "headers": {"SOAPACTION": '"urn:Belkin:service:insight:1#GetInsightParams"'}},
         "map": {"power": {"xpath": "//InsightParams", "split": "|", "column": 8}}},
        states={"Normal": chain(stamp("a")), "Asleep": {"chain": "pass", "telemetry_factor": 0},
                "Watched": chain(stamp("b"), telemetry_factor=5)},
        rules=[rule("high", ["Normal"], "power > 17040", "Watched")])]
    for name in ("even", "other"):
        device = site.add_device(name, "wemo", telemetry_factor=20)
        remotes.append(Remote("wemo", os.path.join(site.root, name), ns=device.ns))
    even, other = remotes
    site.start()
    wait_for(lambda: newest(site, "even") and newest(site, "other"), 60, what="values")

    def asked_meanwhile():
        this, that = len(even.seen), len(other.seen)
        wait_for(lambda: len(even.seen) >= this + 4, 60, what="questions")
        return len(other.seen) - that
    return asked_meanwhile


def test_a_state_says_how_often_until_the_release(site, remotes, rhythm):
    other = remotes[1]
    wait_for(lambda: rhythm() <= 7, 60, what="as many questions")
    other.set(current_power=17041)
    wait_for(lambda: site.device_status("other")["state"] == "Watched", 60, what="Watched")
    wait_for(lambda: rhythm() >= 10, 60, what="more questions")
    other.set(current_power=12000)
    site.api.post("/devices/other/release", {})
    wait_for(lambda: 2 <= rhythm() <= 7, 60, what="fewer questions")
    site.set_state("other", "Asleep", reason="a test")
    wait_for(lambda: rhythm() == 0, 60, what="no questions")
    site.api.post("/devices/other/release", {})
    wait_for(lambda: 2 <= rhythm() <= 7, 60, what="questions")


def test_a_device_says_how_often(site, rhythm):
    enrolment = site.devices["other"].enrolment
    for factor, fits in ((100, lambda count: count >= 10), (0, lambda count: count == 0),
                         (20, lambda count: 2 <= count <= 7)):
        enrolment["telemetry_factor"] = factor
        site.reload()
        wait_for(lambda fits=fits: fits(rhythm()), 60, what=f"questions by the factor {factor}")


def test_another_period_counts_at_once(site):
    def every(period):
        return [sensing_type("local", {"who": {"type": "text"}},
                             {"program": {"command": ["/bin/echo", "me"]}, "map": {"who": {}},
                              "every": period})]
    site.types = every("7d")
    site.add_device("other1", "local")
    site.start()
    assert newest(site, "other1") == {}
    site.types = every("200ms")
    site.reload()
    wait_for(lambda: newest(site, "other1") == {"who": "me"}, 60, what="a value")


def test_ssh_and_programs(site, remotes, tmp_path, request):
    net.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key")
    site.put_secret("board-key", (tmp_path / "key").read_text())
    folder = "/sys/class/misc/FreescaleAccelerometer/data"
    site.types = [
        sensing_type("udoo", {"y": {"type": "number"}},
                     {"ssh": {"user": "udooer", "command": ["cat", folder],
                              "credential": "board-key"},
                      "map": {"y": {"line": 1, "split": ",", "column": 2}}}),
        sensing_type("local", {"who": {"type": "text"}},
                     {"program": {"command": ["/bin/echo", "$HOME {device}"]}, "map": {"who": {}}})]
    told = tempfile.mkdtemp()
    os.chmod(told, 0o777)  # for the user of the board
    request.addfinalizer(lambda: shutil.rmtree(told))
    site.types[0]["commands"] = {"mark": {"ssh": {
        "user": "udooer", "credential": "board-key", "command": ["touch", f"{told}/it's $HOME"]}}}
    site.types[1]["commands"] = {"mark": {"program": {
        "command": ["/usr/bin/touch", f"{told}/{{device}}"]}}}
    board = site.add_device("board1", "udoo", telemetry_factor=5)
    site.add_device("other1", "local", telemetry_factor=OFTEN)
    remotes.append(Remote("udoo", os.path.join(site.root, "udoo"), "--authorized-key",
                          tmp_path / "key.pub", "--set", "accelerometer=[0.5,-0.05,0.98]",
                          ns=board.ns))
    site.start()
    wait_for(lambda: newest(site, "other1") == {"who": "$HOME other1"}, 60, what="a program's word")
    wait_for(lambda: newest(site, "board1") == {"y": -0.05}, 60, what="a value")
    with open(os.path.join(site.root, "var/lib/kalki/known_hosts"), encoding="ascii") as file:
        assert file.read().startswith("board1 ")
    for name in ("board1", "other1"):
        assert site.daemon.kalkictl("device", "command", name, "mark").returncode == 0
    wait_for(lambda: set(os.listdir(told)) == {"it's $HOME", "other1"}, 60, what="both commands")


def test_mqtt(site, remotes, tmp_path):
    site.put_secret("broker-login", "kalki:hunter2\n")
    site.types = [sensing_type(
        "thermostat", {"heat": {"type": "number", "unit": "C"}},
        {"every": "1h", "mqtt": {"broker": "mqtt://127.0.0.1", "topic": "zigbee2mqtt/{device}",
                                 "availability": "zigbee2mqtt/{device}/availability",
                                 "credential": "broker-login"},
         "map": {"heat": {"json": "local_temperature"}}},
        states={"Normal": chain(stamp("a")), "Watched": chain(stamp("b"))},
        rules=[rule("lost", ["Normal"], 'alert("device-unavailable")', "Watched"),
               rule("back", ["Watched"], 'alert("device-available")', "Normal")])]
    site.add_device("thermostat", "thermostat")
    remotes.append(Broker(tmp_path, "127.0.0.1", ns=site.machine))
    device = Remote("thermostat", os.path.join(site.root, "zigbee"), "--broker", "127.0.0.1:1883",
                    ns=site.machine)
    remotes.append(device)
    site.start()
    device.set(local_temperature=31)
    wait_for(lambda: newest(site, "thermostat") == {"heat": 31}, 60, what="a value")
    device.process.kill()  # the broker says its last will
    wait_for(lambda: site.device_status("thermostat")["state"] == "Watched", 60, what="Watched")
    remotes.remove(device)
    remotes.append(Remote("thermostat", os.path.join(site.root, "zigbee2"), "--broker",
                          "127.0.0.1:1883", ns=site.machine))
    wait_for(lambda: site.device_status("thermostat")["state"] == "Normal", 60, what="Normal")

    # The connection comes back by itself when the broker does.
    broker = remotes.pop(0)
    broker.close()
    wait_for(lambda: site.device_status("thermostat")["state"] == "Watched", 90, what="Watched")
    remotes.insert(0, Broker(tmp_path, "127.0.0.1", ns=site.machine))
    wait_for(lambda: site.device_status("thermostat")["state"] == "Normal", 90, what="Normal")
    assert "hunter2" not in site.daemon.log_text()


def test_a_mail_is_motion(site, remotes):
    """Only from the device itself, and only for its recipient."""
    site.types = [sensing_type(
        "camera", {"motion": {"type": "boolean"}},
        {"every": "1h", "smtp": {"listen": f"{site.address}:2525", "to": "{device}@kalki",
                                 "set": {"motion": True}}})]
    camera = site.add_device("cam1", "camera")
    other = site.add_device("cam2", "camera")
    host = site.add_host("host")
    site.start()
    options = ("--mail-server", f"{site.address}:2525", "--mail-to", "cam1@kalki")
    for number, sender in enumerate((camera, other, host)):
        remotes.append(Remote("dlink", os.path.join(site.root, f"dlink{number}"), *options,
                              ns=sender.ns))
    site.wait_goal("cam1", "converged")
    site.wait_goal("cam2", "converged")
    with pytest.raises(ValueError, match="550"):
        remotes[1].do("motion")
    with pytest.raises(ValueError, match="not taken"):
        remotes[2].do("motion")
    assert newest(site, "cam1") == {}
    assert remotes[0].do("motion")["values"]["mails"] == 1
    wait_for(lambda: newest(site, "cam1") == {"motion": True}, 60, what="motion")
    assert newest(site, "cam2") == {}


def test_values_are_pushed_and_shown(site):
    site.types = [sensing_type("board", {"heat": {"type": "number", "unit": "C"}},
                               {"every": "1h", "push": {}})]
    site.add_device("board1", "board")
    site.start()
    site.api.put("/devices/board1/telemetry", {"heat": 21.5})
    assert site.api.get("/devices/board1/telemetry")["sensors"][0]["value"] == 21.5
    with pytest.raises(ApiError, match="heat: is no number"):
        site.api.put("/devices/board1/telemetry", {"heat": "hot"})
    wait_for(lambda: newest(site, "board1") == {"heat": 21.5}, 60, what="the history")
