"""What the tests of programs between two real links share."""
import os
import sys
import unittest

from umbox_site import SOL_PACKET, UmboxSite

PACKET_AUXDATA = 8

class Case(unittest.TestCase):
    def setUp(self):
        self.site = UmboxSite()
        self.daemon = self.site.daemon
        self.addCleanup(self.site.__exit__)

    def pipes(self):
        device, network = self.site.ends()
        for raw in (device, network):
            raw.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        return device, network

    def ping(self, target, *options, role="dev"):
        return self.site.run(role, "ping", "-c", "3", "-i", "0.1", "-W", "1", *options, target,
                              check=False).returncode == 0

    def bulk(self, target, *options):
        """A second of iperf3, device to network unless `options` turn it round."""
        server = self.site.start("net", "iperf3", "-s", "-1", "--forceflush")
        for line in server.stdout:
            if "listening" in line:
                break
        done = self.site.run("dev", "iperf3", "-c", target, "-t", "1", *options, check=False)
        server.communicate(timeout=10)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def counters(self):
        """Of a heartbeat that began after this call."""
        self.daemon.take_waiting()
        seen = len(self.daemon.lines)
        return self.daemon.wait_kind("heartbeat", after=seen)["counters"]

    def end_well(self, process):
        status, output = self.site.terminate(process)
        self.assertEqual((status, output), (0, ""))


def main():
    if os.geteuid():
        print("needs root")
        sys.exit(77)
    unittest.main(verbosity=2)
