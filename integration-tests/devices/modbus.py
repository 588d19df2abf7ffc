# SPDX-License-Identifier: GPL-2.0-or-later
"""A small controller on Modbus/TCP: holding registers that are read, coils that are written."""
import socketserver
import struct

from .simulator import GARBAGE, Device, Server, main

READ_COILS, READ_HOLDING, WRITE_COIL, WRITE_HOLDING = 1, 3, 5, 6
BAD_FUNCTION, BAD_ADDRESS, BAD_VALUE, DEVICE_FAILURE = 1, 2, 3, 4


class Refused(Exception):
    """With the exception code of the protocol."""


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        while len(header := self.rfile.read(7)) == 7:
            transaction, protocol, length, unit = struct.unpack(">HHHB", header)
            if protocol or not 2 <= length <= 254:
                return
            request = self.rfile.read(length - 1)
            if len(request) != length - 1:
                return
            device = self.server.device
            device.note({"function": request[0], "data": request[1:].hex()})
            fault = device.think()
            if fault == "cut":
                return
            answer = GARBAGE if fault == "garbage" else self.answer(request, fault)
            self.wfile.write(struct.pack(">HHHB", transaction, 0, len(answer) + 1, unit) + answer)

    def answer(self, request, fault):
        try:
            if fault == "error":
                raise Refused(DEVICE_FAILURE)
            return request[:1] + self.server.device.answer(request[0], request[1:])
        except struct.error:
            return bytes((request[0] | 0x80, BAD_VALUE))
        except Refused as refused:
            return bytes((request[0] | 0x80, refused.args[0]))


class Controller(Device):
    """Registers: level in mm, pressure in hPa, temperature in 0.1 degrees.  Coils: pump, valve."""

    port = 502
    standard = {"registers": [1200, 1013, 215], "coils": [False, False]}

    def start(self, options):
        Server(options.listen, Handler, self)

    def answer(self, function, data):
        at, worth = struct.unpack(">HH", data[:4])
        kind = "coils" if function in (READ_COILS, WRITE_COIL) else "registers"
        many = worth if function in (READ_COILS, READ_HOLDING) else 1
        if function not in (READ_COILS, READ_HOLDING, WRITE_COIL, WRITE_HOLDING):
            raise Refused(BAD_FUNCTION)
        if not 1 <= many <= 125:
            raise Refused(BAD_VALUE)
        if at + many > len(self.values[kind]):
            raise Refused(BAD_ADDRESS)
        if function == READ_HOLDING:
            return bytes((2 * many,)) + struct.pack(f">{many}H", *self.values[kind][at:at + many])
        if function == READ_COILS:
            bits = sum(on << i for i, on in enumerate(self.values[kind][at:at + many]))
            return bytes(((many + 7) // 8,)) + bits.to_bytes((many + 7) // 8, "little")
        if function == WRITE_COIL and worth not in (0, 0xff00):
            raise Refused(BAD_VALUE)
        self.values[kind][at] = worth == 0xff00 if function == WRITE_COIL else worth
        return data[:4]


if __name__ == "__main__":
    main(Controller(), __doc__)
