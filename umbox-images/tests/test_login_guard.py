"""login-guard between two real links: real clients, a real guesser.  Needs root."""
import http.client
import os
import socket

from ordinary import ordinary_hour
from umbox_case import Case, main
from umbox_site import DEVICE_IP, NETWORK_IP, inside

# A camera's pages: one user with one password, over Basic; a page is made of ten parts.  What is posted
# is refused.
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
        if self.command != "HEAD":
            self.wfile.write(body)
    do_HEAD = do_GET
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("", 80), Handler)
print("up", flush=True)
server.serve_forever()
"""

# FTP and Telnet, where nobody has the right password.
LINES = """
import socketserver, threading
class Ftp(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"220 camera\\r\\n")
        for line in self.rfile:
            user = line.upper().startswith(b"USER")
            self.wfile.write(b"331 password\\r\\n" if user else b"530 no\\r\\n")
class Telnet(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"camera login: ")
        while self.rfile.readline():
            self.wfile.write(b"Password: ")
            self.rfile.readline()
            self.wfile.write(b"\\r\\nLogin incorrect\\r\\ncamera login: ")
servers = [socketserver.ThreadingTCPServer(("", 21), Ftp), socketserver.ThreadingTCPServer(("", 23), Telnet)]
print("up", flush=True)
threading.Thread(target=servers[0].serve_forever).start()
servers[1].serve_forever()
"""


class LoginGuard(Case):
    def guarded_camera(self, **parameters):
        self.process = self.site.umbox("login-guard", parameters)
        server = self.site.start("dev", "/usr/bin/python3", "-c", CAMERA)
        self.assertEqual(server.stdout.readline(), "up\n")

    def words(self, count):
        path = os.path.join(self.site.folder, "words")
        with open(path, "w", encoding="ascii") as file:
            file.writelines(f"secret{number}\n" for number in range(count))
        return path

    def alert_at(self, port):
        """What kind of alert comes first that names this port."""
        return self.daemon.wait(lambda line: line["kalki"] == "alert" and line["target_port"] == port,
                                seconds=60)["type"]

    def curl(self, *words):
        return self.site.run("net", "curl", "-sS", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}",
                             *words, f"http://{DEVICE_IP}/", check=False)

    def alerts(self):
        self.counters()  # what was said before this heartbeat is there
        return [line for line in self.daemon.lines if line["kalki"] == "alert"]

    def test_hydra_is_seen_and_blocked(self):
        self.guarded_camera(block_s=3600, defaults=[])
        words = self.words(12)
        guesser = self.site.start("net", "env", "-C", self.site.folder, "hydra", "-q", "-I", "-w", "2",
                                  "-t", "2", "-l", "admin", "-P", words, f"http-get://{DEVICE_IP}/")
        alert = self.daemon.wait_kind("alert")
        guesser.terminate()
        self.assertEqual((alert["type"], alert["source"], alert["target"], alert["target_port"],
                          alert["count"]),
                         ("max-login-attempts", NETWORK_IP, DEVICE_IP, 80, 4))
        self.assertIn("as 'admin'", alert["detail"])
        self.assertTrue(self.is_cut_off(DEVICE_IP, role="net"))
        self.counters(blocked=1)
        self.end_well(self.process)

    def test_factory_credentials_get_no_answer(self):
        self.guarded_camera()
        refused = self.curl("-u", "admin:admin")
        self.assertIn("reset", refused.stdout)
        alert = self.daemon.wait_kind("alert")
        self.assertEqual(alert["type"], "default-login")
        self.assertNotIn("admin:admin", str(alert))
        self.end_well(self.process)

    def test_forms_ftp_and_telnet(self):
        self.guarded_camera(alert_pause_s=0)
        server = self.site.start("dev", "/usr/bin/python3", "-c", LINES)
        self.assertEqual(server.stdout.readline(), "up\n")
        self.assertIn("reset", self.curl("-d", "x=1&username=admin&password=%61dmin").stdout)
        self.assertEqual(self.alert_at(80), "default-login")
        self.site.run("net", "curl", "-sS", "-m", "20", f"ftp://admin:admin@{DEVICE_IP}/", check=False)
        self.assertEqual(self.alert_at(21), "default-login")
        for _ in range(4):  # who does not wait to be asked
            with inside(self.site.names["net"]):
                guesser = socket.create_connection((DEVICE_IP, 23), timeout=20)
            guesser.sendall(b"bob\r\nguess\r\n")
            while b"incorrect" not in guesser.recv(4096):
                continue
            guesser.close()
        self.assertEqual(self.alert_at(23), "max-login-attempts")
        self.end_well(self.process)

    def test_parts_and_json(self):
        self.guarded_camera(alert_pause_s=0)
        for form in (("-F", "x=1", "-F", "username=admin", "-F", "password=admin"),
                     ("-d", '{"cmd": "Login", "param": {"userName": "admin", "password": "\\u0061dmin"}}')):
            self.daemon.lines.clear()
            self.assertIn("reset", self.curl(*form).stdout)
            self.assertEqual(self.alert_at(80), "default-login")
        self.daemon.lines.clear()
        for number in range(4):
            guess = '{"username": "bob", "password": "%d"}' % number
            self.assertEqual(self.curl("-H", "Content-Type: application/json", "-d", guess).stdout, "401")
        self.assertEqual(self.alert_at(80), "max-login-attempts")
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
        counters = self.counters(attempts=122, failures=2)
        self.assertEqual((counters["attempts"], counters["failures"]), (122, 2))
        self.assertEqual((counters["cut"], counters["evasive"]), (0, 0))
        self.end_well(self.process)

    def test_an_hour_of_other_traffic_passes(self):
        self.process = self.site.umbox("login-guard")
        ordinary_hour(self.site)
        self.assertEqual(self.alerts(), [])
        counters = self.counters()
        self.assertEqual((counters["cut"], counters["evasive"]), (0, 0))
        self.end_well(self.process)

    def test_a_session_goes_on_when_the_umbox_changes(self):
        self.guarded_camera()
        session = http.client.HTTPConnection(DEVICE_IP, timeout=20)
        with inside(self.site.names["net"]):
            session.connect()
        self.addCleanup(session.close)

        def ask(login):
            session.request("GET", "/", headers={"Authorization": "Basic " + login})
            answer = session.getresponse()
            answer.read()
            return answer.status

        owner = "b3duZXI6Y29ycmVjdCBob3JzZQ=="
        self.assertEqual(ask(owner), 200)
        self.end_well(self.process)
        self.daemon.go_away()
        self.daemon.listen()
        self.daemon.lines.clear()
        self.process = self.site.umbox("login-guard", wire=False)
        self.assertTrue(self.daemon.wait_kind("ready"))
        for _ in range(9):
            self.assertEqual(ask(owner), 200)
        self.assertEqual(self.alerts(), [])
        with self.assertRaises(ConnectionError):
            ask("YWRtaW46YWRtaW4=")  # admin:admin
        self.assertEqual(self.daemon.wait_kind("alert")["type"], "default-login")
        self.end_well(self.process)


if __name__ == "__main__":
    main()
