"""wemo-decoy between two real links: curl, and the simulated WeMo behind it.  Needs root."""
import os
import pathlib

from umbox_case import Case, main
from umbox_site import DEVICE_IP, DEVICE_IP6, NETWORK_IP

DEVICES = pathlib.Path(__file__).resolve().parents[2] / "integration-tests"
SERVICE = "urn:Belkin:service:"
BODY = "<s:Envelope><s:Body><BinaryState>{}</BinaryState></s:Body></s:Envelope>"


class WemoDecoy(Case):
    def decoy(self, parameters=None, **more):
        self.process = self.site.umbox("wemo-decoy", parameters, **more)
        wemo = self.site.start("dev", "/usr/bin/python3", "-m", "devices.wemo",
                               cwd=DEVICES, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"})
        self.assertEqual(wemo.stdout.readline(), "ready\n")

    def curl(self, *words, role="net"):
        return self.site.run(role, "curl", "-sS", "-m", "20", *words, check=False).stdout

    def act(self, service, action, body="", **more):
        return self.curl("-H", f'SOAPACTION: "{SERVICE}{service}:1#{action}"', "-d", body or "<x/>",
                         f"http://{DEVICE_IP}:49153/upnp/control/{service}1", **more)

    def real_state(self):
        return self.site.run("dev", "curl", "-sS", "-m", "20", "-H",
                             f'SOAPACTION: "{SERVICE}basicevent:1#GetBinaryState"', "-d", "<x/>",
                             "http://127.0.0.1:49153/upnp/control/basicevent1").stdout

    def test_it_is_switched_and_the_device_is_not(self):
        self.decoy({"name": "Kitchen lamp"})
        self.assertIn("<friendlyName>Kitchen lamp<", self.curl(f"http://{DEVICE_IP}:49153/setup.xml"))
        self.assertIn("<friendlyName>Kitchen lamp<", self.curl(f"http://[{DEVICE_IP6}]:49153/setup.xml"))
        self.assertIn("GetPower", self.curl(f"http://{DEVICE_IP}:49153/insightservice.xml"))
        self.assertIn("<BinaryState>0<", self.act("basicevent", "SetBinaryState", BODY.format(0)))
        self.assertIn("<BinaryState>0<", self.act("basicevent", "GetBinaryState"))
        self.assertIn("<InsightParams>0|", self.act("insight", "GetInsightParams"))
        self.assertIn("<BinaryState>1<", self.real_state())
        self.assertTrue(self.is_cut_off(DEVICE_IP, role="net"))
        self.assertIn("Failed to connect", self.curl(f"http://{DEVICE_IP}:22/"))
        alert = self.daemon.wait_kind("alert")
        self.assertEqual((alert["type"], alert["source"], alert["target"], alert["target_port"]),
                         ("decoy-touched", NETWORK_IP, DEVICE_IP, 49153))
        self.assertEqual(self.counters(requests=6)["requests"], 6)
        self.end_well(self.process)

    def test_the_daemon_sees_the_device_itself(self):
        self.decoy({"is_on": False}, host_addresses=[NETWORK_IP])
        for _ in range(30):
            self.assertIn("<BinaryState>1<", self.act("basicevent", "GetBinaryState"))
        self.assertTrue(self.ping(DEVICE_IP, role="net"))
        counters = self.counters()
        self.assertEqual((counters["requests"], counters["alerts"]), (0, 0))
        self.end_well(self.process)

    def test_recorded_pages(self):
        page = "<html>" + "camera " * 3000 + "</html>"
        self.decoy({"ports": [80], "wemo": False, "pages": ["/index.html text/html " + page]})
        self.assertEqual(self.curl(f"http://{DEVICE_IP}/index.html"), page)
        self.assertIn("404", self.curl(f"http://{DEVICE_IP}/setup.xml"))
        self.end_well(self.process)

    def test_recorded_files(self):
        """Answers that a real camera gave, as curl keeps them, and a picture."""
        pages, picture = pathlib.Path(self.site.folder) / "pages", bytes(range(256)) * 150
        (pages / "cgi").mkdir(parents=True)
        (pages / "index.html").write_text("<html>camera</html>")
        (pages / "shot.jpg").write_bytes(picture)
        refusal = b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="DCS-932L"\r\n\r\nno'
        (pages / "cgi/user").write_bytes(refusal)
        os.environ["UMBOX_PAGES"] = str(pages)
        self.addCleanup(os.environ.pop, "UMBOX_PAGES")
        self.decoy({"ports": [80], "wemo": False})
        self.assertEqual(self.curl(f"http://{DEVICE_IP}/"), "<html>camera</html>")
        self.assertIn("Content-Type: image/jpeg", self.curl("-I", f"http://{DEVICE_IP}/shot.jpg"))
        kept = pages / "fetched"
        self.curl("-o", str(kept), f"http://[{DEVICE_IP6}]/shot.jpg")
        self.assertEqual(kept.read_bytes(), picture)
        for more in ((), ("-d", "user=admin"), ("-u", "admin:admin")):
            told = self.curl("-i", *more, f"http://{DEVICE_IP}/cgi/user")
            self.assertEqual(told.replace("\r\n", "\n"), refusal.decode().replace("\r\n", "\n"))
        self.end_well(self.process)


if __name__ == "__main__":
    main()
