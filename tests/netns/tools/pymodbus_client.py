#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every request that pymodbus can make, once. What a request came to is printed, one line each:

    read-holding-registers: ok [40, 41]
    write-registers: exception 2

pymodbus_client.py [--udp] [--only NAME[,NAME...]] ADDRESS [PORT]
Exit status 0 when each of them had an answer (an exception is one).
In pymodbus 3.0.0rc1 some requests take unit=, others slave=; a wrong keyword silently asks unit 0.
"""
import argparse
import sys

from pymodbus.client import ModbusTcpClient, ModbusUdpClient
from pymodbus.diag_message import ReturnQueryDataRequest
from pymodbus.exceptions import ModbusException
from pymodbus.file_message import FileRecord, ReadFifoQueueRequest, ReadFileRecordRequest, WriteFileRecordRequest
from pymodbus.mei_message import ReadDeviceInformationRequest
from pymodbus.other_message import (
    GetCommEventCounterRequest,
    GetCommEventLogRequest,
    ReadExceptionStatusRequest,
    ReportSlaveIdRequest,
)

parser = argparse.ArgumentParser()
parser.add_argument("--udp", action="store_true")
parser.add_argument("--only", default="")
parser.add_argument("--timeout", type=float, default=3)
parser.add_argument("address")
parser.add_argument("port", type=int, nargs="?", default=502)
args = parser.parse_args()
client = (ModbusUdpClient if args.udp else ModbusTcpClient)(args.address, port=args.port, timeout=args.timeout, retries=0)
if not client.connect():
    print("connect: failed")
    sys.exit(1)


def file_record(**fields):
    return FileRecord(reference_type=0x06, **fields)


REQUESTS = {
    "read-coils": lambda: client.read_coils(0, 16, slave=1),
    "read-discrete-inputs": lambda: client.read_discrete_inputs(3, 9, slave=1),
    "read-holding-registers": lambda: client.read_holding_registers(40, 2, slave=1),
    "read-input-registers": lambda: client.read_input_registers(0, 4, slave=1),
    "write-single-coil": lambda: client.write_coil(2, True, slave=1),
    "write-single-register": lambda: client.write_register(41, 777, slave=1),
    "write-multiple-coils": lambda: client.write_coils(4, [True, False, True] * 3, slave=1),
    "write-multiple-registers": lambda: client.write_registers(40, [1, 2, 3], slave=1),
    "mask-write-register": lambda: client.mask_write_register(address=43, and_mask=0xFF00, or_mask=0x12, unit=1),
    "read-write-registers": lambda: client.readwrite_registers(
        read_address=40, read_count=4, write_address=50, write_registers=[9, 8], unit=1
    ),
    "read-exception-status": lambda: client.execute(ReadExceptionStatusRequest(unit=1)),
    "return-query-data": lambda: client.execute(ReturnQueryDataRequest([0xA5A5], unit=1)),
    "get-comm-event-counter": lambda: client.execute(GetCommEventCounterRequest(unit=1)),
    "get-comm-event-log": lambda: client.execute(GetCommEventLogRequest(unit=1)),
    "report-server-id": lambda: client.execute(ReportSlaveIdRequest(unit=1)),
    "read-fifo-queue": lambda: client.execute(ReadFifoQueueRequest(0x10, unit=1)),
    "read-device-identification": lambda: client.execute(ReadDeviceInformationRequest(unit=1)),
    "outside": lambda: client.read_holding_registers(5000, 10, slave=1),
    "another-unit": lambda: client.read_holding_registers(0, 1, slave=9),
}
if not args.udp:
    REQUESTS["read-file-record"] = lambda: client.execute(
        ReadFileRecordRequest([file_record(file_number=4, record_number=1, record_length=2)], unit=1)
    )
    REQUESTS["write-file-record"] = lambda: client.execute(
        WriteFileRecordRequest(
            [file_record(file_number=4, record_number=7, record_length=2, record_data=b"\x06\xaf\x04\xbe")], unit=1
        )
    )

failed = 0
# Nobody answers for another unit: only on request.
for name in args.only.split(",") if args.only else [n for n in REQUESTS if n != "another-unit"]:
    try:
        answer = REQUESTS[name]()
    except (ModbusException, OSError) as e:
        answer = e
    if isinstance(answer, Exception):
        failed += 1
        print(f"{name}: failed: {' '.join(str(answer).split())}")
        client.close()
    elif answer.isError():
        print(f"{name}: exception {answer.exception_code}")
    else:
        data = next((getattr(answer, k) for k in ("registers", "bits", "information") if hasattr(answer, k)), "")
        print(f"{name}: ok {data}".rstrip())
    sys.stdout.flush()
client.close()
sys.exit(1 if failed else 0)
