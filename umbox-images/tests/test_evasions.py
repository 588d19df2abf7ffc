"""Frames that hide what they bring, between two real links: a device understands them, so no image may let
them through unjudged.  Needs root."""
import socket
import struct

from test_kernel import ethernet, ipv4, receive_frame, receive_ours, tcp
from umbox_case import Case, main
from umbox_site import DEVICE_IP, NETWORK_IP

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
        self.assertEqual(receive_ours(device, 1, seconds=60), [LAST])
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
