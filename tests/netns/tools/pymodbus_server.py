#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A Modbus server made of pymodbus (Debian's 3.0.0 is a release candidate).

pymodbus_server.py [--udp] [ADDRESS [PORT]]: unit 1 has coils and discrete inputs 0..199 = address & 1, holding registers 0..199 =
address, input registers 0..199 = 1000 + address, and a device identification.
"""
import sys

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.device import ModbusDeviceIdentification
from pymodbus.server import StartTcpServer, StartUdpServer

args = [a for a in sys.argv[1:] if a != "--udp"]
address = (args[0] if args else "0.0.0.0", int(args[1]) if len(args) > 1 else 502)
bits = [i & 1 for i in range(200)]
unit = ModbusSlaveContext(
    co=ModbusSequentialDataBlock(0, list(bits)),
    di=ModbusSequentialDataBlock(0, list(bits)),
    hr=ModbusSequentialDataBlock(0, list(range(200))),
    ir=ModbusSequentialDataBlock(0, list(range(1000, 1200))),
    zero_mode=True,
)
context = ModbusServerContext(slaves={1: unit}, single=False)
name = ModbusDeviceIdentification(
    info_name={"VendorName": "Test plant", "ProductCode": "PLC-1", "MajorMinorRevision": "1.0", "ProductName": "Pump control"}
)
start = StartUdpServer if "--udp" in sys.argv else StartTcpServer
start(context=context, identity=name, address=address)
