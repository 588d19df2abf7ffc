"""scan-guard between two real links: nmap, and a camera's hour.  Needs root."""
from ordinary import ordinary_hour
from umbox_case import Case, main
from umbox_site import DEVICE_IP, NETWORK_IP, NETWORK_IP6, DEVICE_IP6, ip


class ScanGuard(Case):
    def guard(self, **parameters):
        self.process = self.site.umbox("scan-guard", parameters)

    def nmap(self, role, *words):
        return self.site.run(role, "nmap", "-n", "-Pn", "--max-retries", "0", "--host-timeout", "20s",
                             *words).stdout

    def alert(self, kind):
        return self.daemon.wait(lambda line: line["kalki"] == "alert" and line["type"] == kind)

    def assert_told(self, kind, source, target):
        alert = self.alert(kind)
        self.assertIsNotNone(alert, kind)
        self.assertEqual((alert["source"], alert["target"], alert["severity"]), (source, target, "high"))
        return alert

    def test_each_scan_of_nmap_against_the_device(self):
        self.guard()
        for option, kind in (("-sX", "xmas-scan"), ("-sN", "null-scan"), ("-sF", "fin-scan")):
            self.nmap("net", option, "-p", "80", DEVICE_IP)
            self.assert_told(kind, NETWORK_IP, DEVICE_IP)
        self.assertIsNone(self.daemon.wait(lambda line: line.get("type") == "port-scan", seconds=0))
        self.counters(flags=3)
        self.nmap("net", "-sS", "-p", "1-40", DEVICE_IP)
        self.assertGreaterEqual(self.assert_told("port-scan", NETWORK_IP, DEVICE_IP)["count"], 10)
        self.end_well(self.process)

    def test_udp_and_six(self):
        self.guard(alert_pause_s=0)
        self.nmap("net", "-sU", "-p", "1000-1030", "--min-rate", "50", DEVICE_IP)
        self.assert_told("port-scan", NETWORK_IP, DEVICE_IP)
        self.nmap("net", "-6", "-sS", "-p", "1-40", DEVICE_IP6)
        self.assertIsNotNone(self.daemon.wait(
            lambda line: line.get("source") == NETWORK_IP6 and line["type"] == "port-scan"))
        self.end_well(self.process)

    def test_segments_of_no_connection_and_protocols(self):
        self.guard(alert_pause_s=0)
        for option, numbers, things in (("-sA", "1-40", "ports"), ("-sW", "101-140", "ports"),
                                        ("-sM", "201-240", "ports"), ("-sO", "160-199", "protocols")):
            self.daemon.lines.clear()
            self.nmap("net", option, "-p", numbers, DEVICE_IP)
            self.assertIn(things, self.assert_told("port-scan", NETWORK_IP, DEVICE_IP)["detail"], option)
        self.end_well(self.process)

    def test_a_scanner_is_blocked(self):
        self.guard(block_s=3600)
        self.assertTrue(self.ping(DEVICE_IP, role="net"))
        self.nmap("net", "-sS", "-p", "1-40", DEVICE_IP)
        self.assert_told("port-scan", NETWORK_IP, DEVICE_IP)
        self.assertTrue(self.is_cut_off(DEVICE_IP, role="net"))
        self.counters(blocked=1)
        self.end_well(self.process)

    def test_the_device_scans_and_sweeps(self):
        self.guard()
        self.nmap("dev", "-sS", "-p", "1-40", NETWORK_IP)
        self.assert_told("port-scan", DEVICE_IP, NETWORK_IP)
        ip("-n", self.site.names["dev"], "route", "add", "192.0.2.0/24", "via", NETWORK_IP)
        self.site.run("dev", "nmap", "-n", "-sn", "-PE", "-PS443", "--max-retries", "0", "192.0.2.0/27")
        self.assertEqual(self.alert("host-sweep")["source"], DEVICE_IP)
        self.end_well(self.process)

    def test_a_sweep_by_arp_is_seen_from_the_device(self):
        self.guard()
        self.site.run("net", "nmap", "-n", "-sn", "--max-retries", "0", "10.77.0.64/26")
        self.assertEqual(self.alert("host-sweep")["source"], NETWORK_IP)
        self.end_well(self.process)

    def test_an_ordinary_hour_is_no_scan(self):
        self.guard()
        ordinary_hour(self.site)
        counters = self.counters(probes=100)
        self.assertEqual([line for line in self.daemon.lines if line["kalki"] == "alert"], [])
        self.assertEqual((counters["flags"], counters["blocked"], counters["evasive"]), (0, 0, 0))
        self.end_well(self.process)


if __name__ == "__main__":
    main()
