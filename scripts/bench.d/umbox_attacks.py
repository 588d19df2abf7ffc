# SPDX-License-Identifier: GPL-2.0-or-later
"""For scripts/bench.d/umbox: what makes each image alert, and what fills its memory, as frames."""
import base64
import itertools
import struct
import time

from umbox_bed import DEVICE_IP

DEVICE_MAC, PEER_MAC = bytes.fromhex("020000000a01"), bytes.fromhex("020000000101")
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
DEV, NET = 0, 1   # who sends
LOAD_PORT = 3841  # of bench/packets.c


def total(data):
    if len(data) % 2:
        data += b"\0"
    found = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while found >> 16:
        found = (found & 0xffff) + (found >> 16)
    return ~found & 0xffff


def address(text):
    return bytes(map(int, text.split(".")))


def packet(side, source, target, protocol, content):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(content), 0, 0x4000, 64, protocol, 0,
                       address(source), address(target))
    head = head[:10] + struct.pack("!H", total(head)) + head[12:]
    macs = PEER_MAC + DEVICE_MAC if side == DEV else DEVICE_MAC + PEER_MAC
    return side, macs + b"\x08\x00" + head + content


def pseudo(source, target, protocol, content):
    return address(source) + address(target) + struct.pack("!BBH", 0, protocol, len(content))


def tcp(side, source, source_port, target, target_port, flags, sequence, acknowledgment=0, payload=b""):
    content = struct.pack("!HHIIBBHHH", source_port, target_port, sequence & 0xffffffff,
                          acknowledgment & 0xffffffff, 5 << 4, flags, 64240, 0, 0) + payload
    check = total(pseudo(source, target, 6, content) + content)
    return packet(side, source, target, 6, content[:16] + struct.pack("!H", check) + content[18:])


def udp(side, source, source_port, target, target_port, payload):
    content = struct.pack("!HHHH", source_port, target_port, 8 + len(payload), 0) + payload
    return packet(side, source, target, 17, content)


def question(number, name):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!HHHHHH", number & 0xffff, 0x0100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"


def source_of(number):
    return f"10.77.{number >> 8 & 255}.{number & 255}"


def syn(number, port, source_port=20000):
    return tcp(NET, source_of(number), source_port, DEVICE_IP, port, SYN, number)


def dialogue(number, port, payloads):
    """A connection from the network to the device, made up at both ends; the client's bytes."""
    source, mine, its = source_of(number), 1000, 9000
    yield tcp(NET, source, 30000, DEVICE_IP, port, SYN, mine)
    yield tcp(DEV, DEVICE_IP, port, source, 30000, SYN | ACK, its, mine + 1)
    yield tcp(NET, source, 30000, DEVICE_IP, port, ACK, mine + 1, its + 1)
    for payload in payloads:
        yield tcp(NET, source, 30000, DEVICE_IP, port, PSH | ACK, mine + 1, its + 1, payload)
        mine += len(payload)


def request(path, credentials=None):
    field = b"Authorization: Basic " + base64.b64encode(credentials.encode()) + b"\r\n" if credentials else b""
    return b"GET " + path.encode() + b" HTTP/1.1\r\nHost: device\r\n" + field + b"\r\n"


def knock(number, port, payload):
    """The same with a server in the µmbox: what it answers is not known before, so a function takes it."""
    source = source_of(number)
    yield tcp(NET, source, 30000, DEVICE_IP, port, SYN, 1000)

    def follow(answer):
        its = struct.unpack("!I", answer[38:42])[0]
        yield tcp(NET, source, 30000, DEVICE_IP, port, ACK, 1001, its + 1)
        yield tcp(NET, source, 30000, DEVICE_IP, port, PSH | ACK, 1001, its + 1, payload)
    yield follow


class Attack:
    """`frames(number)`: what a source sends; its last frame decides.  No image alerts more often than it is
    told here: `at_once`, then `rest_s` later."""

    def __init__(self, frames, parameters=None, at_once=30, rest_s=0, count=30, told=None):
        self.frames, self.parameters, self.at_once = frames, parameters or {}, at_once
        self.rest_s, self.count, self.told = rest_s, count, told  # told: why there is no goal


# Of "password", as the image makes it.
HASH = "$argon2id$v=19$m=4096,t=3,p=1$E" \
    "OvxgnDKn3eiiNP5qnaUjQ$m/DpIh8TOY3s0eiw5OVzEsxHS8UWS9h+7Zkl+NIzXJY"

ATTACKS = {
    "anti-dos": Attack(lambda n: (syn(n, 80, 20000 + i) for i in range(6)),
                       dict.fromkeys(("flow_per_s", "flows_per_s", "device_per_s"), 1_000_000)),
    "block-ip": Attack(lambda n: (syn(n, 23),), {"trip_ports": [23]}, at_once=5, rest_s=1.2, count=20),
    "brute-force": Attack(lambda n: (syn(n, 22, 20000 + i) for i in range(5))),
    "compromise-guard": Attack(lambda n: (tcp(DEV, DEVICE_IP, 20000 + n, source_of(n), 25, SYN, n),),
                               {"threshold": 1, "alert_pause_s": 0, "settle_s": 0, "allow": [f"tcp:{LOAD_PORT}"]}),
    "dns-guard": Attack(lambda n: (udp(DEV, DEVICE_IP, 20000 + n, "10.77.0.2", 53,
                                       question(n, f"n{n}.bad.example")),),
                        {"deny": ["*.bad.example"], "alert_pause_s": 0}),
    "hue-guard": Attack(lambda n: dialogue(n, 80, [request(f"/api/guess{i}/lights") for i in range(5)])),
    "http-auth-proxy": Attack(lambda n: knock(n, 9010, request("/", "nobody:guess")), {"attempts": 1, "users": ["user:" + HASH]},
                              at_once=1, rest_s=0.2, count=10, told="a password is hashed first"),
    "login-guard": Attack(lambda n: dialogue(n, 80, [request("/", "admin:admin")])),
    "scan-guard": Attack(lambda n: (syn(n, 1 + port) for port in range(10))),
    "suricata": Attack(lambda n: (syn(n, 23),),
                       {"rules": ["alert tcp any any -> any 23 (msg:\"telnet\"; flags:S; metadata:kalki_alert told; "
                                  "sid:1000001;)"]}, told="Suricata's own way of telling"),
    "wemo-decoy": Attack(lambda n: knock(n, 49153, request("/setup.xml"))),
    "wrapper": Attack(lambda n: (f"scan from {source_of(n)}\n".encode(),)),
}


def answer(net):
    """The SYN with ACK of a server in the µmbox."""
    while True:
        frame = net.recv(256)
        if frame[12:14] == b"\x08\x00" and frame[23] == 6 and frame[47] == SYN | ACK:
            return frame


def send(item, ends, pipe):
    if isinstance(item, bytes):
        pipe.write(item)
    else:
        ends[item[0]].send(item[1])


def lead_up(items, ends, pipe=None):
    """Sends all but the last, which is returned."""
    pending = None
    for item in items:
        if pending:
            send(pending, ends, pipe)
            time.sleep(0.001)
        pending = item
        if callable(item):
            *others, pending = item(answer(ends[NET]))
            for other in others:
                send(other, ends, pipe)
    return pending


def play(items, ends, pipe=None):
    for item in items:
        for frame in item(answer(ends[NET])) if callable(item) else [item]:
            send(frame, ends, pipe)


# --- what fills tables: as many sources, hosts, ports, names and connections as fit and more ---

CONNECTIONS = 300
FOLLOWED = {"login-guard": (80, 21, 23), "hue-guard": (80,)}
SERVED = {"http-auth-proxy": 9010, "wemo-decoy": 49153}


def strangers(count):
    for number in range(count):
        yield tcp(NET, source_of(number), 1024 + number % 60000, DEVICE_IP, (22, 80, 9010)[number % 3], SYN, number)
        yield tcp(DEV, DEVICE_IP, 1024 + number % 60000, source_of(number), 25, SYN, number)
        yield udp(NET, source_of(number), 5000, DEVICE_IP, 1024 + number % 60000, b"x")
        yield udp(DEV, DEVICE_IP, 20000, source_of(number), 53, question(number, f"n.d{number}.example"))


def half_requests(port):
    """Requests whose end does not come, each with a segment too early that has to be copied."""
    for number in range(CONNECTIONS):
        start = request("/" + "x" * 1000)[:-2]
        yield from dialogue(1000 + number, port, [start])
        for step in range(8):
            yield tcp(NET, source_of(1000 + number), 30000, DEVICE_IP, port, ACK,
                      1001 + len(start) + 100 + step * 1400, 9001, b"y" * 1400)


def long_questions():
    """DNS over TCP, most of the longest message."""
    for number in range(CONNECTIONS):
        server, sequence = source_of(number), 1000
        yield tcp(DEV, DEVICE_IP, 30000, server, 53, SYN, sequence)
        yield tcp(NET, server, 53, DEVICE_IP, 30000, SYN | ACK, 9000, sequence + 1)
        yield tcp(DEV, DEVICE_IP, 30000, server, 53, ACK, sequence + 1, 9001)
        for at in range(0, 64400, 1400):
            data = b"\xff\xff" + b"z" * 1398 if at == 0 else b"z" * 1400
            for side, ends in ((DEV, (DEVICE_IP, 30000, server, 53)), (NET, (server, 53, DEVICE_IP, 30000))):
                first, other = (1001, 9001) if side == DEV else (9001, 1001)
                yield tcp(side, *ends, ACK, first + at, other + at, data)


def filling(name):
    """The frames for one image."""
    parts = [half_requests(port) for port in FOLLOWED.get(name, ())]
    if name in SERVED:
        whole = request("/" + "x" * 1000, "nobody:guess")
        parts += [knock(20000 + number, SERVED[name], whole[:-2] if number % 32 else whole)
                  for number in range(CONNECTIONS)]
    if name == "dns-guard":
        parts.append(long_questions())
    return itertools.chain(*parts, strangers(17000))
