"""dns-guard between two real links: dig, a small server, and a camera's hour.  Needs root."""
from ordinary import ordinary_hour
from umbox_case import Case, main
from umbox_site import DEVICE_IP, NETWORK_IP

# Answers over UDP and TCP: names below "private" live in 10.0.0.1, others in 203.0.113.7; who asks for
# type HTTPS (65) gets the address as a hint.
SERVER = """
import socket, socketserver, struct, threading
def answer(query):
    address = "10.0.0.1" if b"private" in query else "203.0.113.7"
    end = query.index(b"\\0", 12) + 5
    data = socket.inet_aton(address)
    if query[end - 3] == 65:
        data = b"\\0\\1\\0" + struct.pack("!HH", 4, 4) + data
    return (query[:2] + b"\\x81\\x80\\0\\1\\0\\1\\0\\0\\0\\0" + query[12:end] + b"\\xc0\\x0c" +
            query[end - 4:end] + struct.pack("!IH", 60, len(data)) + data)
class Udp(socketserver.BaseRequestHandler):
    def handle(self):
        self.request[1].sendto(answer(self.request[0]), self.client_address)
class Tcp(socketserver.StreamRequestHandler):
    def handle(self):
        head = self.rfile.read(2)
        if len(head) == 2:
            told = answer(self.rfile.read(struct.unpack("!H", head)[0]))
            self.wfile.write(struct.pack("!H", len(told)) + told)
udp = socketserver.UDPServer(("%s", 53), Udp)
tcp = socketserver.TCPServer(("%s", 53), Tcp)
threading.Thread(target=tcp.serve_forever, daemon=True).start()
print("up", flush=True)
udp.serve_forever()
""" % (NETWORK_IP, NETWORK_IP)


class DnsGuard(Case):
    def guard(self, serve=True, **parameters):
        self.process = self.site.umbox("dns-guard", parameters)
        if serve:
            server = self.site.start("net", "/usr/bin/python3", "-c", SERVER)
            self.assertEqual(server.stdout.readline(), "up\n")

    def dig(self, name, *options, good=True):
        """What dig found; a bad one is waited for in vain a second only."""
        patience = ("+time=20", "+tries=3") if good else ("+time=1", "+tries=1")
        return self.site.run("dev", "dig", f"@{NETWORK_IP}", "+short", *patience, *options, name,
                             check=False).stdout.strip()

    def assert_told(self, kind, words):
        alert = self.daemon.wait(lambda line: line.get("type") == kind)
        self.assertIsNotNone(alert, kind)
        self.assertEqual((alert["source"], alert["target"], alert["target_port"]),
                         (DEVICE_IP, NETWORK_IP, 53))
        self.assertIn(words, alert["detail"])

    def test_names_over_udp_and_tcp(self):
        self.guard(deny=["evil.example", "*.evil.example"])
        for option in ("+notcp", "+tcp"):
            self.assertEqual(self.dig("api.camera.example", option), "203.0.113.7")
            self.assertNotIn("203.0.113.7", self.dig("c2.evil.example", option, good=False))
        self.assert_told("dns-denied", "c2.evil.example")
        self.counters(denied=2)
        self.end_well(self.process)

    def test_rebinding_over_udp_and_tcp(self):
        self.guard()
        for option in ("+notcp", "+tcp"):
            self.assertNotIn("10.0.0.1", self.dig("private.evil.example", option, good=False))
            self.assertEqual(self.dig("private.lan", option), "10.0.0.1")
            self.assertNotIn("10.0.0.1", self.dig("private.evil.example", option, "-t", "TYPE65", good=False))
            self.assertTrue(self.dig("private.lan", option, "-t", "TYPE65"))
        self.assert_told("dns-rebinding", "10.0.0.1 as address of private.evil.example")
        self.end_well(self.process)

    def test_a_tunnel(self):
        self.guard()
        for number in range(5):
            found = self.dig(f"{number}f1c0b9e2d7a48355f0e9c1b7d3a6284.qx7.io", good=number < 4)
            self.assertEqual("203.0.113.7" in found, number < 4)
        self.assert_told("dns-tunnel", "below qx7.io")
        self.assertEqual(self.dig("api.camera.example"), "203.0.113.7")
        self.end_well(self.process)

    def test_an_ordinary_hour_is_nothing(self):
        self.guard(serve=False, allow=["*.example"])
        ordinary_hour(self.site)
        counters = self.counters(questions=60)
        self.assertEqual([line for line in self.daemon.lines if line["kalki"] == "alert"], [])
        self.assertEqual((counters["questions"], counters["odd"]), (60, 0))
        self.end_well(self.process)


if __name__ == "__main__":
    main()
