"""hue-guard between two real links: curl against the simulated bridge.  Needs root."""
import os
import pathlib

from ordinary import ordinary_hour
from umbox_case import Case, main
from umbox_site import DEVICE_IP, NETWORK_IP

DEVICES = pathlib.Path(__file__).resolve().parents[2] / "integration-tests"


class HueGuard(Case):
    def guarded_bridge(self, parameters=None, **more):
        self.process = self.site.umbox("hue-guard", parameters, **more)
        bridge = self.site.start("dev", "/usr/bin/python3", "-m", "devices.hue", "--token", "secret",
                                 cwd=DEVICES, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"})
        self.assertEqual(bridge.stdout.readline(), "ready\n")

    def curl(self, *words):
        return self.site.run("net", "curl", "-sS", "-m", "20", *words, check=False).stdout

    def url(self, path):
        return f"http://{DEVICE_IP}/api{path}"

    def alerts(self):
        self.counters()  # what was said before this heartbeat is there
        return [line for line in self.daemon.lines if line["kalki"] == "alert"]

    def test_guessed_tokens_are_seen_and_blocked(self):
        # curl takes them all over one connection.  The interval is long: the machine may be slow.
        self.guarded_bridge({"interval_s": 3600, "block_s": 3600})
        guesses = self.curl(self.url("/guess[1-5]/lights"))
        self.assertEqual(guesses.count("unauthorized user"), 4)
        alert = self.daemon.wait_kind("alert")
        self.assertEqual((alert["type"], alert["source"], alert["target"], alert["target_port"],
                          alert["count"]),
                         ("brute-force", NETWORK_IP, DEVICE_IP, 80, 5))
        self.assertNotIn("guess", str(alert))
        self.assertTrue(self.is_cut_off(DEVICE_IP, role="net"))
        self.counters(blocked=1)
        self.end_well(self.process)

    def test_users_that_are_asked_for_again_and_again_are_seen(self):
        self.guarded_bridge({"interval_s": 3600})
        for _ in range(6):
            self.assertIn("link button", self.curl("-d", '{"devicetype": "x"}', self.url("")))
        alert = self.daemon.wait_kind("alert")
        self.assertEqual((alert["type"], alert["count"]), ("brute-force", 5))
        self.end_well(self.process)

    def test_a_lamp_that_may_only_be_read_is_not_switched(self):
        self.guarded_bridge({"read_only": True, "allowed_paths": ["/api/*/lights"]})
        refused = self.curl("-X", "PUT", "-d", '{"on": false}', self.url("/secret/lights/1/state"))
        self.assertIn("reset", refused)
        alert = self.daemon.wait_kind("alert")
        self.assertEqual((alert["type"], alert["source"]), ("request-refused", NETWORK_IP))
        self.assertNotIn("secret", str(alert))
        self.assertIn('"on": true', self.curl(self.url("/secret/lights/1")))
        self.assertIn("reset", self.curl("--path-as-is", self.url("/secret/lights/../config")))
        self.assertEqual(self.counters(restricted=2)["restricted"], 2)
        self.end_well(self.process)

    def test_the_daemon_may_always_switch_it(self):
        self.guarded_bridge({"read_only": True}, host_addresses=[NETWORK_IP])
        switched = self.curl("-X", "PUT", "-d", '{"on": false}', self.url("/secret/lights/1/state"))
        self.assertIn("success", switched)
        self.assertEqual(self.alerts(), [])
        self.end_well(self.process)

    def test_an_hour_of_ordinary_use_is_no_attack(self):
        self.guarded_bridge()
        # An app that polls twice a minute, a house that switches a lamp, a pairing with three tries.
        polls = self.curl("-o", "/dev/null", "-w", "%{http_code} ", self.url("/secret/lights?[1-120]"))
        self.assertEqual(polls.split().count("200"), 120, polls)
        for _ in range(3):
            self.assertIn("link button", self.curl("-d", '{"devicetype": "app"}', self.url("")))
        for state in ("false", "true") * 3:
            self.assertIn("success", self.curl("-X", "PUT", "-d", f'{{"on": {state}}}',
                                               self.url("/secret/lights/1/state")))
        self.assertIn("Hue Bridge", self.curl(self.url("/config")))
        self.assertIn("Signify", self.curl(f"http://{DEVICE_IP}/description.xml"))
        self.assertTrue(self.ping(DEVICE_IP, role="net"))
        self.assertEqual(self.alerts(), [])
        counters = self.counters(tokens=1)
        self.assertEqual((counters["tokens"], counters["cut"], counters["evasive"]), (1, 0, 0))
        self.end_well(self.process)

    def test_an_hour_of_other_traffic_passes(self):
        self.process = self.site.umbox("hue-guard", {"block_s": 3600})
        ordinary_hour(self.site)
        self.assertEqual(self.alerts(), [])
        counters = self.counters(requests=60)
        self.assertEqual((counters["requests"], counters["cut"], counters["evasive"]), (60, 0, 0))
        self.end_well(self.process)


if __name__ == "__main__":
    main()
