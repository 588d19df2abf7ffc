# SPDX-License-Identifier: GPL-2.0-or-later
"""A WeMo Insight: a metering switch that is asked over UPnP (SOAP)."""
import re

from .simulator import main
from .web import Answer, WebDevice, xml_answer

SERIAL = "231550K1200001"
SERVICES = {"basicevent": "/upnp/control/basicevent1", "insight": "/upnp/control/insight1"}
ENVELOPE = ('<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
            's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>{}</s:Body>'
            '</s:Envelope>')
MW_MINUTES_OF_KWH = 60_000_000


def said(service, action, **values):
    inner = "".join(f"<{key}>{worth}</{key}>" for key, worth in values.items())
    return xml_answer(ENVELOPE.format(
        f'<u:{action}Response xmlns:u="urn:Belkin:service:{service}:1">{inner}'
        f'</u:{action}Response>'))


def upnp_fault(code, words):
    return xml_answer(ENVELOPE.format(
        "<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail>"
        '<UPnPError xmlns="urn:schemas-upnp-org:control-1-0">'
        f"<errorCode>{code}</errorCode><errorDescription>{words}</errorDescription></UPnPError>"
        "</detail></s:Fault>"), 500)


class Wemo(WebDevice):
    """Power is in mW; times are in seconds, `lastchange` in seconds since 1970."""

    port = 49153
    standard = {"isOn": True, "current_power": 12000, "today_kwh": 0.05, "on_for": 60,
                "today_on_time": 3600, "today_standby_time": 600, "lastchange": 1600000000,
                "power_threshold": 8000}

    def insight_params(self):
        """Eleven fields in a row, as the firmware tells them."""
        now = self.values
        state = 0 if not now["isOn"] else 1 if now["current_power"] >= now["power_threshold"] else 8
        today = round(now["today_kwh"] * MW_MINUTES_OF_KWH)
        return "|".join(map(str, (
            state, now["lastchange"], now["on_for"], now["today_on_time"], now["today_on_time"],
            1209600, 19, now["current_power"], today, f"{today}.000000", now["power_threshold"])))

    def setup_xml(self):
        services = "".join(
            f"<service><serviceType>urn:Belkin:service:{name}:1</serviceType>"
            f"<serviceId>urn:Belkin:serviceId:{name}1</serviceId><controlURL>{path}</controlURL>"
            f"<eventSubURL>/upnp/event/{name}1</eventSubURL><SCPDURL>/{name}service.xml</SCPDURL>"
            "</service>" for name, path in SERVICES.items())
        return xml_answer(
            '<root xmlns="urn:Belkin:device-1-0"><specVersion><major>1</major><minor>0</minor>'
            "</specVersion><device><deviceType>urn:Belkin:device:insight:1</deviceType>"
            "<friendlyName>WeMo Insight</friendlyName><manufacturer>Belkin International Inc."
            "</manufacturer><modelName>Insight</modelName><modelNumber>1.0</modelNumber>"
            f"<serialNumber>{SERIAL}</serialNumber><UDN>uuid:Insight-1_0-{SERIAL}</UDN>"
            "<firmwareVersion>WeMo_WW_2.00.11532.PVT-OWRT-Insight</firmwareVersion>"
            f"<binaryState>{int(self.values['isOn'])}</binaryState>"
            f"<serviceList>{services}</serviceList></device></root>")

    def answer(self, request):
        if request.method == "GET":
            return self.setup_xml() if request.path == "/setup.xml" else Answer("not found", 404)
        named = re.fullmatch(r'"?urn:Belkin:service:(\w+):1#(\w+)"?',
                             request.headers.get("soapaction", ""))
        if not named or SERVICES.get(named[1]) != request.path:
            return upnp_fault(401, "Invalid Action")
        return self.action(named[1], named[2], request.body.decode(errors="replace"))

    def action(self, service, name, body):
        if name == "GetInsightParams" and service == "insight":
            return said(service, name, InsightParams=self.insight_params())
        if name == "GetBinaryState" and service == "basicevent":
            return said(service, name, BinaryState=self.insight_params().split("|")[0])
        if name == "SetBinaryState" and service == "basicevent":
            wanted = re.search(r"<BinaryState>\s*([01])\s*</BinaryState>", body)
            if not wanted:
                return upnp_fault(402, "Invalid Args")
            self.values["isOn"] = wanted[1] == "1"
            return said(service, name, BinaryState=wanted[1])
        return upnp_fault(401, "Invalid Action")


if __name__ == "__main__":
    main(Wemo(), __doc__)
