"""Frames that hide what they bring, between two real links: a device understands them, so no image may let
them through unjudged.  Needs root."""
import socket
import struct

from test_kernel import ethernet, ipv4, ipv6, receive_frame, receive_ours, tcp
from umbox_case import Case, main
from umbox_site import DEVICE_IP, DEVICE_IP6, NETWORK_IP, NETWORK_IP6

SYN = 2
IPV4 = b"\x08\x00"


def knock(port):
    return ipv4(6, tcp(4000, port, 7, SYN), source=NETWORK_IP, target=DEVICE_IP)


def tagged(tags, packet):
    """Behind priority tags, of which a host takes off any number."""
    return ethernet(0x8100, struct.pack("!HH", 0, 0x8100) * (tags - 1) +
                    struct.pack("!HH", 0, 0x0800) + packet)


def wrapped(packet, head="aaaa03000000", tags=0):
    """Behind LLC and SNAP: an access point makes a plain frame of it."""
    content = bytes.fromhex(head) + b"\x08\x00" + packet
    if not tags:
        return ethernet(len(content), content)
    return ethernet(0x8100, struct.pack("!HH", 0, 0x8100) * (tags - 1) +
                    struct.pack("!HH", 0, len(content)) + content)


HIDDEN = [tagged(3, knock(23)), tagged(4, knock(23)), wrapped(knock(23)),
          wrapped(knock(23), "aaaa030000f8"), wrapped(knock(23), tags=1)]
LAST = ethernet(0x88b5, b"the last one" + bytes(40))


class Hidden(Case):
    def assert_nothing_hides(self, program, **parameters):
        process = self.site.umbox(program, parameters)
        device, network = self.pipes()
        for frame in [*HIDDEN, LAST]:
            network.send(frame)
        self.assertEqual(receive_ours(device, 1), [LAST])
        self.end_well(process)

    def test_from_brute_force(self):
        self.assert_nothing_hides("brute-force", ports=[])

    def test_from_scan_guard(self):
        self.assert_nothing_hides("scan-guard")

    def test_from_compromise_guard(self):
        self.assert_nothing_hides("compromise-guard", drop=True)

    def test_from_those_that_follow_connections(self):
        self.assert_nothing_hides("login-guard")

    def test_from_rules_in_the_kernel(self):
        self.assert_nothing_hides("block-ip", sources=["192.0.2.1"])

    def test_from_limits_in_the_kernel(self):
        self.assert_nothing_hides("anti-dos")


OPTIONS_HOP, OPTIONS_FRAGMENT, OPTIONS_TARGET, TCP = 0, 44, 60, 6
PLAIN = tcp(4000, 23, 7, SYN)
EMPTY = bytes([0, 1, 4, 0, 0, 0, 0])


class Knocker:
    """Knocks at port 23 of the device, in every way in which a device hears it, each time as somebody else."""

    def __init__(self, number):
        self.ip, self.ip6 = f"10.77.0.{number}", f"fd77::{number}"

    def four(self, content=PLAIN, offset=0, more=0, **more_words):
        return ipv4(TCP, content, fragment=more << 13 | offset, source=self.ip, target=DEVICE_IP,
                    **more_words)

    def six(self, *kinds, content=PLAIN):
        """Behind empty extension headers."""
        following = TCP
        for kind in reversed(kinds):
            content, following = bytes([following]) + EMPTY + content, kind
        return ethernet(0x86dd, ipv6(following, content, self.ip6, DEVICE_IP6))

    def part6(self, offset, more, content):
        head = bytes([TCP, 0]) + struct.pack("!HI", offset << 3 | more, 9)
        return ethernet(0x86dd, ipv6(OPTIONS_FRAGMENT, head + content, self.ip6, DEVICE_IP6))


KNOCKS = [
    lambda who: [ethernet(0x0800, who.four())],
    lambda who: [tagged(1, who.four())],
    lambda who: [ethernet(0x0800, who.four(options=bytes([1] * 40)))],
    lambda who: [ethernet(0x0800, who.four(tcp(4000, 23, 7, SYN | 0xc8)))],
    lambda who: [ethernet(0x0800, who.four(PLAIN[:8], 0, 1)), ethernet(0x0800, who.four(PLAIN[8:], 1))],
    lambda who: [ethernet(0x0800, who.four(PLAIN[:16], 0, 1)), ethernet(0x0800, who.four(PLAIN[16:], 2))],
    lambda who: [who.six()],
    lambda who: [who.six(OPTIONS_HOP, OPTIONS_TARGET, OPTIONS_TARGET)],
    lambda who: [who.six(*[OPTIONS_TARGET] * 9)],
    lambda who: [who.part6(0, 0, PLAIN)],
    lambda who: [who.part6(0, 1, PLAIN[:8]), who.part6(1, 0, PLAIN[8:])],
]


class Disguised(Case):
    def assert_all_are_heard(self, program, first=(), **parameters):
        """`first` passes.  Of what knocks in disguise nothing gets to the device: at least a part of each
        is held back, so that nobody can put it together."""
        process = self.site.umbox(program, parameters)
        device, network = self.pipes()
        knocks = [knock(Knocker(100 + number)) for number, knock in enumerate(KNOCKS)]
        for frame in [*first, *(frame for frames in knocks for frame in frames), LAST]:
            network.send(frame)
        passed = []
        while LAST not in passed:
            got = receive_ours(device, 1)
            self.assertTrue(got)
            passed += got
        passed += receive_ours(device, 99, seconds=0.5)
        for frame in [*first, LAST]:
            self.assertIn(frame, passed)
        for number, frames in enumerate(knocks):
            self.assertFalse(all(frame in passed for frame in frames), number)
        self.end_well(process)

    def test_by_brute_force(self):
        self.assert_all_are_heard("brute-force", attempts=1, block_s=60)

    def test_by_a_proxy(self):
        self.assert_all_are_heard("http-auth-proxy", users=[])

    def test_by_trip_ports(self):
        self.assert_all_are_heard("block-ip", trip_ports=[23], source_bits6=128)

    def test_by_who_counts_connections(self):
        # The first of each network has a place, and no other.
        first = [ethernet(0x0800, ipv4(TCP, tcp(5000, 23, 7, SYN), source=NETWORK_IP, target=DEVICE_IP)),
                 ethernet(0x86dd, ipv6(TCP, tcp(5000, 23, 7, SYN), NETWORK_IP6, DEVICE_IP6))]
        self.assert_all_are_heard("anti-dos", first, connections=1, source_bits=24)


class ForeignNames(Case):
    """Who sends to the device's MAC and somebody else's address gets no answer in that one's name."""

    def assert_answers_in_the_device_s_name(self, program, **parameters):
        process = self.site.umbox(program, parameters)
        network = self.pipes()[1]
        for target in ("10.77.0.50", DEVICE_IP):
            network.send(ethernet(0x0800, ipv4(6, tcp(4000, 23, 7, SYN), source=NETWORK_IP, target=target)))
        while IPV4 not in (frame := receive_frame(network))[12:14]:
            continue
        self.assertEqual(socket.inet_ntoa(frame[26:30]), DEVICE_IP)
        self.end_well(process)

    def test_by_a_decoy(self):
        self.assert_answers_in_the_device_s_name("wemo-decoy")

    def test_by_a_proxy(self):
        self.assert_answers_in_the_device_s_name("http-auth-proxy", users=[])


if __name__ == "__main__":
    main()
