"""login-guard between two real links: real clients, a real guesser.  Needs root."""
import os

from umbox_case import Case, main
from umbox_site import DEVICE_IP, NETWORK_IP

# A camera's pages: one user with one password, over Basic; a page is made of ten parts.
CAMERA = """
import base64, http.server
GOOD = "Basic " + base64.b64encode(b"owner:correct horse").decode()
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        good = self.headers.get("Authorization") == GOOD
        body = b"picture" * 2000 if good else b"no"
        self.send_response(200 if good else 401)
        if not good:
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)
    do_HEAD = do_GET
    def log_message(self, *_):
        pass
print("up", flush=True)
http.server.ThreadingHTTPServer(("", 80), Handler).serve_forever()
"""


class LoginGuard(Case):
    def guarded_camera(self, **parameters):
        self.process = self.site.umbox("login-guard", parameters)
        server = self.site.start("dev", "/usr/bin/python3", "-c", CAMERA)
        self.assertEqual(server.stdout.readline(), "up\n")

    def curl(self, *words):
        return self.site.run("net", "curl", "-sS", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}",
                             *words, f"http://{DEVICE_IP}/", check=False)

    def alerts(self):
        self.counters()  # what was said before this heartbeat is there
        return [line for line in self.daemon.lines if line["kalki"] == "alert"]

    def test_hydra_is_seen_and_blocked(self):
        self.guarded_camera(block_s=3600, defaults=[])
        words = os.path.join(self.site.folder, "words")
        with open(words, "w", encoding="ascii") as file:
            file.writelines(f"secret{number}\n" for number in range(12))
        guesser = self.site.start("net", "env", "-C", self.site.folder, "hydra", "-q", "-I", "-w", "2",
                                  "-t", "2", "-l", "admin", "-P", words, f"http-get://{DEVICE_IP}/")
        alert = self.daemon.wait_kind("alert", seconds=60)
        guesser.terminate()
        self.assertEqual((alert["type"], alert["source"], alert["target"], alert["target_port"],
                          alert["count"]),
                         ("max-login-attempts", NETWORK_IP, DEVICE_IP, 80, 4))
        self.assertIn("as 'admin'", alert["detail"])
        self.assertFalse(self.ping(DEVICE_IP, role="net"))
        self.assertGreaterEqual(self.counters()["blocked"], 1)
        self.end_well(self.process)

    def test_factory_credentials_get_no_answer(self):
        self.guarded_camera()
        refused = self.curl("-u", "admin:admin")
        self.assertIn("reset", refused.stdout)
        alert = self.daemon.wait_kind("alert")
        self.assertEqual(alert["type"], "default-login")
        self.assertNotIn("admin:admin", str(alert))
        self.end_well(self.process)

    def test_an_hour_of_a_user_who_watches_is_no_attack(self):
        self.guarded_camera()
        # A picture a minute, as a page that reloads itself; twice the password mistyped.
        watch = [f"http://{DEVICE_IP}/{number}" for number in range(120)]
        for _ in range(2):
            self.assertEqual(self.curl("-u", "owner:correct hrose").stdout, "401")
        done = self.site.run("net", "curl", "-sS", "-u", "owner:correct horse", "-w", "%{http_code} ",
                             *(word for url in watch for word in ("-o", "/dev/null", url)))
        self.assertEqual(done.stdout.split(), ["200"] * len(watch))
        self.assertEqual(self.alerts(), [])
        counters = self.counters()
        self.assertEqual((counters["attempts"], counters["failures"]), (122, 2))
        self.assertEqual((counters["cut"], counters["evasive"]), (0, 0))
        self.end_well(self.process)


if __name__ == "__main__":
    main()
