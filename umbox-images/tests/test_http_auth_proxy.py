"""http-auth-proxy between two real links: curl, and a device that asks nobody who he is.  Needs root."""
import hashlib
import subprocess
import tempfile

from ordinary import ordinary_hour
from umbox_case import Case, main
from umbox_site import DEVICE_IP, DEVICE_IP6, NETWORK_IP, PATIENCE, PROGRAMS

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
server = Server(("::", 80), Handler)
print("up", flush=True)
server.serve_forever()
"""


# Tells what it was asked, and gives and takes much.
MIRROR = """
import hashlib, http.server, socket
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        if self.path.startswith("/much"):
            self.answer(b"0123456789abcdef" * 200000)
        else:
            self.answer(f"{self.path}\\n{self.headers}".encode())
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(hashlib.sha256(body).hexdigest().encode())
    def log_message(self, *_):
        pass
class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
server = Server(("::", 80), Handler)
print("up", flush=True)
server.serve_forever()
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
        return self.device.communicate(timeout=PATIENCE)[0].count("reached")

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
        self.assertEqual(self.counters(logins=2)["logins"], 2)
        self.assertEqual(self.times_reached(), 2)
        self.end_well(self.process)

    def test_guessers_are_locked_out(self):
        self.guarded_device({"attempts": 3, "interval_s": 3600})
        for number in range(3):
            self.assertEqual(self.log_in(f"guess{number}"), "401")
        alert = self.daemon.wait_kind("alert")
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
        self.assertTrue(self.daemon.wait_kind("alert"))
        self.assertTrue(self.is_cut_off(DEVICE_IP, role="net"))
        self.counters(blocked=1)
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

    def proxied_device(self):
        self.guard({"login_port": 0, "relay_port": 3128, "relay_hosts": ["lamp.lan"]})
        device = self.site.start("dev", "/usr/bin/python3", "-c", MIRROR)
        self.assertEqual(device.stdout.readline(), "up\n")

    def through(self, url, *words, login="alice:" + PASSWORD, address=DEVICE_IP):
        """What the device answers through the HTTP proxy, and the proxy's status of it."""
        while True:
            done = self.site.run("net", "curl", "-sS", "-m", "60", "-x", f"http://{address}:3128",
                                 *(("-U", login) if login else ()), "-w",
                                 "\n%{http_code} %{http_connect}", *words, url, check=False)
            body, _, status = done.stdout.rpartition("\n")
            if "503" not in status:  # another try came too soon before
                return body, status

    def test_an_http_proxy_leads_to_the_device_whoever_logs_in_with_each_request(self):
        self.proxied_device()
        page = f"http://{DEVICE_IP}/state?of=all"
        self.assertEqual(self.curl(page), "401")
        self.assertEqual(self.through(page, login=None)[1], "407 000")
        body, status = self.through(page)
        self.assertEqual(status, "200 000")
        self.assertTrue(body.startswith("/state?of=all\n"), body)
        self.assertIn(f"Host: {DEVICE_IP}", body)
        self.assertNotIn("proxy", body.lower())
        # It was that request's login, not the source's.
        self.assertEqual(self.curl(page), "401")
        self.assertEqual(self.through(page, login=None)[1], "407 000")
        self.assertEqual(self.through("http://lamp.lan/")[1], "200 000")
        self.assertEqual(self.through("http://elsewhere.lan/")[1], "403 000")
        self.assertEqual(self.through(f"http://{DEVICE_IP}:22/")[1], "403 000")
        self.assertEqual(self.through(f"http://[{DEVICE_IP6}]/", address=f"[{DEVICE_IP6}]")[1], "200 000")
        # A tunnel.
        self.assertEqual(self.through(page, "-p")[1], "200 200")
        self.assertEqual(self.through(page, "-p", login="alice:guess")[1], "000 407")
        self.assertEqual(self.counters(failures=1)["failures"], 1)
        self.assertEqual(self.alerts(), [])
        self.end_well(self.process)

    def test_much_goes_through_the_http_proxy_both_ways(self):
        self.proxied_device()
        much = b"0123456789abcdef" * 200000
        with tempfile.NamedTemporaryFile() as file:
            file.write(much)
            file.flush()
            for words in ((), ("-p",)):
                body, status = self.through(f"http://{DEVICE_IP}/take", "--data-binary",
                                            "@" + file.name, *words)
                self.assertEqual(body, hashlib.sha256(much).hexdigest())
                body, status = self.through(f"http://{DEVICE_IP}/much", *words)
                self.assertEqual(status.split()[0], "200")
                self.assertTrue(body.encode() == much)
        self.end_well(self.process)

    def test_passwords_must_be_hashed(self):
        process = self.site.umbox("http-auth-proxy", {"users": ["alice:" + PASSWORD]}, wire=False)
        output = process.communicate(timeout=60)[0]
        self.assertEqual(process.returncode, 1)
        self.assertIn("users[0]: its password is not hashed", output)


if __name__ == "__main__":
    main()
