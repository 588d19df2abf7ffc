# SPDX-License-Identifier: GPL-2.0-or-later
"""An ONVIF camera: device management over SOAP with HTTP Digest, and RTSP beside it."""
import hashlib
import re
import secrets
import socketserver

from .simulator import GARBAGE, Server, address, main
from .web import Answer, WebDevice, xml_answer

REALM = "ONVIF"
ENVELOPE = ('<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
            'xmlns:tds="http://www.onvif.org/ver10/device/wsdl" '
            'xmlns:tt="http://www.onvif.org/ver10/schema"><s:Body>{}</s:Body></s:Envelope>')
SDP = ("v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=Media\r\nt=0 0\r\n"
       "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=1\r\n")


def md5(*words):
    return hashlib.md5(":".join(words).encode()).hexdigest()


def soap(body, status=200):
    return xml_answer(ENVELOPE.format(body), status)


def fault(words, status=400):
    return soap("<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason>"
                f'<s:Text xml:lang="en">{words}</s:Text></s:Reason></s:Fault>', status)


class Rtsp(socketserver.StreamRequestHandler):
    """OPTIONS and DESCRIBE; everything else is refused."""

    def handle(self):
        while True:
            lines = []
            for raw in self.rfile:
                if not raw.strip():
                    break
                lines.append(raw.decode(errors="replace").strip())
            if not lines or not self.request_is_answered(lines):
                return

    def request_is_answered(self, lines):
        device = self.server.device
        method, _, rest = lines[0].partition(" ")
        sequence = next((line.partition(":")[2].strip() for line in lines[1:]
                         if line.lower().startswith("cseq:")), "0")
        device.note({"method": method, "path": rest.partition(" ")[0], "protocol": "RTSP"})
        trouble = device.think()
        if trouble == "cut":
            return False
        if trouble == "garbage":
            self.wfile.write(GARBAGE)
            return False
        body, headers, status = "", "", "200 OK"
        if trouble == "error":
            status = "503 Service Unavailable"
        elif method == "OPTIONS":
            headers = "Public: OPTIONS, DESCRIBE\r\n"
        elif method == "DESCRIBE":
            body, headers = SDP, "Content-Type: application/sdp\r\n"
        else:
            status = "405 Method Not Allowed"
        self.wfile.write(f"RTSP/1.0 {status}\r\nCSeq: {sequence}\r\n{headers}"
                         f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
        return True


class Onvif(WebDevice):
    """`users` are the accounts besides the administrator's; `relay` is its siren."""

    port = 8000
    standard = {"user": "admin", "password": "secret", "firmware": "5.7.3", "users": [],
                "relay": False, "reboots": 0}

    def __init__(self):
        super().__init__()
        self._nonce = secrets.token_hex(16)

    def add_options(self, parser):
        parser.add_argument("--rtsp", metavar="HOST:PORT", type=address, default=("0.0.0.0", 554))

    def start(self, options):
        super().start(options)
        Server(options.rtsp, Rtsp, self)

    def is_logged_in(self, request):
        kind, _, words = request.headers.get("authorization", "").partition(" ")
        said = {key: quoted or bare for key, quoted, bare
                in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', words)}
        if kind.lower() != "digest" or said.get("nonce") != self._nonce:
            return False
        first = md5(self.values["user"], REALM, self.values["password"])
        second = md5(request.method, said.get("uri", ""))
        wanted = md5(first, self._nonce, said.get("nc", ""), said.get("cnonce", ""),
                     said.get("qop", ""), second)
        return said.get("username") == self.values["user"] and said.get("response") == wanted

    def answer(self, request):
        if request.path != "/onvif/device_service" or request.method != "POST":
            return Answer("not found", 404)
        named = re.search(r"<(?:\w+:)?Body[^>]*>\s*<(?:\w+:)?(\w+)",
                          request.body.decode(errors="replace"))
        # Clients of Digest ask with an empty body first.
        if not (named and named[1] == "GetSystemDateAndTime") and not self.is_logged_in(request):
            challenge = f'Digest realm="{REALM}", qop="auth", nonce="{self._nonce}"'
            return Answer("", 401, headers={"WWW-Authenticate": challenge})
        if not named:
            return fault("no action")
        return self.action(named[1], request.body.decode(errors="replace"))

    def action(self, name, body):
        if name == "GetSystemDateAndTime":
            return soap("<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime>"
                        "<tt:DateTimeType>NTP</tt:DateTimeType></tds:SystemDateAndTime>"
                        "</tds:GetSystemDateAndTimeResponse>")
        if name == "GetDeviceInformation":
            return soap("<tds:GetDeviceInformationResponse>"
                        "<tds:Manufacturer>Example</tds:Manufacturer><tds:Model>IPC-1</tds:Model>"
                        f"<tds:FirmwareVersion>{self.values['firmware']}</tds:FirmwareVersion>"
                        "</tds:GetDeviceInformationResponse>")
        if name == "GetUsers":
            users = "".join(
                f"<tds:User><tt:Username>{user}</tt:Username>"
                "<tt:UserLevel>Administrator</tt:UserLevel></tds:User>"
                for user in [self.values["user"], *self.values["users"]])
            return soap(f"<tds:GetUsersResponse>{users}</tds:GetUsersResponse>")
        if name == "SetRelayOutputState":
            state = re.search(r"LogicalState>\s*(active|inactive)\s*<", body)
            if not state:
                return fault("no LogicalState")
            self.values["relay"] = state[1] == "active"
            return soap("<tds:SetRelayOutputStateResponse/>")
        if name == "SystemReboot":
            self.values["reboots"] += 1
            return soap("<tds:SystemRebootResponse><tds:Message>Rebooting</tds:Message>"
                        "</tds:SystemRebootResponse>")
        return fault("ActionNotSupported")


if __name__ == "__main__":
    main(Onvif(), __doc__)
