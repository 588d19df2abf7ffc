"""What `kalkictl umbox init` writes, between two real links: it does what its README says.  Needs root."""
import errno
import os
import socket

from umbox_case import Case, main
from umbox_site import DEVICE_IP, DEVICE_IP6, IMAGES, NETWORK_IP, NETWORK_IP6, PROGRAMS, inside


class Skeletons(Case):
    def call(self, address, port, seconds=60):
        """Nobody listens there: what passes is refused by the device."""
        with inside(self.site.names["net"]):
            caller = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        with caller:
            caller.settimeout(seconds)
            return caller.connect_ex((address, port)) == errno.ECONNREFUSED

    def alert_from(self, source):
        return self.daemon.wait(lambda line: line["kalki"] == "alert" and line["source"] == source,
                                seconds=60)

    def assert_denies(self, kind):
        process = self.site.umbox("skeleton-" + kind, {"ports": [23, 2323]})
        for source, target in ((NETWORK_IP, DEVICE_IP), (NETWORK_IP6, DEVICE_IP6)):
            self.assertTrue(self.ping(target, role="net"))
            self.assertTrue(self.call(target, 22))
            self.assertFalse(self.call(target, 2323, seconds=0.5))
            alert = self.alert_from(source)
            self.assertEqual((alert["type"], alert["severity"], alert["target"],
                              alert["target_port"]), ("denied-port", "medium", target, 2323))
        self.assertGreaterEqual(self.counters()["denied"], 2)
        self.end_well(process)

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
