# SPDX-License-Identifier: GPL-2.0-or-later
"""A thermostat on MQTT, as Zigbee2MQTT shows one: reports, availability, /set and /get."""
import json

import paho.mqtt.client as mqtt

from .simulator import GARBAGE, Device, address, main

SETTABLE = ("occupied_heating_setpoint", "system_mode")


class Thermostat(Device):
    """Every change of a value is reported; a silent one says nothing, an ended one is `offline`."""

    standard = {"local_temperature": 20.5, "occupied_heating_setpoint": 20, "system_mode": "heat",
                "running_state": "idle", "battery": 90, "linkquality": 120}

    def __init__(self):
        super().__init__()
        self._client = self._topic = None

    def add_options(self, parser):
        parser.add_argument("--broker", metavar="HOST:PORT", type=address, required=True)
        parser.add_argument("--topic", default="zigbee2mqtt/thermostat")

    def start(self, options):
        self._topic = options.topic
        client = mqtt.Client(client_id=options.topic.replace("/", "-"))
        client.will_set(self._topic + "/availability", '{"state":"offline"}', retain=True)
        client.on_connect = self._connected
        client.on_message = self._told
        client.connect(*options.broker, keepalive=10)
        self._client = client
        client.loop_start()

    def stop(self):
        """Goes without a word: the broker publishes the last will."""
        if self._client:
            self._client.loop_stop()

    def _connected(self, client, _user, _flags, code):
        if code == 0:
            client.subscribe([(self._topic + "/set", 1), (self._topic + "/get", 1)])
            client.publish(self._topic + "/availability", '{"state":"online"}', retain=True)
            self.changed()

    def _told(self, _client, _user, message):
        self.note({"topic": message.topic, "payload": message.payload.decode(errors="replace")})
        if message.topic.endswith("/set"):
            try:
                wanted = json.loads(message.payload)
                self.values.update({key: wanted[key] for key in SETTABLE if key in wanted})
            except (TypeError, ValueError):
                return
        self.changed()

    def changed(self):
        if not self._client or self.fault in ("silent", "error", "cut"):
            return
        report = GARBAGE if self.fault == "garbage" else json.dumps(self.values)
        self._client.publish(self._topic, report, qos=1)


if __name__ == "__main__":
    main(Thermostat(), __doc__)
