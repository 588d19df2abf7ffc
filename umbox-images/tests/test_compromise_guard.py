"""compromise-guard between two real links: a device that turns bad, and its ordinary hour.  Needs root."""
import socket

from ordinary import Ordinary, ordinary_hour
from umbox_case import Case, main
from umbox_site import DEVICE_IP, NETWORK_IP, ip, raw_socket

OWN = ["udp:53", "udp:123", "tcp:1883 10.77.0.2", "udp:5353 224.0.0.251", "udp:7777 fd77::/64"]


class CompromiseGuard(Case):
    def guard(self, **parameters):
        self.process = self.site.umbox("compromise-guard", parameters)

    def alert(self):
        alert = self.daemon.wait_kind("alert")
        self.assertIsNotNone(alert)
        return alert

    def test_a_bot_is_told(self):
        self.guard(allow=OWN)
        self.site.run("dev", "hping3", "-q", "-c", "6", "-i", "u100000", "-S", "-p", "6667", NETWORK_IP,
                      check=False)
        alert = self.alert()
        self.assertEqual((alert["type"], alert["severity"], alert["source"], alert["target"],
                          alert["target_port"], alert["count"]),
                         ("external-traffic", "high", DEVICE_IP, NETWORK_IP, 6667, 5))
        self.end_well(self.process)

    def test_what_is_not_allowed_is_dropped(self):
        self.guard(allow=OWN, drop=True, alert_type="unts-abnormal-traffic")
        self.assertTrue(self.is_cut_off(NETWORK_IP))
        self.assertTrue(self.ping(DEVICE_IP, role="net"))  # answers
        self.site.run("dev", "hping3", "-q", "-c", "6", "-i", "u100000", "-2", "-p", "9999", NETWORK_IP,
                      check=False)
        self.assertEqual(self.alert()["type"], "unts-abnormal-traffic")
        self.end_well(self.process)

    def test_no_answer_and_no_fragment_gets_around(self):
        self.guard(allow=OWN, drop=True, settle_s=0)
        taken = raw_socket(self.site.names["net"], "net0")
        self.addCleanup(taken.close)
        for words in (("-S", "-A", "-p", "80"), ("-A", "-p", "80"), ("-2", "-p", "9999", "-f", "-d", "200"),
                      ("-1", "-C", "13")):
            self.site.run("dev", "hping3", "-q", "-c", "3", "-i", "u10000", *words, NETWORK_IP, check=False)
        self.counters(outside=12)
        taken.setblocking(False)
        with self.assertRaises(BlockingIOError):
            while True:
                frame = taken.recv(2048)
                self.assertNotEqual(frame[12:14], b"\x08\x00", frame)
        self.end_well(self.process)

    def test_a_name_opens_the_way(self):
        self.guard(allow=["udp:53", "tcp:1883", "tcp:443 *.camera.example"], drop=True, settle_s=0)
        net, dev = self.site.names["net"], self.site.names["dev"]
        ip("-n", net, "addr", "add", "203.0.113.7/32", "dev", "net0")
        ip("-n", dev, "route", "add", "203.0.113.0/24", "via", NETWORK_IP)
        ordinary = Ordinary(self.site)
        self.addCleanup(ordinary.close)
        listener = ordinary.listener("net", ("203.0.113.7", 443))
        early = ordinary.end("dev", socket.AF_INET, socket.SOCK_STREAM)
        early.settimeout(1)
        with self.assertRaises(TimeoutError):
            early.connect(("203.0.113.7", 443))
        early.close()
        ordinary.resolve("evil.example")
        ordinary.resolve("api.camera.example")
        ordinary.say(*ordinary.connect("dev", listener), b"hello")
        self.assertEqual(self.counters(learnt=1)["learnt"], 1)
        self.end_well(self.process)

    def test_a_rule_with_a_mistake_is_refused(self):
        process = self.site.umbox("compromise-guard", {"allow": ["tpc:80"]}, wire=False)
        output = process.communicate(timeout=60)[0]
        self.assertEqual(process.returncode, 1)
        self.assertIn("'tpc:80'", output)

    def test_an_ordinary_hour_is_nothing(self):
        self.guard(allow=OWN)
        ordinary_hour(self.site)
        counters = self.counters()
        self.assertEqual([line for line in self.daemon.lines if line["kalki"] == "alert"], [])
        self.assertEqual((counters["outside"], counters["evasive"]), (0, 0))
        self.end_well(self.process)


if __name__ == "__main__":
    main()
