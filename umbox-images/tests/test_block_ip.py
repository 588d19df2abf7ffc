"""block-ip between two real links: lists, ports that trip, attempts, expiry, a camera's hour.  Needs root."""
import socket
import struct
import time

from ordinary import ordinary_hour
from test_kernel import MAC_A, assert_passes_the_zoo, ethernet, ipv4, receive_ours, tcp, udp
from umbox_case import Case, main
from umbox_site import DEVICE_IP, DEVICE_IP6, NETWORK_IP, NETWORK_IP6, PATIENCE, inside, ip

OTHER_IP, OTHER_IP6 = "10.77.0.3", "fd77::3"


class BlockIp(Case):
    def guard(self, host_addresses=(), shadow=False, **parameters):
        self.process = self.site.umbox("block-ip", parameters, host_addresses=host_addresses,
                                       shadow=shadow)
        for address in (OTHER_IP + "/24", OTHER_IP6 + "/64"):
            ip("-n", self.site.names["net"], "addr", "add", address, "dev", "net0")

    def reaches(self, source):
        return self.ping(DEVICE_IP6 if ":" in source else DEVICE_IP, "-I", source, role="net")

    def is_blocked(self, source):
        return self.is_cut_off(DEVICE_IP6 if ":" in source else DEVICE_IP, "-I", source, role="net")

    def knock(self, *words, source=OTHER_IP):
        self.site.run("net", "hping3", "-q", "-S", "-a", source, "-i", "u1000", *words, DEVICE_IP,
                      check=False)

    def alert(self, kind):
        return self.daemon.wait(lambda line: line["kalki"] == "alert" and line["type"] == kind)

    def alerts(self):
        return [line for line in self.daemon.lines if line["kalki"] == "alert"]

    def test_without_a_list_every_kind_of_frame_passes(self):
        self.guard()
        assert_passes_the_zoo(self)
        self.bulk(NETWORK_IP)
        self.bulk(NETWORK_IP6, "-R")
        self.end_well(self.process)

    def test_listed_addresses_are_blocked_both_ways_and_others_not(self):
        self.guard(sources=[OTHER_IP, OTHER_IP6, "192.0.2.0/24", "2001:db8::/32"])
        self.assertEqual([self.reaches(source) for source in (NETWORK_IP, NETWORK_IP6)], [True, True])
        self.assertEqual([self.is_blocked(source) for source in (OTHER_IP, OTHER_IP6)], [True, True])
        alert = self.alert("blocked-traffic")
        self.assertEqual((alert["source"], alert["target"], alert["severity"], alert["detail"]),
                         (OTHER_IP, DEVICE_IP, "low", "is blocked"))
        before = self.counters()["blocked"]
        self.assertTrue(self.is_cut_off(OTHER_IP))
        self.counters(blocked=before + 3)
        self.end_well(self.process)

    def test_in_shadow_it_tells_whom_it_would_block(self):
        self.guard(shadow=True, sources=["0.0.0.0/0", "::/0"])
        self.assertEqual([self.reaches(source) for source in (OTHER_IP, NETWORK_IP6)], [True, True])
        assert_passes_the_zoo(self)
        self.assertEqual(self.alert("blocked-traffic")["detail"], "is blocked")
        counters = self.counters(would_drop=12)
        self.assertEqual(counters["dropped"], 0)
        self.assertEqual(counters["would_drop"], counters["blocked"] + counters["evasive"])
        self.end_well(self.process)

    def test_prefixes_end_where_they_end(self):
        """Also those beside each other, at both ends of the addresses, and behind VLAN tags."""
        self.guard(sources=["0.0.0.0/8", "10.0.0.0/24", "10.0.1.0/25", "255.255.255.254/31"])
        device, network = self.pipes()
        sources = {"0.1.2.3": False, "1.0.0.0": True, "9.255.255.255": True, "10.0.0.0": False,
                   "10.0.0.255": False, "10.0.1.0": False, "10.0.1.127": False, "10.0.1.128": True,
                   "255.255.255.253": True, "255.255.255.254": False, "255.255.255.255": False}
        packets = {name: ipv4(17, udp(b"x"), source=name) for name in sources}
        for tags, kind in ((b"", 0x0800), (struct.pack("!HH", 7, 0x0800), 0x8100),
                           (struct.pack("!HHHH", 7, 0x8100, 8, 0x0800), 0x88a8)):
            frames = {name: ethernet(kind, tags + packet) for name, packet in packets.items()}
            for frame in frames.values():
                network.send(frame)
            passed = [frames[name] for name, passes in sources.items() if passes]
            self.assertEqual(receive_ours(device, len(passed)), passed)
        self.end_well(self.process)

    def test_all_but_one(self):
        self.guard(sources=["0.0.0.0/0", "::/0"], exempt=[OTHER_IP, OTHER_IP6])
        self.assertTrue(self.is_blocked(NETWORK_IP))
        self.assertEqual([self.reaches(source) for source in (OTHER_IP, OTHER_IP6)], [True, True])
        self.end_well(self.process)

    def test_a_trip_port_blocks_whoever_touches_it(self):
        self.guard(trip_ports=[23, 2323])
        self.knock("-p", "80", "-c", "5")
        self.assertTrue(self.reaches(OTHER_IP))
        self.knock("-p", "2323", "-c", "1")
        alert = self.alert("blocked-source")
        self.assertTrue(self.is_blocked(OTHER_IP))
        self.assertTrue(self.reaches(NETWORK_IP))
        self.assertEqual((alert["source"], alert["target"], alert["target_port"], alert["severity"],
                          alert["detail"]),
                         (OTHER_IP, DEVICE_IP, 2323, "high", "touched port 2323: blocked for 600 s"))
        self.end_well(self.process)

    def test_a_block_ends(self):
        self.guard(trip_ports=[23], block_s=1)
        self.knock("-p", "23", "-c", "1")
        self.assertIsNotNone(self.alert("blocked-source"))
        deadline = time.monotonic() + 60
        while self.is_blocked(OTHER_IP):
            self.assertLess(time.monotonic(), deadline)
        self.end_well(self.process)

    def test_a_scan_of_nmap_over_six_blocks_its_network(self):
        self.guard(trip_ports=[23])
        self.site.run("net", "nmap", "-6", "-n", "-Pn", "-sS", "--max-retries", "0", "-p", "23", "-S",
                      OTHER_IP6, "-e", "net0", DEVICE_IP6, check=False)
        self.assertEqual(self.alert("blocked-source")["source"], OTHER_IP6)
        self.assertTrue(self.is_blocked(NETWORK_IP6))  # the same /64
        self.assertTrue(self.reaches(NETWORK_IP))
        self.end_well(self.process)

    def test_who_is_blocked_by_an_address_of_the_link_is_so_alone(self):
        self.guard(trip_ports=[23], attempts=20, interval_s=3600)
        sources = ["fe80::a", "fe80::b", "fe80::c"]
        for role, link, address in [("dev", "dev0", "fe80::d")] + [("net", "net0", one) for one in sources]:
            ip("-n", self.site.names[role], "addr", "add", address + "/64", "dev", link)

        def knock(source, port):
            """One SYN: nobody waits long enough to send it again."""
            with inside(self.site.names["net"]), socket.socket(socket.AF_INET6) as client:
                scope = socket.if_nametoindex("net0")
                client.settimeout(0.1)
                client.bind((source, 0, 0, scope))
                client.connect_ex(("fe80::d", port, 0, scope))

        def way_of(source):
            return "fe80::d%net0", "-I", source + "%net0"

        self.assertTrue(all(self.ping(*way_of(source), role="net") for source in sources))
        for source, port, times in (("fe80::c", 80, 10), ("fe80::a", 23, 1), ("fe80::b", 80, 40)):
            for _ in range(times):
                knock(source, port)
        for source in ("fe80::a", "fe80::b"):
            self.assertIsNotNone(self.daemon.wait(
                lambda line: line.get("type") == "blocked-source" and line["source"] == source))
            self.assertTrue(self.is_cut_off(*way_of(source), role="net"))
        self.assertTrue(self.ping(*way_of("fe80::c"), role="net"))
        self.end_well(self.process)

    def test_too_many_attempts(self):
        self.guard(attempts=5, interval_s=60)
        self.knock("-p", "22", "-c", "5")
        self.assertTrue(self.reaches(OTHER_IP))
        self.knock("-p", "22", "-c", "3")
        self.assertEqual(self.alert("blocked-source")["detail"],
                         "more than 5 connections in 60 s: blocked for 600 s")
        self.assertTrue(self.is_blocked(OTHER_IP))
        self.assertTrue(self.reaches(NETWORK_IP))
        self.end_well(self.process)

    def test_a_crowd_of_sources_that_cannot_be_counted_is_told(self):
        self.guard(attempts=5, interval_s=600)
        self.knock("-p", "22", "-c", "12000", "--rand-source", "--faster")
        alert = self.alert("blocked-traffic")
        self.assertEqual(alert["detail"], "too many sources to count their connections")
        self.assertNotIn("source", alert)
        self.counters(crowded=100)
        self.assertTrue(self.reaches(NETWORK_IP))
        self.end_well(self.process)

    def test_the_host_is_not_blocked_unless_told(self):
        self.guard(trip_ports=[23], host_addresses=[OTHER_IP])
        self.knock("-p", "23", "-c", "3")
        self.assertTrue(self.reaches(OTHER_IP))
        self.assertEqual(self.counters()["tripped"], 0)
        self.end_well(self.process)

    def test_a_syn_in_fragments_does_not_get_around(self):
        self.guard(trip_ports=[23])
        device, network = self.pipes()
        segment = tcp(1, 23, 3, 2)
        for frame in (ethernet(0x0800, ipv4(6, segment[:8], fragment=0x2000)),
                      ethernet(0x0800, ipv4(6, segment[8:], fragment=1)),
                      ethernet(0x0800, ipv4(17, b"first fragment, " * 8, fragment=0x2000))):
            network.send(frame)
        arrived = receive_ours(device, 1)
        self.assertEqual([(frame[6:12], frame[23]) for frame in arrived], [(MAC_A, 17)])
        self.assertEqual(self.counters(evasive=2)["evasive"], 2)
        self.end_well(self.process)

    def test_what_is_no_address_is_told(self):
        process = self.site.umbox("block-ip", {"sources": ["10.0.0.0/33"]}, wire=False)
        self.assertEqual(process.wait(timeout=PATIENCE), 1)
        self.assertEqual(process.stdout.read(),
                         "parameter 'sources': '10.0.0.0/33' is no address and no prefix\n")

    def test_an_ordinary_hour_blocks_nobody(self):
        self.guard(sources=["192.0.2.0/24"], trip_ports=[23, 2323], attempts=100)
        ordinary_hour(self.site)
        counters = self.counters()
        self.assertEqual(self.alerts(), [])
        self.assertEqual(counters["dropped"], 0)
        self.assertGreater(counters["passed"], 1000)
        self.end_well(self.process)


if __name__ == "__main__":
    main()
