# SPDX-License-Identifier: GPL-2.0-or-later
"""The simulated devices speak their protocols: each is asked by a client of the real world."""
import json
import os
import socket
import struct
import subprocess
import threading

import pytest

from devices.remote import Broker, Remote
from harness import net
from harness.daemon import REPOSITORY, wait_for

HERE = "127.0.0.1"
SOAP = "http://127.0.0.1:49153/upnp/control/"
DEVICES = ("hue", "wemo", "udoo", "dlink", "onvif", "thermostat", "modbus")


@pytest.fixture(scope="module")
def ns():
    """One place for all of them: their ports are their own there."""
    name = f"ks{os.getpid() % 0x10000:04x}"
    net.add_namespace(name)
    yield name
    net.run("ip", "netns", "del", name)


@pytest.fixture
def start(ns, tmp_path):
    running = []

    def begin(kind, *options):
        running.append(Remote(kind, tmp_path / f"{kind}.sock", *options, ns=ns))
        return running[-1]
    yield begin
    for device in running:
        device.close()


@pytest.fixture
def curl(ns):
    def ask(*words):
        return net.run_in(ns, "curl", "-sS", "--max-time", "60", *words)
    return ask


def connect(ns, port):
    return net.in_namespace(ns, lambda: socket.create_connection((HERE, port), timeout=60))


@pytest.mark.parametrize("kind", DEVICES)
def test_it_says_how_to_use_it(kind):
    text = net.run("env", f"PYTHONPATH={os.path.dirname(__file__)}", "/usr/bin/python3", "-m",
                   f"devices.{kind}", "--help")
    assert "--control" in text and "values:" in text


def test_orders_that_mean_nothing_are_refused(start):
    hue = start("hue")
    for order, words in (({"values": {"of": 1}}, "no value 'of'"), ({"fault": "x"}, "no fault 'x'"),
                         ({"do": "dance"}, "'dance' does not happen")):
        with pytest.raises(ValueError, match=words):
            hue.tell(**order)
    assert hue.tell()["fault"] == "none"


def test_hue(start, curl):
    hue = start("hue", "--token", "known", "--set", "on=[true,false]")
    api = f"http://{HERE}/api"
    lights = json.loads(curl(f"{api}/known/lights"))
    assert [lights[key]["state"]["on"] for key in ("1", "2")] == [True, False]
    done = json.loads(curl("-X", "PUT", "-d", '{"on":true,"bri":7}', f"{api}/known/lights/2/state"))
    assert done[0] == {"success": {"/lights/2/state/on": True}}
    assert hue.values["on"] == [True, True] and hue.values["brightness"] == 7
    hue.set(on=[False, False])
    assert not json.loads(curl(f"{api}/known/lights/1"))["state"]["on"]
    assert json.loads(curl(f"{api}/guessed/lights"))[0]["error"]["type"] == 1
    assert json.loads(curl(f"{api}/known/lights/3"))[0]["error"]["type"] == 3
    assert "Hue Bridge" in curl(f"{api}/config")
    assert "<modelName>" in curl(f"http://{HERE}/description.xml")


def test_hue_gives_tokens_only_after_its_button_was_pressed(start, curl):
    hue = start("hue")
    ask = ("-d", '{"devicetype":"app#phone"}', f"http://{HERE}/api")
    assert json.loads(curl(*ask))[0]["error"]["type"] == 101
    hue.do("press")
    token = json.loads(curl(*ask))[0]["success"]["username"]
    assert "1" in json.loads(curl(f"http://{HERE}/api/{token}/lights"))
    assert json.loads(curl(*ask))[0]["error"]["type"] == 101


def soap(curl, service, action, body=""):
    return curl("-H", f'SOAPACTION: "urn:Belkin:service:{service}:1#{action}"', "-H",
                "Content-Type: text/xml", "-d",
                '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
                f'<u:{action} xmlns:u="urn:Belkin:service:{service}:1">{body}</u:{action}></s:Body>'
                "</s:Envelope>", f"{SOAP}{service}1")


def test_wemo(start, curl):
    wemo = start("wemo")
    wemo.set(current_power=17041, today_kwh=0.22, lastchange=1700000000, today_on_time=32401)
    answer = soap(curl, "insight", "GetInsightParams")
    params = answer.partition("<InsightParams>")[2].partition("<")[0].split("|")
    assert len(params) == 11
    assert (params[0], params[1], params[3], params[7]) == ("1", "1700000000", "32401", "17041")
    assert float(params[8]) * 1.6666667e-8 == pytest.approx(0.22)
    assert "<BinaryState>1<" in soap(curl, "basicevent", "GetBinaryState")
    soap(curl, "basicevent", "SetBinaryState", "<BinaryState>0</BinaryState>")
    assert wemo.values["isOn"] is False
    assert "<BinaryState>0<" in soap(curl, "basicevent", "GetBinaryState")
    assert "<errorCode>401<" in soap(curl, "basicevent", "Explode")
    assert "<errorCode>402<" in soap(curl, "basicevent", "SetBinaryState")
    assert "urn:Belkin:device:insight:1" in curl(f"http://{HERE}:49153/setup.xml")


def test_faults_delay_and_silence(start, curl):
    wemo = start("wemo", "--set", "isOn=false")
    ask = ("-w", " %{http_code}", f"http://{HERE}:49153/setup.xml")
    wemo.fail("error")
    assert curl(*ask).endswith(" 500")
    wemo.fail("garbage")
    assert curl("-o", "/dev/null", "-w", "%{size_download}", ask[-1]) == "45"
    wemo.fail("cut")
    with pytest.raises(RuntimeError, match="52"):  # an empty reply
        curl(*ask)
    wemo.fail("silent")
    with pytest.raises(RuntimeError, match="28"):  # timed out
        curl("--max-time", "0.3", *ask[2:])
    wemo.tell(fault="none", delay_s=0.2)
    assert "<binaryState>0<" in curl(*ask)
    assert [request["path"] for request in wemo.seen] == ["/setup.xml"] * 5


def test_udoo(ns, start, tmp_path):
    key = tmp_path / "key"
    net.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    board = start("udoo", "--authorized-key", f"{key}.pub")

    def ask(*command, user="udooer"):
        return subprocess.run(
            ["ip", "netns", "exec", ns, "ssh", "-F", "none", "-i", str(key), "-o", "BatchMode=yes",
             "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o",
             "ConnectTimeout=60", f"{user}@{HERE}", *command],
            capture_output=True, text=True, timeout=120, check=False)
    board.set(accelerometer=[0.5, -0.05, 0.98], temperature=23500)
    said = ask("cat", *(f"/sys/class/misc/Freescale{sensor}/data" for sensor in
                        ("Accelerometer", "Gyroscope", "Magnetometer")),
               "/sys/class/hwmon/hwmon0/temp1_input")
    assert said.stdout == "0.5,-0.05,0.98\n0.5,-0.4,0.2\n60,70,100\n23500\n", said.stderr
    board.fail("error")
    assert "No such file" in ask("cat", "/sys/class/hwmon/hwmon0/temp1_input").stderr
    board.fail("silent")
    assert ask("timeout", "0.3", "cat", "/sys/class/hwmon/hwmon0/temp1_input").returncode == 124
    assert ask("true", user="root").returncode == 255
    wait_for(lambda: any("Accepted publickey for udooer" in line["log"] for line in board.seen))


class MailBox:
    """Takes one mail as a server would: enough of SMTP for smtplib."""

    def __init__(self, ns):
        self._listener = net.in_namespace(ns, lambda: socket.create_server((HERE, 2525)))
        self._thread = threading.Thread(target=self._take)
        self.commands, self.mail = [], ""
        self._thread.start()

    def _take(self):
        connection, _ = self._listener.accept()
        with connection, connection.makefile("rw", newline="\r\n") as lines:
            def say(words):
                lines.write(words + "\r\n")
                lines.flush()
            say("220 ready")
            for line in lines:
                self.commands.append(line.strip())
                word = line[:4].upper()
                if word == "DATA":
                    say("354 go on")
                    while (text := lines.readline()) not in (".\r\n", ""):
                        self.mail += text
                say("221 bye" if word == "QUIT" else "250 ok")

    def close(self):
        self._thread.join(60)
        self._listener.close()


def test_dlink(ns, start, curl):
    camera = start("dlink", "--mail-server", f"{HERE}:2525", "--mail-to", "cam1@kalki",
                   "--set", "password=hunter2")
    page = f"http://{HERE}/common/info.cgi"
    code = ("-o", "/dev/null", "-w", "%{http_code} %header{www-authenticate}")
    assert curl(*code, page) == '401 Basic realm="DCS-932L"'
    assert curl(*code, "-u", "admin:", page).startswith("401")
    assert "model=DCS-932L" in curl("-u", "admin:hunter2", page)
    box = MailBox(ns)
    assert camera.do("motion")["values"]["mails"] == 1
    box.close()
    assert any(command.lower() == "rcpt to:<cam1@kalki>" for command in box.commands)
    assert "Subject: DCS-932L motion detected" in box.mail


ONVIF = ('<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>'
         '<{0} xmlns="http://www.onvif.org/ver10/device/wsdl">{1}</{0}></s:Body></s:Envelope>')


def test_onvif(start, curl):
    camera = start("onvif")
    device = f"http://{HERE}:8000/onvif/device_service"

    def ask(action, body="", login=("--digest", "-u", "admin:secret")):
        return curl(*login, "-H", "Content-Type: application/soap+xml", "-d",
                    ONVIF.format(action, body), device)
    assert "NTP" in ask("GetSystemDateAndTime", login=())
    assert "FirmwareVersion>5.7.3<" in ask("GetDeviceInformation")
    assert "Username" not in ask("GetUsers", login=())
    assert "Username" not in ask("GetUsers", login=("--digest", "-u", "admin:guess"))
    camera.set(users=["intruder"])
    assert ask("GetUsers").count("<tds:User>") == 2
    ask("SetRelayOutputState", "<RelayOutputToken>0</RelayOutputToken>"
                               "<LogicalState>active</LogicalState>")
    ask("SystemReboot")
    assert camera.values["relay"] is True and camera.values["reboots"] == 1
    assert "ActionNotSupported" in ask("GetDPAddresses")


def test_rtsp(ns, start):
    camera = start("onvif")
    with connect(ns, 554) as stream, stream.makefile("rw", newline="") as lines:
        def ask(method):
            lines.write(f"{method} rtsp://{HERE}/live RTSP/1.0\r\nCSeq: 7\r\n\r\n")
            lines.flush()
            headers = list(iter(lines.readline, "\r\n"))
            length = next(int(line.split()[1]) for line in headers if "Content-Length" in line)
            return "".join(headers), lines.read(length)
        assert "CSeq: 7\r\nPublic: OPTIONS, DESCRIBE" in ask("OPTIONS")[0]
        headers, body = ask("DESCRIBE")
        assert headers.startswith("RTSP/1.0 200 OK") and "a=rtpmap:96 H264" in body
        assert ask("PLAY")[0].startswith("RTSP/1.0 405")
        camera.fail("cut")
        lines.write("OPTIONS * RTSP/1.0\r\nCSeq: 8\r\n\r\n")
        lines.flush()
        assert lines.readline() == ""


def test_thermostat(ns, start, tmp_path):
    broker = Broker(tmp_path, HERE, ns=ns)
    listener = net.start_in(ns, "mosquitto_sub", "-h", HERE, "-v", "-t", "zigbee2mqtt/#",
                            stdout=subprocess.PIPE)
    try:
        wait_for(lambda: "as auto-" in broker.log(), timeout=60, what="the listener")
        thermostat = start("thermostat", "--broker", f"{HERE}:1883")

        def next_of(topic, word=""):
            return next(line.partition(" ")[2] for line in listener.stdout
                        if line.split(" ")[0] == "zigbee2mqtt/" + topic and word in line)
        assert json.loads(next_of("thermostat/availability")) == {"state": "online"}
        assert json.loads(next_of("thermostat"))["local_temperature"] == 20.5
        thermostat.set(local_temperature=31)
        assert json.loads(next_of("thermostat", "31"))["local_temperature"] == 31
        net.run_in(ns, "mosquitto_pub", "-h", HERE, "-t", "zigbee2mqtt/thermostat/set", "-m",
                   '{"occupied_heating_setpoint": 16}')
        assert json.loads(next_of("thermostat", "16"))["occupied_heating_setpoint"] == 16
        thermostat.process.kill()
        assert json.loads(next_of("thermostat/availability")) == {"state": "offline"}
    finally:
        listener.kill()
        listener.communicate()
        broker.close()


def test_the_program_for_modbus(ns, start):
    """policy-examples/programs/modbus-tcp against the simulated controller."""
    controller = start("modbus", "--set", "registers=[1300,1000,300]")

    def ask(*words):
        return net.run_in(ns, os.path.join(REPOSITORY, "policy-examples/programs/modbus-tcp"),
                          HERE, *words)
    assert ask("read", 0, 3) == "1300\n1000\n300\n"
    assert ask("write-coil", 1, "on") == ask("write", 2, 7) == ""
    assert controller.values == {"registers": [1300, 1000, 7], "coils": [False, True]}
    for words, why in ((("read", 2, 2), "no such address"),
                       (("--port", 503, "read", 0, 1), "refused")):
        with pytest.raises(RuntimeError, match=why):
            ask(*words)
    for fault, why in (("error", "it failed"), ("garbage", "something else"), ("cut", "hung up")):
        controller.fail(fault)
        with pytest.raises(RuntimeError, match=why):
            ask("read", 0, 1)
    controller.fail("silent")
    with pytest.raises(RuntimeError, match="timed out"):
        ask("--timeout", "0.3", "read", 0, 1)


def modbus(connection, function, data, transaction=1):
    connection.sendall(struct.pack(">HHHBB", transaction, 0, len(data) + 2, 1, function) + data)
    answer = connection.recv(300)
    assert struct.unpack(">HHH", answer[:6]) == (transaction, 0, len(answer) - 6)
    return answer[7], answer[8:]


def test_modbus(ns, start):
    controller = start("modbus")
    controller.set(registers=[1300, 1000, 300])
    with connect(ns, 502) as connection:
        function, data = modbus(connection, 3, struct.pack(">HH", 0, 3))
        assert (function, struct.unpack(">B3H", data)) == (3, (6, 1300, 1000, 300))
        assert modbus(connection, 5, struct.pack(">HH", 1, 0xff00))[0] == 5
        assert controller.values["coils"] == [False, True]
        assert modbus(connection, 1, struct.pack(">HH", 0, 2)) == (1, b"\x01\x02")
        assert modbus(connection, 6, struct.pack(">HH", 2, 5))[0] == 6
        assert controller.values["registers"][2] == 5
        for function, data, code in ((3, struct.pack(">HH", 2, 2), 2), (5, b"\0\0\0\1", 3),
                                     (8, b"\0\0\0\0", 1), (3, b"\0", 3)):
            assert modbus(connection, function, data) == (function | 0x80, bytes((code,)))
        controller.fail("error")
        assert modbus(connection, 3, struct.pack(">HH", 0, 1)) == (0x83, b"\4")
