"""What `kalkictl umbox init` writes, between two real links: it does what its README says.  Needs root."""
import errno
import os
import socket
import struct

from test_kernel import ethernet, ipv4, ipv6, receive_ours, tcp
from umbox_case import Case, main
from umbox_site import DEVICE_IP, DEVICE_IP6, IMAGES, NETWORK_IP, NETWORK_IP6, PROGRAMS, inside


def openings(port):
    """Frames that begin a connection to it, as few do."""
    syn = tcp(4711, port, 1, 2)
    packet = ipv4(6, syn)
    return [ethernet(0x8100, struct.pack("!HH", 7, 0x0800) + packet),
            ethernet(0x88a8, struct.pack("!HHHH", 7, 0x8100, 8, 0x0800) + packet),
            ethernet(0x86dd, ipv6(0, bytes([6, 0, 1, 4, 0, 0, 0, 0]) + syn)),
            ethernet(0x8100, struct.pack("!HH", 7, 0x86dd) + ipv6(6, syn))]


def hidden(port):
    """The same in ways that no honest sender has."""
    syn = tcp(4711, port, 1, 2)
    packet = ipv4(6, syn)
    return [ethernet(0x8100, struct.pack("!HHHHHH", 0, 0x8100, 0, 0x8100, 0, 0x0800) + packet),
            ethernet(8 + len(packet), bytes.fromhex("aaaa030000000800") + packet),
            ethernet(0x86dd, ipv6(44, bytes([6, 0, 0, 1, 0, 0, 0, 9]) + syn[:8])),
            ethernet(0x86dd, ipv6(44, bytes([60, 0, 0, 1, 0, 0, 0, 9]) + bytes([6, 0, 1, 4, 0, 0, 0, 0])))]


class Skeletons(Case):
    def call(self, address, port, seconds=60):
        """Nobody listens there: what passes is refused by the device."""
        with inside(self.site.names["net"]):
            caller = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        with caller:
            caller.settimeout(seconds)
            return caller.connect_ex((address, port)) == errno.ECONNREFUSED

    def alert_from(self, source):
        return self.daemon.wait(lambda line: line["kalki"] == "alert" and line["source"] == source)

    def assert_denies(self, kind):
        process = self.site.umbox("skeleton-" + kind, {"ports": [23, 2323]})
        for source, target in ((NETWORK_IP, DEVICE_IP), (NETWORK_IP6, DEVICE_IP6)):
            self.assertTrue(self.ping(target, role="net"))
            self.assertTrue(self.call(target, 22))
            self.assertFalse(self.call(target, 2323, seconds=0.5))
            alert = self.alert_from(source)
            self.assertEqual((alert["type"], alert["severity"], alert["target"],
                              alert["target_port"]), ("denied-port", "medium", target, 2323))
        self.counters(denied=2)
        self.assert_nothing_hides()
        self.end_well(process)

    def assert_nothing_hides(self):
        device, network = self.pipes()
        last = ethernet(0x88b5, b"the last")
        for frame in openings(2323) + hidden(2323) + openings(22) + [last]:
            network.send(frame)
        came = receive_ours(device, 1)
        while came[-1] != last:
            came += receive_ours(device, 1) or self.fail(f"the last is lost: {came}")
        # What is handed up comes later than what crosses in the kernel.
        self.assertEqual(sorted(came), sorted(openings(22) + [last]))

    def test_kit(self):
        self.assert_denies("kit")

    def test_kernel(self):
        self.assert_denies("kernel")

    def test_wrapper(self):
        os.environ["UMBOX_WRAPPER"] = str(IMAGES / "skeletons/wrapper/umbox-wrapper.json")
        self.site.umbox("wrapper", arguments=(str((PROGRAMS / "skeleton-watch").absolute()),))
        self.assertTrue(self.call(DEVICE_IP, 22))
        self.assertTrue(self.call(DEVICE_IP, 23))
        alert = self.alert_from(NETWORK_IP)
        self.assertEqual((alert["type"], alert["severity"], alert["target"], alert["target_port"]),
                         ("telnet", "medium", DEVICE_IP, 23))


if __name__ == "__main__":
    main()
