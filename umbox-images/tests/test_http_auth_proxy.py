"""http-auth-proxy between two real links: curl, and a device that asks nobody who he is.  Needs root."""
import subprocess

from ordinary import ordinary_hour
from umbox_case import Case, main
from umbox_site import DEVICE_IP, DEVICE_IP6, NETWORK_IP, PROGRAMS

PASSWORD = "open sesame"

# Counts the connections that reach it.
DEVICE = """
import http.server, socket
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"switch" * 5000
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    def get_request(self):
        print("reached", flush=True)
        return super().get_request()
print("up", flush=True)
Server(("::", 80), Handler).serve_forever()
"""


class HttpAuthProxy(Case):
    def guard(self, parameters=None, **more):
        made = subprocess.run([str((PROGRAMS / "http-auth-proxy").absolute()), "hash"], input=PASSWORD,
                              capture_output=True, text=True, check=True, timeout=60)
        users = ["bob:" + made.stdout.strip(), "alice:" + made.stdout.strip()]
        # The machine may be slow between a login and its use.
        self.process = self.site.umbox("http-auth-proxy",
                                       {"users": users, "first_packet_s": 3600} | (parameters or {}),
                                       **more)

    def guarded_device(self, parameters=None, **more):
        self.guard(parameters, **more)
        self.device = self.site.start("dev", "/usr/bin/python3", "-c", DEVICE)
        self.assertEqual(self.device.stdout.readline(), "up\n")

    def curl(self, url, *words):
        return self.site.run("net", "curl", "-sS", "-m", "20", "-o", "/dev/null", "-w", "%{http_code}",
                             *words, url, check=False).stdout

    def log_in(self, password=PASSWORD, address=DEVICE_IP):
        while True:
            status = self.curl(f"http://{address}:9010/", "-u", "alice:" + password)
            if status != "503":  # another try came too soon before
                return status

    def times_reached(self):
        self.device.kill()
        return self.device.communicate(timeout=10)[0].count("reached")

    def alerts(self):
        self.counters()  # what was said before this heartbeat is there
        return [line for line in self.daemon.lines if line["kalki"] == "alert"]

    def test_the_device_is_open_after_a_login_and_not_before(self):
        self.guarded_device()
        page = f"http://{DEVICE_IP}/"
        self.assertEqual(self.curl(page), "401")
        self.assertEqual(self.curl(page, "-u", "alice:" + PASSWORD), "401")
        self.assertEqual(self.curl(f"http://{DEVICE_IP}:9010/"), "401")
        self.assertIn("Failed to connect", self.curl(f"http://{DEVICE_IP}:22/"))
        self.assertEqual(self.log_in(), "200")
        self.assertEqual(self.curl(page), "200")
        # The other family is another source.
        page6 = f"http://[{DEVICE_IP6}]/"
        self.assertEqual(self.curl(page6), "401")
        self.assertEqual(self.log_in(address=f"[{DEVICE_IP6}]"), "200")
        self.assertEqual(self.curl(page6), "200")
        self.assertEqual(self.alerts(), [])
        self.assertEqual(self.counters()["logins"], 2)
        self.assertEqual(self.times_reached(), 2)
        self.end_well(self.process)

    def test_guessers_are_locked_out(self):
        self.guarded_device({"attempts": 3, "interval_s": 3600})
        for number in range(3):
            self.assertEqual(self.log_in(f"guess{number}"), "401")
        alert = self.daemon.wait_kind("alert", seconds=60)
        self.assertEqual((alert["type"], alert["source"], alert["target"], alert["target_port"],
                          alert["count"]),
                         ("proxy-failed-auth", NETWORK_IP, DEVICE_IP, 9010, 3))
        self.assertNotIn("guess", str(alert))
        self.assertEqual(self.log_in(), "429")
        self.assertEqual(self.curl(f"http://{DEVICE_IP}/"), "401")
        self.assertTrue(self.ping(DEVICE_IP, role="net"))
        self.assertEqual(self.times_reached(), 0)
        self.end_well(self.process)

    def test_guessers_are_blocked_if_told_to(self):
        self.guarded_device({"attempts": 1, "block_s": 3600})
        self.curl(f"http://{DEVICE_IP}:9010/", "-u", "alice:guess")
        self.assertTrue(self.daemon.wait_kind("alert", seconds=60))
        self.assertFalse(self.ping(DEVICE_IP, role="net"))
        self.assertGreaterEqual(self.counters()["blocked"], 1)
        self.end_well(self.process)

    def test_an_hour_of_ordinary_use_is_no_attack(self):
        self.guarded_device()
        # A user mistypes his password once, logs in, and looks every half minute.
        self.assertEqual(self.log_in("mistyped"), "401")
        self.assertEqual(self.log_in(), "200")
        pages = self.curl(f"http://{DEVICE_IP}/?[1-120]", "-w", "%{http_code} ")
        self.assertEqual(pages.split().count("200"), 120, pages)
        self.assertEqual(self.alerts(), [])
        self.end_well(self.process)

    def test_an_hour_of_other_traffic_passes(self):
        self.guard()
        self.assertEqual(self.log_in(), "200")
        ordinary_hour(self.site)
        self.assertEqual(self.alerts(), [])
        self.assertEqual(self.counters()["turned_away"], 0)
        self.end_well(self.process)

    def test_what_the_device_opens_needs_no_login(self):
        self.guard()
        server = self.site.start("net", "/usr/bin/python3", "-c", DEVICE)
        self.assertEqual(server.stdout.readline(), "up\n")
        fetched = self.site.run("dev", "curl", "-sS", "-m", "20", f"http://{NETWORK_IP}/", check=False)
        self.assertEqual(fetched.stdout, "switch" * 5000)
        self.assertTrue(self.ping(NETWORK_IP))
        self.end_well(self.process)

    def test_the_daemon_needs_no_login(self):
        self.guarded_device(host_addresses=[NETWORK_IP])
        self.assertEqual(self.curl(f"http://{DEVICE_IP}/"), "200")
        self.end_well(self.process)

    def test_passwords_must_be_hashed(self):
        process = self.site.umbox("http-auth-proxy", {"users": ["alice:" + PASSWORD]}, wire=False)
        output = process.communicate(timeout=60)[0]
        self.assertEqual(process.returncode, 1)
        self.assertIn("users[0]: its password is not hashed", output)


if __name__ == "__main__":
    main()
