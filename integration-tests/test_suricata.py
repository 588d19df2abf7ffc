# SPDX-License-Identifier: GPL-2.0-or-later
"""Suricata in the chain of a device: real attacks against the rules that its README shows, sessions that
began before it came, and what becomes of the device when it dies or cannot start."""
import contextlib
import importlib
import json
import os
import re
import signal
import socket
import ssl
import struct
import threading

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import LLC, SNAP, Dot3, Ether
from scapy.utils import checksum

from harness import frames, net
from harness.daemon import REPOSITORY, wait_for
from harness.policies import block, chain, device_type, hop, rule, stamp
from harness.site import Site

SURICATA = "kalki/suricata:1"
README = os.path.join(REPOSITORY, "umbox-images/suricata/README.md")


BODY = 'drop http any any -> any any (msg:"body"; http.request_body; content:"forbidden"; sid:8;)'
MARKED = 'alert tcp any any -> any any (msg:"marked"; content:"|00|marked|00|"; sid:7;)'


def rules_of_readme():
    """The example, as an operator would copy it."""
    with open(README, encoding="utf-8") as file:
        example = re.search(r"```json\n(.*?)```", file.read(), re.DOTALL)[1]
    return json.loads(example)["rules"]


def types():
    scan, _, _, port, cloud = rules = rules_of_readme()
    inspected = hop("ids", image=SURICATA, rules=[*rules, MARKED, BODY])
    return [
        device_type("camera", {"Normal": chain(hop("ids", image=SURICATA, rules=[scan, port, cloud]))}),
        device_type("plug", {"Normal": chain(inspected), "Attack": block()},
                    [rule("xmas", ["Normal"], 'alert("xmas-scan")', "Attack")]),
        device_type("late", {"Normal": chain(stamp("first")),
                             "Suspicious": chain(inspected, standby="none")}),
        device_type("broken", {"Normal": chain(hop("ids", image=SURICATA, rules=["alert nonsense"]))}),
    ]


@pytest.fixture(scope="module")
def running(tmp_path_factory, engine, images):
    assert SURICATA in images, "scripts/build-images could not have its Debian packages"
    site = Site(tmp_path_factory.mktemp("suricata"), engine)
    try:
        site.types = types()
        for name in ("plug", "late", "broken"):
            site.add_device(name, name)
        site.add_device("camera", "camera", multicast=True)
        site.add_host("peer")
        site.start(wait=False)
        for name in ("plug", "late", "camera"):
            site.wait_goal(name, "converged", timeout=120)
        yield site
    finally:
        site.close()


def wait_alert(site, name, kind):
    """The newest of the kind, as EVE has it."""
    def came():
        alerts = [item["eve"] for item in site.api.get(f"/alerts?device={name}&limit=1000")["items"]]
        return next((alert for alert in alerts if alert["kalki"]["type"] == kind), None)
    return wait_for(came, timeout=60, what=f"{name}: {kind}")


def wait_record(site, name, key):
    def came():
        page = site.api.get(f"/devices/{name}/timeline?kind=umbox&order=newest&limit=100")
        return next((found for item in page["items"] if (found := find_key(item["eve"], key))), None)
    return wait_for(came, timeout=120, what=f"{name}: a record of {key}")


def find_key(value, key):
    """The object inside `value` that has the key."""
    if not isinstance(value, dict):
        return None
    if key in value:
        return value
    return next((found for below in value.values() if (found := find_key(below, key))), None)


class Server(threading.Thread):
    """Takes one connection on a host, keeps what comes, and answers each piece if told to."""

    def __init__(self, host, port, echo=False):
        super().__init__(daemon=True)
        self.listener = net.in_namespace(host.ns, socket.create_server, (host.ip, port))
        self.echo, self.got = echo, b""
        self.start()

    def run(self):
        with self.listener:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return  # closed before anybody came
        with connection:
            while piece := connection.recv(65536):
                self.got += piece
                if self.echo:
                    connection.sendall(piece)

    def close(self):
        """Nobody comes any more; what is in a connection may go on."""
        with contextlib.suppress(OSError):  # it is closed already
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes who waits in accept


def connect(host, to, port, timeout=60):
    return net.in_namespace(host.ns, socket.create_connection, (to.ip, port), timeout)


def receive(connection, count):
    got = b""
    while len(got) < count:
        piece = connection.recv(65536)
        assert piece, "the session was cut"
        got += piece
    return got


def exchange(connection, content):
    """Sends it, and gets it back."""
    sender = threading.Thread(target=connection.sendall, args=(content,), daemon=True)
    sender.start()
    assert receive(connection, len(content)) == content
    sender.join(60)


def client_hello(name):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


def umbox_of(site, name):
    """Which of them is in the device's way; 0: none."""
    return next((hop["umbox"] for hop in site.api.get(f"/devices/{name}/chain")["hops"]
                 if hop["role"] == "in_force" and hop["ready"]), 0)


def suricata_of(site, name):
    """The process on this machine."""
    container, = site.engine.containers(**{"org.kalki.instance": site.tag,
                                           "org.kalki.umbox": umbox_of(site, name)})
    top = site.engine.request("GET", f"/containers/{container['Id']}/top")
    pid, command = (top["Titles"].index(title) for title in ("PID", "CMD"))
    return next(int(row[pid]) for row in top["Processes"] if "/usr/bin/suricata" in row[command])


def test_ordinary_traffic_passes_and_what_a_rule_names_is_told(running):
    plug, peer = running.devices["plug"], running.hosts["peer"]
    peer.reach(plug)
    plug.reach6(peer)
    plug.run("ping", "-c", "2", "-W", "5", "-s", "4000", peer.ip)  # in fragments
    assert wait_alert(running, "plug", "ping")["src_ip"] == peer.ip
    server = Server(peer, 8000, echo=True)
    with connect(plug, peer, 8000) as connection:
        exchange(connection, os.urandom(3_000_000))
    server.close()
    told = wait_alert(running, "plug", "external-traffic")
    assert (told["src_ip"], told["dest_ip"], told["dest_port"]) == (plug.ip, peer.ip, 8000)
    assert told["kalki"]["severity"] == "low"


class BetweenTwo:
    """What tests/ordinary.py knows as a site."""

    def __init__(self, device, host):
        self.hosts = {"dev": device, "net": host}
        self.names = {role: host.ns for role, host in self.hosts.items()}

    def run(self, role, *words):
        return self.hosts[role].run(*(word.replace(role + "0", "eth0") for word in words))


def test_an_ordinary_hour_passes_and_nothing_is_told(running, monkeypatch):
    camera, peer = running.devices["camera"], running.hosts["peer"]
    monkeypatch.syspath_prepend(os.path.join(REPOSITORY, "umbox-images/tests"))
    ordinary = importlib.import_module("ordinary")
    for name, value in (("DEVICE_IP", camera.ip), ("DEVICE_IP6", camera.ip6), ("NETWORK_IP", peer.ip),
                        ("NETWORK_IP6", peer.ip6)):
        monkeypatch.setattr(ordinary, name, value)
    ordinary.ordinary_hour(BetweenTwo(camera, peer))
    peer.run("nmap", "-n", "-Pn", "-sX", "-p", "80", "--max-retries", "0", camera.ip)
    wait_alert(running, "camera", "xmas-scan")  # whatever was told before has come
    assert {item["eve"]["kalki"]["type"] for item in
            running.api.get("/alerts?device=camera&limit=1000")["items"]} == {"xmas-scan"}


def test_a_port_and_a_cloud_are_out_of_reach(running):
    plug, peer = running.devices["plug"], running.hosts["peer"]
    server = Server(plug, 49153)
    with pytest.raises(TimeoutError):
        connect(peer, plug, 49153, timeout=2)
    server.close()
    told = wait_alert(running, "plug", "vendor-port")
    assert (told["kalki"]["severity"], told["src_ip"]) == ("high", peer.ip)
    assert told["kalki"]["detail"] == "blocked: the vendor's port"

    for name, passes in (("api.vendor.example", False), ("ntp.example", True)):
        server = Server(peer, 443)
        with connect(plug, peer, 443) as connection:
            connection.sendall(client_hello(name))
            if passes:
                wait_for(lambda: name.encode() in server.got, what="the greeting")
            else:
                wait_alert(running, "plug", "vendor-cloud")
        server.close()
        assert (name.encode() in server.got) == passes


def test_what_a_device_may_understand_and_suricata_does_not_gets_nowhere(running):
    plug, peer = running.devices["plug"], running.hosts["peer"]
    macs = {"src": peer.mac, "dst": plug.mac}
    plain, knock = IP(src=peer.ip, dst=plug.ip), UDP(sport=4711, dport=4711)
    malformed = bytearray(bytes(IP(src=peer.ip, dst=plug.ip, options=bytes(4)) / knock / b"an option"))
    malformed[20:22] = b"\x88\x09"  # longer than the header
    malformed[10:12] = struct.pack("!H", checksum(malformed[:10] + bytes(2) + malformed[12:24]))
    hidden = [
        Dot3(**macs) / LLC(dsap=0xaa, ssap=0xaa, ctrl=3) / SNAP(code=0x800) / plain / knock / b"by radio",
        Ether(**macs, type=0x800) / bytes(malformed),
        Ether(**macs) / IPv6(src=peer.ip6, dst=plug.ip6) / UDP(sport=4711, dport=4711, len=0) / b"no length",
    ]
    last = frames.marker()
    with frames.Ear(plug) as ear:
        for frame in [*hidden, Ether(**macs) / plain / knock / last]:
            frames.send(peer, frame)
        wait_for(lambda: ear.count(last), timeout=60, what="the last frame")
        heard = b"".join(ear.listen())
    assert not any(words in heard for words in (b"by radio", b"an option", b"no length"))


def test_all_of_a_body_is_looked_at(running):
    plug, peer = running.devices["plug"], running.hosts["peer"]
    server = Server(plug, 8080)
    with connect(peer, plug, 8080) as connection:
        connection.sendall(b"POST /x HTTP/1.1\r\nHost: plug\r\nContent-Length: 50009\r\n\r\n" + bytes(50000) +
                           b"forbidden")
        wait_alert(running, "plug", "suricata-8")
        assert b"forbidden" not in server.got
    server.close()


def test_its_rules_are_counted_and_their_age_is_told(running):
    told = wait_record(running, "plug", "rules")
    assert (told["rules"], told["rules_failed"]) == (len(rules_of_readme()) + 2, 0)
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", told["newest_rule"])
    hop, = running.api.get("/devices/plug/chain")["hops"]
    own = hop["counters"]["inside"]["own"]
    assert (own["rules"], own["rules_failed"]) == (told["rules"], 0)
    assert "rules_age_days" in own


def test_a_session_lives_on_and_is_followed(running):
    late, peer = running.devices["late"], running.hosts["peer"]
    server = Server(peer, 9000, echo=True)
    with connect(late, peer, 9000) as connection:
        exchange(connection, os.urandom(1_000_000))
        running.set_state("late", "Suspicious")
        wait_for(lambda: running.hops("late") == ["ids"], timeout=120, what="the new chain")
        exchange(connection, os.urandom(3_000_000))
        exchange(connection, b"\0marked\0")
        wait_alert(running, "late", "suricata-7")
        exchange(connection, os.urandom(100_000))
    server.close()


def test_urgent_data_gets_nowhere(running):
    """A program does not read it where Suricata would."""
    late, peer = running.devices["late"], running.hosts["peer"]
    running.set_state("late", "Suspicious")
    wait_for(lambda: running.hops("late") == ["ids"], timeout=120, what="the chain")
    server = Server(late, 8001)
    with connect(peer, late, 8001) as connection:
        connection.sendall(b"\0mark")
        wait_for(lambda: server.got, timeout=60, what="what is ordinary")
        connection.send(b"X", socket.MSG_OOB)
        connection.sendall(b"ed\0")
        with pytest.raises(TimeoutError):
            wait_for(lambda: len(server.got) > 5, timeout=1, what="what is urgent")
    server.close()


def test_when_it_dies_another_takes_its_place(running):
    late, peer = running.devices["late"], running.hosts["peer"]
    before = umbox_of(running, "late")
    os.kill(suricata_of(running, "late"), signal.SIGKILL)
    wait_for(lambda: umbox_of(running, "late") > before, timeout=120, what="another umbox")
    late.reach(peer)
    assert "ended by signal 9" in wait_record(running, "late", "failure")["failure"]


def test_with_a_bad_rule_the_device_stays_cut_off_and_the_reason_is_told(running):
    failure = wait_record(running, "broken", "failure")["failure"]
    assert 'error parsing signature "alert nonsense"' in failure
    assert running.device_status("broken")["goal"] == "held"
    assert not running.devices["broken"].ping(running.hosts["peer"])


def test_a_scan_is_dropped_and_moves_the_state(running):
    plug, peer = running.devices["plug"], running.hosts["peer"]
    said = peer.run("nmap", "-n", "-Pn", "-sX", "-p", "80", "--max-retries", "1", plug.ip)
    assert "open|filtered" in said, said  # a closed port answers such a segment that reaches it
    assert wait_alert(running, "plug", "xmas-scan")["src_ip"] == peer.ip
    wait_for(lambda: running.device_status("plug")["state"] == "Attack", timeout=60, what="Attack")
