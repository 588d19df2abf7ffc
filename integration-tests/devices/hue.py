# SPDX-License-Identifier: GPL-2.0-or-later
"""A Philips Hue bridge: its HTTP/JSON API with tokens, lights and their states."""
import secrets
import threading

from .simulator import main
from .web import Answer, WebDevice, json_answer, xml_answer

SERIAL = "ecb5fa0a0b0c"


def error(kind, path, words):
    return [{"error": {"type": kind, "address": path, "description": words}}]


class Hue(WebDevice):
    """`on` is a list: one value for each light.  New tokens need the link button (`do: press`)."""

    port = 80
    standard = {"on": [True], "brightness": 254, "reachable": True}
    happenings = ("press",)

    def __init__(self):
        super().__init__()
        self._lock = threading.Lock()
        self._tokens = set()
        self._pressed = False

    def add_options(self, parser):
        parser.add_argument("--token", action="append", default=[], help="a token it knows")

    def start(self, options):
        self._tokens.update(options.token)
        super().start(options)

    def happen(self, what):
        self._pressed = True

    def light(self, number):
        return {"name": f"Light {number}", "type": "Extended color light", "modelid": "LCT015",
                "uniqueid": f"00:17:88:01:00:00:00:{number:02x}-0b", "swversion": "1.50.2",
                "state": {"on": self.values["on"][number - 1], "bri": self.values["brightness"],
                          "alert": "none", "reachable": self.values["reachable"]}}

    def lights(self):
        return {str(number): self.light(number)
                for number in range(1, len(self.values["on"]) + 1)}

    @staticmethod
    def config():
        return {"name": "Hue Bridge", "bridgeid": SERIAL.upper(), "apiversion": "1.41.0",
                "swversion": "1941132080", "modelid": "BSB002"}

    def answer(self, request):
        parts = request.path.partition("?")[0].strip("/").split("/")
        if parts == ["description.xml"]:
            return xml_answer(
                '<root xmlns="urn:schemas-upnp-org:device-1-0"><device>'
                '<manufacturer>Signify</manufacturer><modelName>Philips hue bridge 2015</modelName>'
                f'<serialNumber>{SERIAL}</serialNumber></device></root>')
        if parts[0] != "api":
            return Answer("not found", 404)
        with self._lock:
            return json_answer(self.api(request.method, parts[1:], request.json()))

    def api(self, method, parts, body):
        if not parts:
            return self.new_token(body)
        if parts == ["config"]:
            return self.config()
        path = "/" + "/".join(parts[1:])
        if parts[0] not in self._tokens:
            return error(1, path, "unauthorized user")
        if method == "GET":
            return self.read(parts[1:], path)
        if method == "PUT" and len(parts) == 4 and parts[1] == "lights" and parts[3] == "state":
            return self.set_state(parts[2], body, path)
        return error(4, path, f"method, {method}, not available for resource, {path}")

    def new_token(self, body):
        if not isinstance(body, dict) or not body.get("devicetype"):
            return error(5, "/", "invalid/missing parameters in body")
        if not self._pressed:
            return error(101, "", "link button not pressed")
        self._pressed = False
        token = secrets.token_urlsafe(30)
        self._tokens.add(token)
        return [{"success": {"username": token}}]

    def read(self, parts, path):
        lights = self.lights()
        if not parts:
            return {"lights": lights, "groups": {}, "config": self.config()}
        if parts == ["config"]:
            return self.config()
        if parts == ["lights"]:
            return lights
        if len(parts) == 2 and parts[0] == "lights" and parts[1] in lights:
            return lights[parts[1]]
        return error(3, path, f"resource, {path}, not available")

    def set_state(self, number, body, path):
        if number not in self.lights():
            return error(3, path, f"resource, {path}, not available")
        if not isinstance(body, dict):
            return error(2, path, "body contains invalid json")
        done = []
        for key, worth in body.items():
            if key == "on" and isinstance(worth, bool):
                self.values["on"][int(number) - 1] = worth
            elif key == "bri" and isinstance(worth, int) and 1 <= worth <= 254:
                self.values["brightness"] = worth
            else:
                done += error(6, f"{path}/{key}", f"parameter, {key}, not available")
                continue
            done.append({"success": {f"{path}/{key}": worth}})
        return done


if __name__ == "__main__":
    main(Hue(), __doc__)
