"""The programs between two real links: what passes, what does not, and what they say.  Needs root."""
import array
import os
import select
import signal
import socket
import struct
import time

from ordinary import ordinary_hour
from umbox_case import PACKET_AUXDATA, Case, main
from umbox_site import (DEVICE_IP, DEVICE_IP6, NETWORK_IP, NETWORK_IP6, PATIENCE, SOL_PACKET, inside, ip,
                        raw_socket)

PACKET_VNET_HDR, VLAN_VALID = 15, 1 << 4
MAC_A, MAC_B = bytes.fromhex("02000000000a"), bytes.fromhex("02000000000b")

# Answers every request with 401, as a camera does that wants a password.
LOGIN_SERVER = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="camera"')
        self.send_header("Content-Length", "0")
        self.end_headers()
    do_HEAD = do_GET
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("", 80), Handler)
print("up", flush=True)
server.serve_forever()
"""


def checksum(data):
    total = sum(array.array("H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ethernet(kind, payload, target=MAC_B):
    return target + MAC_A + struct.pack("!H", kind) + payload


def ipv4(protocol, payload, fragment=0, options=b"", source="10.77.0.1", target="10.77.0.2"):
    header = struct.pack("!BBHHHBBH4s4s", 0x40 | (5 + len(options) // 4), 0,
                         20 + len(options) + len(payload), 7, fragment, 64, protocol, 0,
                         socket.inet_aton(source), socket.inet_aton(target)) + options
    total = struct.pack("=H", checksum(header))
    return header[:10] + total + header[12:] + payload


def ipv6(following, payload, source=DEVICE_IP6, target=NETWORK_IP6):
    return struct.pack("!IHBB16s16s", 6 << 28, len(payload), following, 64,
                       socket.inet_pton(socket.AF_INET6, source),
                       socket.inet_pton(socket.AF_INET6, target)) + payload


def tcp(source, target, sequence, flags):
    return struct.pack("!HHIIBBHHH", source, target, sequence, 0, 5 << 4, flags, 1024, 0, 0)


def udp(payload):
    return struct.pack("!HHHH", 5000, 5001, 8 + len(payload), 0) + payload


def zoo():
    """Frames of every kind, each with its own number at the end."""
    kinds = [
        ethernet(0x0806, bytes.fromhex("000108000604000102000000000a0a4d0001000000000000" "0a4d0002"),
                 b"\xff" * 6),
        ethernet(0x0800, ipv4(17, udp(b"plain"))),
        ethernet(0x0800, ipv4(17, udp(b"options"), options=bytes([1] * 40))),
        ethernet(0x0800, ipv4(17, b"first fragment, " * 8, fragment=0x2000)),
        ethernet(0x0800, ipv4(17, b"last fragment", fragment=16)),
        ethernet(0x0800, ipv4(6, tcp(1, 2, 3, 0x10))),
        ethernet(0x0800, ipv4(17, udp(bytes(8900)))),
        ethernet(0x0800, ipv4(17, b"\x00")),
        ethernet(0x86dd, ipv6(17, udp(b"six"))),
        ethernet(0x86dd, ipv6(0, bytes([17, 0, 1, 4, 0, 0, 0, 0]) + udp(b"extension"))),
        ethernet(0x86dd, ipv6(44, bytes([17, 0, 0, 1, 0, 0, 0, 9]) + udp(bytes(24)))),
        ethernet(0x86dd, ipv6(58, bytes.fromhex("8700000000000000") + bytes(16)),
                 bytes.fromhex("3333ff000002")),
        ethernet(0x8100, struct.pack("!HH", 0x6007, 0x0800) + ipv4(17, udp(b"tagged"))),
        ethernet(0x88a8, struct.pack("!HHHH", 7, 0x8100, 8, 0x0800) + ipv4(17, udp(b"twice tagged"))),
        ethernet(0x88cc, b"\x02\x07\x04lldp", bytes.fromhex("0180c200000e")),
        ethernet(0x888e, b"eapol"),
        ethernet(0x88b5, os.urandom(200)),
        ethernet(0x0026, b"\x42\x42\x03" + bytes(35), bytes.fromhex("0180c2000000")),
        ethernet(0x0800, b"\x45\x00"),
    ]
    return [frame + struct.pack("!I", number) for number, frame in enumerate(kinds)]


def receive_frame(raw, header=0):
    """One frame as it is on the wire, behind its virtio header of so many bytes: a tag that the kernel
    took out is put back."""
    frame, extra, _, _ = raw.recvmsg(70000, 256)
    for level, kind, data in extra:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, _, _, _, _, tci, tpid = struct.unpack("=IIIHHHH", data[:20])
            if status & VLAN_VALID:
                frame = frame[:header + 12] + struct.pack("!HH", tpid, tci) + frame[header + 12:]
    return frame


def receive_ours(raw, count, seconds=PATIENCE):
    """The frames from MAC_A, until there are `count` or the time is over."""
    frames, deadline = [], time.monotonic() + seconds
    while len(frames) < count and time.monotonic() < deadline:
        if select.select([raw], [], [], max(0, deadline - time.monotonic()))[0]:
            frame = receive_frame(raw)
            if frame[6:12] == MAC_A:
                frames.append(frame)
    return frames


def assert_passes_the_zoo(case):
    """Every kind of frame passes unchanged, both ways."""
    ends = case.pipes()
    for here, there in (ends, ends[::-1]):
        frames = zoo()
        for frame in frames:
            here.send(frame)
        case.assertEqual(receive_ours(there, len(frames)), frames)


class Forwarding(Case):
    def test_every_kind_of_frame_passes_unchanged_both_ways(self):
        process = self.site.umbox("pass")
        assert_passes_the_zoo(self)
        self.end_well(process)

    def test_many_frames_of_all_sizes_keep_their_order(self):
        """More than the ring has slots; large frames take another way than small ones."""
        process = self.site.umbox("pass")
        device, network = self.pipes()
        for start in range(0, 4000, 100):
            frames = [ethernet(0x88b5, struct.pack("!I", number) + bytes(3000 if number % 3 else 60))
                      for number in range(start, start + 100)]
            for frame in frames:
                device.send(frame)
            self.assertEqual(receive_ours(network, len(frames)), frames)
        self.assertEqual(receive_ours(network, 1, 0.2), [])
        self.end_well(process)

    def test_bulk_with_offloads(self):
        process = self.site.umbox("pass")
        for options in ((NETWORK_IP,), (NETWORK_IP, "-R"), (NETWORK_IP6,), (NETWORK_IP6, "-R"),
                        (NETWORK_IP, "-u", "-b", "200M")):
            self.bulk(*options)
        self.assertTrue(self.ping(NETWORK_IP, "-s", "20000"))  # fragments of 9000 bytes
        self.assertTrue(self.ping(NETWORK_IP6, "-s", "20000"))
        counters = self.counters()
        self.assertEqual(counters["refused"], 0)
        self.assertGreater(counters["passed"], 1000)
        self.end_well(process)

    def test_a_tagged_gso_frame_stays_one(self):
        """The kernel keeps the tag beside the frame, and counts offsets without it."""
        process = self.site.umbox("pass")
        device, network = self.pipes()
        for raw in (device, network):
            raw.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        segment = tcp(1, 2, 3, 0x10) + os.urandom(5000)
        frame = ethernet(0x8100, struct.pack("!HH", 7, 0x0800) + ipv4(6, segment))
        # Checksum needed, TCPv4, headers, segment, checksum from the TCP header on.
        device.send(struct.pack("=BBHHHH", 1, 1, 58, 1400, 38, 16) + frame)
        got = b""
        while got[16:22] != MAC_A:
            got = receive_frame(network, header=10)
        flags, kind, _, size, start, offset = struct.unpack("=BBHHHH", got[:10])
        self.assertEqual((flags, kind, size, start, offset), (1, 1, 1400, 34, 16))
        self.assertEqual(got[10:], frame)
        self.end_well(process)

    def test_udp_with_segmentation(self):
        process = self.site.umbox("pass")
        self.site.run("dev", "ping", "-c", "1", NETWORK_IP)
        with inside(self.site.names["net"]):
            receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            receiver.bind((NETWORK_IP, 5001))
        with inside(self.site.names["dev"]):
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        receiver.settimeout(PATIENCE)
        sender.setsockopt(socket.IPPROTO_UDP, 103, 1000)  # UDP_SEGMENT
        sender.sendto(bytes(range(250)) * 41, (NETWORK_IP, 5001))
        got = [receiver.recv(2000) for _ in range(11)]
        self.assertEqual(b"".join(got), bytes(range(250)) * 41)
        sender.close()
        receiver.close()
        self.end_well(process)

    def test_block_all_lets_nothing_through(self):
        process = self.site.umbox("block-all")
        device, network = self.pipes()
        frames = zoo()
        for frame in frames:
            device.send(frame)
            network.send(frame)
        self.assertEqual(receive_ours(device, 1, 1), [])
        self.assertEqual(receive_ours(network, 1, 1), [])
        self.assertEqual(self.counters(dropped=2 * len(frames))["passed"], 0)
        self.end_well(process)

    def test_the_example_of_the_readme(self):
        process = self.site.umbox("example", {"quiet": False})
        device, _ = self.pipes()
        self.assertTrue(self.ping(DEVICE_IP, role="net"))
        deadline = time.monotonic() + 0.5
        while time.monotonic() < deadline and select.select([device], [], [], 0.1)[0]:
            frame = receive_frame(device)
            self.assertFalse(frame[12:14] == b"\x08\x00" and frame[23] == 1, "a ping reached the device")
        self.site.run("net", "hping3", "-S", "-p", "23", "-c", "1", DEVICE_IP, check=False)
        alert = self.daemon.wait_kind("alert")
        self.assertEqual((alert["type"], alert["target_port"]), ("telnet", 23))
        counters = self.counters(answered=3)
        self.assertEqual((counters["pings"], counters["answered"]), (3, 3))
        self.end_well(process)

    def test_answers_go_by_the_direct_leg_where_there_is_one(self):
        process = self.site.umbox("example", wire=False)
        self.site.wire(direct=True)
        self.assertIsNotNone(self.daemon.wait_kind("ready"))
        direct = raw_socket(self.site.names["net"], "direct0")
        self.site.raw.append(direct)
        self.assertTrue(self.is_cut_off(DEVICE_IP, role="net"))  # nobody is behind it here
        frame = direct.recv(2048)
        self.assertEqual((frame[23], frame[34], frame[26:30]),
                         (1, 0, socket.inet_aton(DEVICE_IP)))
        self.assertTrue(self.ping(NETWORK_IP))
        counters = self.counters(answered=3)
        self.assertEqual((counters["pings"], counters["answered"]), (3, 3))
        self.end_well(process)


class Life(Case):
    def test_waits_for_the_legs_and_lives_meanwhile(self):
        process = self.site.umbox("pass", wire=False)
        self.assertIsNotNone(self.daemon.wait_kind("heartbeat"))
        self.assertIsNone(self.daemon.wait_kind("ready", seconds=0))
        self.site.wire()
        self.assertIsNotNone(self.daemon.wait_kind("ready"))
        self.assertTrue(self.ping(NETWORK_IP))
        self.end_well(process)

    def test_nothing_passes_before_ready(self):
        process = self.site.umbox("stamp", {"ready_after_ms": 1000}, wire=False)
        self.site.wire()
        device, network = self.pipes()
        ready, deadline = None, time.monotonic() + PATIENCE
        while not ready and time.monotonic() < deadline:
            device.send(zoo()[1])
            arrived = receive_ours(network, 1, 0.05)
            ready = self.daemon.wait_kind("ready", seconds=0.1)
            self.assertTrue(ready or not arrived, "a frame came before ready was said")
        self.assertTrue(ready)
        self.assertTrue(self.ping(NETWORK_IP))
        self.end_well(process)

    def test_never_ready(self):
        process = self.site.umbox("stamp", {"never_ready": True}, wire=False)
        self.site.wire()
        self.assertIsNotNone(self.daemon.wait_kind("heartbeat"))
        self.assertTrue(self.is_cut_off(NETWORK_IP))
        self.assertIsNone(self.daemon.wait_kind("ready", seconds=0))
        self.end_well(process)

    def test_ends_on_sigterm_as_the_first_process_of_its_namespace(self):
        """There a signal without a handler is ignored."""
        self.site.write_settings("pass")
        process = self.site.start("box", "unshare", "--pid", "--fork", "--kill-child",
                                   os.path.join(os.environ.get("UMBOX_PROGRAMS", "build/umbox-images"),
                                                "pass"),
                                   env=os.environ | {"UMBOX_FOLDER": self.site.folder})
        self.site.wire()
        self.assertIsNotNone(self.daemon.wait_kind("ready"))
        with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as file:
            os.kill(int(file.read()), signal.SIGTERM)
        self.assertEqual(process.wait(timeout=PATIENCE), 0)

    def test_the_connection_ends_with_the_process(self):
        process = self.site.umbox("pass")
        process.kill()
        self.assertTrue(self.daemon.wait_end())

    def test_dies_when_told(self):
        process = self.site.umbox("stamp", {"die_after_ms": 300}, wire=False)
        self.assertTrue(self.daemon.wait_end())
        self.assertEqual(process.wait(timeout=PATIENCE), 3)

    def test_a_leg_that_is_gone_ends_it(self):
        process = self.site.umbox("pass")
        ip("-n", self.site.names["dev"], "link", "del", "dev0")
        self.assertTrue(self.daemon.wait_end())
        self.assertEqual(process.wait(timeout=PATIENCE), 1)
        self.assertEqual(process.stdout.read(), "leg 'in' is gone\n")

    def test_a_leg_that_was_down_forwards_again(self):
        process = self.site.umbox("pass")
        for state in ("down", "up"):
            ip("-n", self.site.names["box"], "link", "set", "out", state)
        self.site.await_link("net", "net0")
        self.assertTrue(self.ping(NETWORK_IP))
        self.assertIsNone(process.poll())
        self.end_well(process)

    def test_connects_again_after_the_daemon_was_away(self):
        process = self.site.umbox("brute-force", {"attempts": 2})
        self.daemon.go_away()
        self.daemon.lines.clear()
        self.site.run("net", "hping3", "-S", "-p", "22", "-c", "2", "-i", "u1000", DEVICE_IP,
                       check=False)
        self.assertTrue(self.ping(NETWORK_IP))  # it forwards all the same
        self.daemon.listen()
        self.assertIsNotNone(self.daemon.wait_kind("alert"))
        self.assertEqual([line["kalki"] for line in self.daemon.lines[:2]], ["ready", "alert"])
        self.end_well(process)

    def test_wrong_parameters_are_told(self):
        process = self.site.umbox("brute-force", {"attempts": 0}, wire=False)
        self.assertEqual(process.wait(timeout=PATIENCE), 1)
        self.assertEqual(process.stdout.read(), "parameter 'attempts': not an integer from 1 to 255\n")


class BruteForce(Case):
    def test_hydra_is_seen(self):
        process = self.site.umbox("brute-force", {"alert_pause_s": 0})
        server = self.site.start("dev", "/usr/bin/python3", "-c", LOGIN_SERVER)
        self.assertEqual(server.stdout.readline(), "up\n")
        words = os.path.join(self.site.folder, "words")
        with open(words, "w", encoding="ascii") as file:
            file.writelines(f"secret{number}\n" for number in range(40))
        self.site.run("net", "env", "-C", self.site.folder, "hydra", "-q", "-I", "-t", "4", "-l", "admin",
                      "-P", words, f"http-get://{DEVICE_IP}/", check=False)
        alert = self.daemon.wait_kind("alert")
        self.assertEqual({key: alert[key] for key in ("type", "severity", "source", "target",
                                                      "target_port", "count", "detail")},
                         {"type": "brute-force", "severity": "high", "source": NETWORK_IP,
                          "target": DEVICE_IP, "target_port": 80, "count": 5,
                          "detail": "5 connections in 10 s"})
        self.counters(attempts=10)
        self.end_well(process)

    def attempts_of_the_host(self, least, **parameters):
        process = self.site.umbox("brute-force", {"ports": [], **parameters},
                                  host_addresses=[NETWORK_IP6, NETWORK_IP])
        self.site.run("net", "hping3", "-S", "-p", "80", "-c", "10", "-i", "u1000", DEVICE_IP,
                      check=False)
        counters = self.counters(attempts=least)
        self.end_well(process)
        return counters["attempts"]

    def test_the_host_does_not_count(self):
        self.assertEqual(self.attempts_of_the_host(0), 0)

    def test_the_host_counts_when_it_is_told_to(self):
        self.assertEqual(self.attempts_of_the_host(10, count_host=True), 10)

    def test_connections_of_the_device_do_not_count(self):
        process = self.site.umbox("brute-force", {"ports": []})
        self.site.run("dev", "hping3", "-S", "-p", "80", "-c", "10", "-i", "u1000", NETWORK_IP,
                       check=False)
        self.assertEqual(self.counters()["attempts"], 0)
        self.end_well(process)

    def test_a_blocked_source_is_cut_off_and_others_are_not(self):
        process = self.site.umbox("brute-force", {"block_s": 3600})
        ip("-n", self.site.names["net"], "addr", "add", "10.77.0.3/24", "dev", "net0")
        self.assertTrue(self.ping(DEVICE_IP, role="net"))
        self.site.run("net", "hping3", "-S", "-p", "22", "-c", "8", "-i", "u1000", DEVICE_IP,
                       check=False)
        self.assertIsNotNone(self.daemon.wait_kind("alert"))
        self.assertTrue(self.is_cut_off(DEVICE_IP, role="net"))
        self.assertTrue(self.ping(DEVICE_IP, "-I", "10.77.0.3", role="net"))
        self.assertEqual(self.counters(blocked=3 + 3)["attempts"], 5)
        self.end_well(process)

    def test_an_ordinary_hour_is_no_attack(self):
        # An hour's pages come within some seconds here: so many more are allowed.
        process = self.site.umbox("brute-force", {"attempts": 100, "block_s": 60})
        ordinary_hour(self.site)
        counters = self.counters()
        self.assertEqual([line for line in self.daemon.lines if line["kalki"] == "alert"], [])
        self.assertEqual((counters["blocked"], counters["evasive"]), (0, 0))
        self.end_well(process)


class OtherImages(Case):
    def test_flow_stats_tell_who_exchanged_how_much(self):
        process = self.site.umbox("flow-stats", {"interval_s": 1})
        self.bulk(NETWORK_IP)
        self.assertTrue(self.ping(NETWORK_IP6))
        self.assertIsNotNone(self.daemon.wait(
            lambda line: NETWORK_IP6 in str(line.get("record", {}).get("peers"))))
        self.counters()  # what else the record's interval brought is there
        records = [line["record"] for line in self.daemon.lines if line["kalki"] == "record"]
        peers = [peer for record in records if record["kind"] == "flow-peers" for peer in record["peers"]]
        sent = sum(record["tcp"]["from_device_bytes"] for record in records if "tcp" in record)
        ours = sum(peer["from_device_bytes"] for peer in peers if peer["peer"] == NETWORK_IP)
        self.assertEqual(sent, ours)
        self.assertGreater(sent, 10 << 20)
        self.end_well(process)

    def test_flow_stats_tell_each_conversation(self):
        process = self.site.umbox("flow-stats", {"interval_s": 1, "flows": True, "idle_s": 2})
        self.bulk(NETWORK_IP)
        self.assertTrue(self.ping(NETWORK_IP6))

        def flows():
            return [flow for line in self.daemon.lines if line.get("record", {}).get("kind") == "flows"
                    for flow in line["record"]["flows"]]
        self.daemon.wait(lambda _: any(flow["peer"] == NETWORK_IP6 for flow in flows()))
        bulk = [flow for flow in flows() if flow["peer"] == NETWORK_IP and flow["protocol"] == 6]
        self.assertGreater(sum(flow["from_device_bytes"] for flow in bulk), 10 << 20)
        self.assertEqual({(flow["opened_by"], flow["end"]) for flow in bulk}, {("device", "closed")})
        self.assertTrue(all("S" in flow["from_device_flags"] for flow in bulk))
        self.assertEqual(self.counters()["untold"], 0)
        self.end_well(process)

    def test_stamp_marks_what_the_receiver_accepts(self):
        process = self.site.umbox("stamp", {"delay_us": 20000})
        for family, target in ((socket.AF_INET, NETWORK_IP), (socket.AF_INET6, NETWORK_IP6)):
            with inside(self.site.names["net"]):
                receiver = socket.socket(family, socket.SOCK_DGRAM)
                receiver.bind((target, 5001))
            with inside(self.site.names["dev"]):
                sender = socket.socket(family, socket.SOCK_DGRAM)
            receiver.settimeout(PATIENCE)
            for sequence in range(50):
                sender.sendto(b"KALKIBP1" + struct.pack("!QI", sequence, 0) + bytes(120) + b"behind",
                              (target, 5001))
            for sequence in range(50):
                got = receiver.recv(2000)
                self.assertEqual(got[:28], b"KALKIBP1" + struct.pack("!QIII", sequence, 1, 418, 3))
                self.assertEqual(got[28:], bytes(112) + b"behind")
            sender.close()
            receiver.close()
        self.end_well(process)


if __name__ == "__main__":
    main()
