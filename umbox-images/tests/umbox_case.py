"""What the tests of programs between two real links share."""
import os
import sys
import unittest

from umbox_site import PATIENCE, SOL_PACKET, UmboxSite

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

    def ping(self, target, *options, role="dev", seconds=PATIENCE):
        return self.site.run(role, "ping", "-c", "3", "-i", "0.1", "-W", str(seconds), *options, target,
                              check=False).returncode == 0

    def is_cut_off(self, target, *options, role="dev"):
        return not self.ping(target, *options, role=role, seconds=1)

    def bulk(self, target, *options):
        """A second of iperf3, device to network unless `options` turn it round."""
        server = self.site.start("net", "iperf3", "-s", "-1", "--forceflush")
        for line in server.stdout:
            if "listening" in line:
                break
        done = self.site.run("dev", "iperf3", "-c", target, "-t", "1", *options, check=False)
        server.communicate(timeout=PATIENCE)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def counters(self, **least):
        """Of the first heartbeat after this call that has counted at least so much of each: what was sent
        before may still be underway."""
        self.daemon.take_waiting()
        seen = len(self.daemon.lines)
        beat = self.daemon.wait(lambda line: line["kalki"] == "heartbeat" and all(
            line["counters"][name] >= count for name, count in least.items()), after=seen)
        self.assertIsNotNone(beat, (least, self.daemon.lines[-1]))
        return beat["counters"]

    def end_well(self, process):
        status, output = self.site.terminate(process)
        self.assertEqual((status, output), (0, ""))


def main():
    if os.geteuid():
        print("needs root")
        sys.exit(77)
    unittest.main(verbosity=2)
