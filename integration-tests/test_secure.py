# SPDX-License-Identifier: GPL-2.0-or-later
"""Sensors and commands over TLS: who is asked has to show who it is, and credentials go to nobody
else.  And from which address the machine asks."""
import base64
import hashlib
import http.server
import json
import os
import ssl
import subprocess
import threading

import pytest

from devices.remote import Remote
from harness import net
from harness.daemon import wait_for
from harness.policies import chain, device_type, stamp
from harness.receivers import Broker, make_certificate

HEAT = {"heat": {"type": "number", "unit": "C"}}
PASSWORDS = ("for-all", "for-one")


def pin_of(certificate):
    """As `curl --pinnedpubkey` has it."""
    key = subprocess.run(["openssl", "x509", "-in", certificate, "-pubkey", "-noout"], check=True,
                         capture_output=True, text=True).stdout
    der = ssl.PEM_cert_to_DER_cert(key.replace("PUBLIC KEY", "CERTIFICATE"))
    return "sha256//" + base64.b64encode(hashlib.sha256(der).digest()).decode()


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read()


class Web:
    """An HTTPS server on loopback that measures; `logins` says who came with which password."""

    def __init__(self, pair):
        self.logins = {}
        web = self
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pair)

        class Handler(http.server.BaseHTTPRequestHandler):
            def setup(self):  # a peer that hesitates keeps nobody else waiting
                self.request = context.wrap_socket(self.request, server_side=True)
                super().setup()

            def do_GET(self):
                kind, _, words = self.headers.get("Authorization", "").partition(" ")
                web.logins[self.path.strip("/")] = (kind, base64.b64decode(words).decode())
                body = b'{"heat": 21.5}'
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # who does not trust it hangs up
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def sensing(name, source, **more):
    return device_type(name, {"Normal": {"chain": "pass"}}) | {
        "sensors": HEAT, "telemetry": [{"name": "asked", "every": "3s", "misses": 1,
                                        "map": {"heat": {"json": "heat"}}, **source}], **more}


def newest(site, name):
    return site.api.get(f"/devices/{name}/telemetry")["sensors"][0]["value"]


def unavailable(site, name):
    items = site.api.get(f"/alerts?device={name}")["items"]
    return items and items[0]["eve"]["kalki"]["detail"]


def test_https_with_an_own_authority_and_pins(site, remotes, tmp_path):
    own, others = make_certificate(tmp_path), make_certificate(tmp_path, "other")
    remotes.append(web := Web(own))
    site.put_secret("own-ca", read(own[0]))
    site.put_secret("other-ca", read(others[0]))
    site.put_secret("login", f"admin:{PASSWORDS[0]}\n")
    site.put_secret("login@second", f"admin:{PASSWORDS[1]}\n")
    asked = {"first": {"ca": "own-ca"}, "second": {"ca": "own-ca", "pin": pin_of(own[0])},
             "unverified": {"verify": False}, "untrusted": {}, "other": {"ca": "other-ca"},
             "mispinned": {"ca": "own-ca", "pin": pin_of(others[0])}}
    for name, how in asked.items():
        url = f"https://127.0.0.1:{web.port}/{{device}}"
        site.types.append(sensing(name, {"http": {"url": url, "credential": "login", **how}}))
        site.add_enrolment(name, name)
    site.start()
    good, bad = ("first", "second", "unverified"), ("untrusted", "other", "mispinned")
    for name in good:
        wait_for(lambda name=name: newest(site, name) == 21.5, 60, what=f"a value of {name}")
    for name in bad:
        wait_for(lambda name=name: unavailable(site, name), 60, what=f"{name} unavailable")
        assert newest(site, name) is None
    assert web.logins == {name: ("Basic", f"admin:{PASSWORDS[name == 'second']}") for name in good}
    told = [site.daemon.log_text(), *(site.daemon.kalkictl(*words).stdout for words in (
        ("event", "-n", "10000", "-o", "jsonl"), ("device", "show", "second"),
        ("type", "show", "second", "-o", "json")))]
    assert all(told) and not any(password in text for text in told for password in PASSWORDS)


def test_mqtt_over_tls(site, remotes, tmp_path, request):
    own, others = make_certificate(tmp_path), make_certificate(tmp_path, "other")
    broker = Broker(tmp_path, "kalki", "hunter2", tls=own)
    request.addfinalizer(broker.stop)
    broker.start()
    site.put_secret("own-ca", read(own[0]))
    site.put_secret("other-ca", read(others[0]))
    site.put_secret("broker-login", "kalki:hunter2\n")
    for name, ca in (("trusting", {"ca": "own-ca"}), ("other", {"ca": "other-ca"}), ("system", {})):
        at = {"broker": f"mqtts://127.0.0.1:{broker.port}", "credential": "broker-login", **ca}
        site.types.append(sensing(
            name, {"mqtt": {**at, "topic": "house/{device}"}, "every": "1h"},
            commands={"set": {"mqtt": {**at, "topic": "house/{device}/set", "payload": '{"heat": 20}',
                                       "qos": 1, "retain": True}}}))
        site.add_enrolment(name, name)
    for name in ("trusting", "other", "system"):
        broker.publish(f"house/{name}", '{"heat": 19}', "-r")
    site.start()
    wait_for(lambda: newest(site, "trusting") == 19, 60, what="a value")
    for name in ("other", "system"):
        wait_for(lambda name=name: unavailable(site, name), 60, what=f"{name} unavailable")
        assert newest(site, name) is None
    site.api.post("/devices/trusting/command", {"command": "set"})
    wait_for(lambda: broker.retained("house/trusting/set") ==
             {"house/trusting/set": '{"heat": 20}'}, 60, what="the command")
    assert "hunter2" not in site.daemon.log_text()


def test_a_message_that_is_too_long_harms_nobody(site, remotes, tmp_path, request):
    """Beyond what is taken the broker is left; what it says afterwards counts."""
    broker = Broker(tmp_path, "kalki", "hunter2")
    request.addfinalizer(broker.stop)
    broker.start()
    site.put_secret("broker-login", "kalki:hunter2\n")
    site.types = [sensing("board", {"every": "1h", "mqtt": {
        "broker": f"mqtt://127.0.0.1:{broker.port}", "topic": "house/{device}",
        "credential": "broker-login"}})]
    site.add_enrolment("board1", "board")
    site.start()
    broker.publish("house/board1", '{"heat": 19}', "-r")
    wait_for(lambda: newest(site, "board1") == 19, 60, what="a value")
    before = site.daemon.rss_bytes()
    with open(tmp_path / "long", "wb") as file:
        file.write(b'{"heat": 1}' + b" " * (64 << 20))
    net.run("mosquitto_pub", "-h", "127.0.0.1", "-p", broker.port, "-u", "kalki", "-P", "hunter2",
            "-t", "house/board1", "-f", tmp_path / "long")
    broker.publish("house/board1", '{"heat": 20}', "-r")
    wait_for(lambda: newest(site, "board1") == 20, 60, what="the next value")
    assert site.daemon.rss_bytes() - before < 32 << 20


@pytest.fixture
def two_addresses(machine_site):
    machine_site.plane_settings["host_leg"] = {
        "name": machine_site.host_leg, "addresses": [f"{machine_site.address}/24", "fd20::1/64"]}
    machine_site.settings["telemetry"] = {"from": [machine_site.address, "fd20::1"]}
    return machine_site


def test_devices_are_asked_over_ipv4_and_ipv6(two_addresses, remotes, tmp_path):
    site = two_addresses
    net.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key")
    site.put_secret("board-key", (tmp_path / "key").read_text())
    normal = {"states": {"Normal": chain(stamp("a"), standby="none")}}
    web = {"http": {"url": "http://{ip}:49153/setup.xml"},
           "map": {"heat": {"xpath": "//*[local-name()='binaryState']"}}}
    shell = {"ssh": {"user": "udooer", "command": ["cat", "/sys/class/hwmon/hwmon0/temp1_input"],
                     "credential": "board-key"}, "every": "5s", "map": {"heat": {}}}
    site.types = [sensing("plug", web, **normal), sensing("board", shell, **normal)]
    four, six, board = (site.add_device(*words) for words in (
        ("four", "plug"), ("six", "plug"), ("board", "board")))
    four.enrolment["ips"] = [four.ip]
    for device in (six, board):
        device.enrolment["ips"] = [device.ip6]
    for device in (four, six):
        remotes.append(Remote("wemo", os.path.join(site.root, device.name), "--listen",
                              "[::]:49153", ns=device.ns))
    remotes.append(Remote("udoo", os.path.join(site.root, "board"), "--authorized-key",
                          tmp_path / "key.pub", "--listen", "[::]:22", ns=board.ns))
    site.start()
    for name, value in (("four", 1), ("six", 1), ("board", 21500)):
        wait_for(lambda name=name, value=value: newest(site, name) == value, 60, what=name)
    assert {request["from"] for request in remotes[0].seen} == {"::ffff:" + site.address}
    assert {request["from"] for request in remotes[1].seen} == {"fd20::1"}
    assert any("from fd20::1 " in json.dumps(entry) for entry in remotes[2].seen)
