"""anti-dos between two real links: floods of hping3, nmap, too many connections, a camera's hour.  Needs root."""
import socket

from ordinary import ordinary_hour
from test_kernel import MAC_A, assert_passes_the_zoo, ethernet, ipv4, receive_ours, tcp, zoo
from umbox_case import Case, main
from umbox_site import DEVICE_IP, DEVICE_IP6, NETWORK_IP, NETWORK_IP6, inside

PORT = 8080


class AntiDos(Case):
    def guard(self, host_addresses=(), shadow=False, **parameters):
        self.process = self.site.umbox("anti-dos", parameters, host_addresses=host_addresses,
                                       shadow=shadow)

    def listener(self, family=socket.AF_INET, address=DEVICE_IP):
        with inside(self.site.names["dev"]):
            end = socket.socket(family, socket.SOCK_STREAM)
        self.addCleanup(end.close)
        end.bind((address, PORT))
        end.listen(100)
        return end

    def connect(self, family=socket.AF_INET, address=DEVICE_IP):
        """A connected socket, or None when it is refused."""
        with inside(self.site.names["net"]):
            end = socket.socket(family, socket.SOCK_STREAM)
        end.settimeout(30)
        self.addCleanup(end.close)
        try:
            end.connect((address, PORT))
        except ConnectionRefusedError:
            return None
        return end

    def alert(self, kind, **more):
        return self.daemon.wait(lambda line: line["kalki"] == "alert" and line["type"] == kind, **more)

    def alerts(self):
        return [line for line in self.daemon.lines if line["kalki"] == "alert"]

    def flood(self, role, *words):
        """So many packets as fast as they go."""
        self.site.run(role, "hping3", "-q", "--faster", *words, check=False)

    def assert_told(self, kind, source, target, detail):
        """Answers to a flood may be one as well: those are told in their sender's name."""
        self.assertIsNotNone(self.daemon.wait(
            lambda line: line["kalki"] == "alert" and (
                line["type"], line["source"], line["target"], line["severity"],
                line["detail"]) == (kind, source, target, "high", detail)), self.alerts())

    # --- what passes

    def test_every_kind_of_frame_passes_unchanged_both_ways(self):
        self.guard()
        assert_passes_the_zoo(self)
        self.end_well(self.process)

    def test_bulk_with_offloads(self):
        self.guard(flow_per_s=1000000, udp_per_s=1000000, udp_all_per_s=1000000, device_per_s=1000000)
        for options in ((NETWORK_IP,), (NETWORK_IP, "-R"), (NETWORK_IP6,), (NETWORK_IP6, "-R"),
                        (NETWORK_IP, "-u", "-b", "200M")):
            self.bulk(*options)
        self.assertTrue(self.ping(NETWORK_IP, "-s", "20000"))
        self.assertTrue(self.ping(NETWORK_IP6, "-s", "20000"))
        counters = self.counters()
        self.assertEqual(counters["dropped"], 0)
        self.assertGreater(counters["passed"], 1000)
        self.end_well(self.process)

    def test_a_leg_that_was_down_forwards_again(self):
        self.guard()
        for state in ("down", "up"):
            self.site.run("box", "ip", "link", "set", "out", state)
        self.site.await_link("net", "net0")
        self.assertTrue(self.ping(NETWORK_IP))
        self.assertIsNone(self.process.poll())
        self.end_well(self.process)

    def test_nothing_passes_once_the_process_is_dead(self):
        self.guard()
        self.assertTrue(self.ping(NETWORK_IP))
        self.process.kill()
        self.assertTrue(self.daemon.wait_end())
        self.process.wait()
        device, network = self.pipes()
        device.send(zoo()[1])
        network.send(zoo()[1])
        self.assertEqual(receive_ours(network, 1, 1) + receive_ours(device, 1, 1), [])

    def test_in_shadow_it_tells_what_it_would_cut(self):
        self.guard(shadow=True, connections=1, icmp_per_s=1)
        assert_passes_the_zoo(self)  # also what is handed up, and what is copied up comes once
        device = self.listener()
        pairs = [(self.connect(), device.accept()[0]) for _ in range(3)]
        for client, server in pairs:
            client.sendall(b"all three")
            self.assertEqual(server.recv(100), b"all three")
        self.assertTrue(self.ping(DEVICE_IP, role="net"))
        self.assertIsNotNone(self.alert("too-many-connections"))
        self.assertIsNotNone(self.alert("icmp-flood"))
        for client, server in pairs:
            client.close()
            server.close()
        self.assertEqual(self.counters(would_drop=4)["dropped"], 0)
        self.end_well(self.process)

    # --- connections

    def test_a_source_has_five_connections_and_no_more(self):
        self.guard()
        for family, address, source in ((socket.AF_INET, DEVICE_IP, NETWORK_IP),
                                        (socket.AF_INET6, DEVICE_IP6, NETWORK_IP6)):
            device = self.listener(family, address)
            seen = len(self.daemon.lines)
            pairs = [(self.connect(family, address), device.accept()[0]) for _ in range(5)]
            self.assertIsNone(self.connect(family, address))
            alert = self.alert("too-many-connections", after=seen)
            self.assertEqual((alert["source"], alert["target"], alert["target_port"], alert["count"]),
                             (source, address, PORT, 1))
            for client, server in pairs:  # those that are open go on
                client.sendall(b"still here")
                self.assertEqual(server.recv(100), b"still here")
            pairs[2][0].close()  # a place is free once the device has closed as well
            pairs[2][1].close()
            self.assertTrue(self.eventually_connects(family, address))
            for client, server in pairs:
                client.close()
                server.close()
        self.end_well(self.process)

    def eventually_connects(self, family=socket.AF_INET, address=DEVICE_IP):
        """The copy of the end and the next SYN take different ways up."""
        return any(self.connect(family, address) for _ in range(100))

    def test_connections_that_end_are_not_held_against_anybody(self):
        self.guard()
        device = self.listener()
        for _ in range(20):
            client = self.connect() or self.connect() or self.connect()
            server = device.accept()[0]
            client.sendall(b"?")
            self.assertEqual(server.recv(10), b"?")
            server.close()
            self.assertEqual(client.recv(10), b"")
            client.close()
        self.end_well(self.process)

    def test_a_made_up_end_makes_no_room(self):
        """The client's word alone: what it says has ended is shut up when its place is given away."""
        self.guard(connections=1)
        device = self.listener()
        client = self.connect()
        server = device.accept()[0]
        port = client.getsockname()[1]
        for flag in ("-F", "-R"):
            self.site.run("net", "hping3", "-q", flag, "-s", str(port), "-k", "-p", str(PORT), "-M", "1",
                          "-c", "1", DEVICE_IP, check=False)
        self.assertTrue(self.eventually_connects())
        client.sendall(b"back")
        server.settimeout(0.5)
        self.assertRaises(TimeoutError, server.recv, 10)
        self.counters(silenced=1)
        server.close()
        self.end_well(self.process)

    def test_the_host_may_connect_as_often_as_it_likes(self):
        self.guard(host_addresses=[NETWORK_IP])
        self.listener()
        self.assertTrue(all([self.connect() for _ in range(12)]))
        self.assertEqual(self.alerts(), [])
        self.end_well(self.process)

    # --- floods

    def test_a_flood_of_syns_is_cut_to_its_limit(self):
        self.guard(connections=0)
        device, _ = self.pipes()
        self.flood("net", "-S", "-p", "80", "-c", "3000", DEVICE_IP)
        self.assert_told("syn-flood", NETWORK_IP, DEVICE_IP, "more than 100 SYNs/s of one source")
        counters = self.counters(syn=1000)
        self.assertEqual(counters["syn"], counters["dropped"])
        self.end_well(self.process)

    def test_a_flood_of_made_up_sources_is_cut_to_the_limit_of_all(self):
        self.guard(syn_all_per_s=50)
        self.flood("net", "-S", "-p", "80", "--rand-source", "-c", "3000", DEVICE_IP)
        alert = self.alert("syn-flood")
        self.assertEqual(alert["detail"], "more than 50 SYNs/s, all sources together")
        self.counters(syn_all=1000)
        self.end_well(self.process)

    def test_floods_of_udp_and_icmp(self):
        self.guard(udp_per_s=200)
        self.flood("net", "--udp", "-p", "554", "-c", "3000", DEVICE_IP)
        self.assert_told("udp-flood", NETWORK_IP, DEVICE_IP, "more than 200 packets/s of one source")
        self.flood("net", "--icmp", "-c", "3000", DEVICE_IP)
        self.assert_told("icmp-flood", NETWORK_IP, DEVICE_IP, "more than 50 packets/s of one source")
        self.assertTrue(self.site.run("net", "ping", "-6", "-c", "1", "-W", "10", DEVICE_IP6))
        self.end_well(self.process)

    def test_a_flood_in_one_connection(self):
        self.guard(flow_per_s=100)
        self.flood("net", "-A", "-p", "80", "-s", "4711", "-k", "-c", "3000", DEVICE_IP)
        self.assert_told("packet-flood", NETWORK_IP, DEVICE_IP,
                         "more than 100 packets/s in one conversation")
        self.end_well(self.process)

    def test_more_than_the_device_may_have(self):
        self.guard(device_per_s=100)
        self.flood("net", "-A", "-p", "80", "-c", "3000", DEVICE_IP)
        self.assert_told("packet-flood", NETWORK_IP, DEVICE_IP, "more than 100 packets/s altogether")
        self.end_well(self.process)

    def test_a_device_that_floods_is_seen_as_well(self):
        self.guard()
        self.flood("dev", "-S", "-p", "80", "-c", "3000", NETWORK_IP)
        self.assert_told("syn-flood", DEVICE_IP, NETWORK_IP, "more than 100 SYNs/s of one source")
        self.end_well(self.process)

    def test_a_scan_of_nmap_gets_its_share(self):
        self.guard()
        self.site.run("net", "nmap", "-n", "-Pn", "-sS", "--max-retries", "0", "--min-rate", "1000", "-p",
                      "1-2000", DEVICE_IP)
        self.assertIsNotNone(self.alert("syn-flood"))
        self.end_well(self.process)

    def test_tcp_in_fragments_is_dropped(self):
        self.guard()
        device, network = self.pipes()
        segment = tcp(1, 80, 3, 2) + bytes(36)
        evasive = [ethernet(0x0800, ipv4(6, segment[:8], fragment=0x2000)),
                   ethernet(0x0800, ipv4(6, segment[8:], fragment=1))]
        for frame in evasive + [ethernet(0x0800, ipv4(6, tcp(1, 80, 3, 0x10)))]:
            network.send(frame)
        arrived = receive_ours(device, 1)
        self.assertEqual([frame[6:12] for frame in arrived], [MAC_A])
        self.assertEqual(arrived[0][20:22], b"\0\0")
        self.assertEqual(self.counters(evasive=2)["evasive"], 2)
        self.end_well(self.process)

    def test_an_ordinary_hour_is_no_flood(self):
        self.guard()
        ordinary_hour(self.site)
        counters = self.counters()
        self.assertEqual(self.alerts(), [])
        self.assertEqual((counters["dropped"], counters["turned_away"]), (0, 0))
        self.assertGreaterEqual(counters["opened"], 60)
        self.end_well(self.process)


if __name__ == "__main__":
    main()
