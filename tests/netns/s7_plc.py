#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A controller that speaks S7comm, as far as the tests need one: s7_plc.py ADDRESS LOG [PARTS SECONDS].

Data blocks 1 and 10, merkers, SZL in two parts, clock, blocks up and down, program invocations, stop. Each job that reaches it is a
line in LOG. Messages in parts are joined; PARTS: of a block that is
loaded, 2 if not given, and how long it waits before each. `mms` and S7comm-plus are answered with as little as a session needs.
"""

import socket
import struct
import sys
import threading
import time

memory = {(0x84, 1): bytearray(range(256)), (0x84, 10): bytearray(256), (0x83, 0): bytearray(256), (0x81, 0): bytearray(256)}
log = None
lock = threading.Lock()


def note(text):
    with lock:
        log.write(text + "\n")
        log.flush()


def read_exactly(conn, n):
    data = b""
    while len(data) < n:
        more = conn.recv(n - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def receive(conn):
    """(TPDU code, user data): a whole message, however many parts it has."""
    user = b""
    while True:
        head = read_exactly(conn, 4)
        body = read_exactly(conn, struct.unpack(">H", head[2:])[0] - 4)
        if body[1] != 0xF0:
            return body[1], body
        user += body[3:]
        if body[2] & 0x80:
            return 0xF0, user


def send(conn, user):
    conn.sendall(struct.pack(">BBHBBB", 3, 0, len(user) + 7, 2, 0xF0, 0x80) + user)


def message(rosctr, ref, param, data=b"", error=b""):
    return struct.pack(">BBHHHH", 0x32, rosctr, 0, ref, len(param), len(data)) + error + param + data


def ack(conn, ref, param, data=b"", error=b"\0\0"):
    send(conn, message(3, ref, param, data, error))


SIZES = {1: 1, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 4, 8: 4}


def item(spec):
    transport, count, db, area = struct.unpack(">BHHB", spec[3:9])
    address = int.from_bytes(spec[9:12], "big")
    return transport, count * SIZES.get(transport, 1), db, area, address >> 3, address & 7


def items(param):
    at, out = 2, []
    for _ in range(param[1]):
        out.append(item(param[at:at + 12]))
        at += 12
    return out


def variables(conn, ref, param, data):
    out, at, wanted = b"", 0, items(param)
    for i, (transport, n, db, area, first, bit) in enumerate(wanted):
        where = memory.get((area, db))
        good = where is not None and first + n <= len(where)
        if param[0] == 4:
            note(f"read {area:#x} {db} {first} {n}")
            if not good:
                out += b"\x0a\0\0\0"
                continue
            value = bytes([where[first] >> bit & 1]) if transport == 1 else bytes(where[first:first + n])
            out += struct.pack(">BBH", 0xFF, 3 if transport == 1 else 4, 1 if transport == 1 else n * 8) + value
            if len(value) % 2 and i + 1 < len(wanted):
                out += b"\0"
        else:
            kind, length = struct.unpack(">BH", data[at + 1:at + 4])
            size = length if kind in (3, 7, 9) else length // 8
            value = data[at + 4:at + 4 + size]
            at += 4 + size + size % 2
            note(f"write {area:#x} {db} {first} {bit if transport == 1 else '-'} {value.hex()}")
            if good and transport == 1:
                where[first] = where[first] & ~(1 << bit) | (value[0] & 1) << bit
            elif good:
                where[first:first + n] = value
            out += b"\xff" if good else b"\x0a"
    ack(conn, ref, param[:2], out)


def download(conn, ref, param):
    name = param[9:18]
    note(f"download {name.decode()}")
    ack(conn, ref, b"\x1a")
    parts, wait = (int(sys.argv[3]), float(sys.argv[4])) if len(sys.argv) > 4 else (2, 0)
    for number in range(parts + 1):
        code = 0x1B if number < parts else 0x1C
        time.sleep(wait)
        send(conn, message(1, 0x6500 + number, bytes([code]) + bytes(7) + b"\x09" + name))
        kind, answer = receive(conn)
        if kind != 0xF0 or answer[1] != 3:
            raise EOFError
        if code == 0x1B:
            note(f"part {len(answer)}")


def userdata(conn, ref, param, data):
    group, sub = param[5] & 15, param[6]
    note(f"userdata {group} {sub}")
    good, last = b"\xff\x09\0\x04" + bytes(4), 0
    if group == 4 and sub == 1 and param[4] == 0x11:
        good, last = b"\xff\x09\0\x0c" + data[4:8] + b"\0\x04\0\x01" + b"list", int(data[4:6] == b"\0\x1c")
    if group in (7, 5):
        good = b"\x0a\0\0\0" if group == 5 or sub == 2 else b"\xff\x09\0\x0a" + bytes.fromhex("00191402080810005005")
    head = bytes([0, 1, 0x12, 8, 0x12, 0x80 | group, sub, 1, 3 if last else 0, last, 0, 0])
    send(conn, message(7, ref, head, good))
    if group == 2 and sub == 1:
        send(conn, message(7, 0, bytes([0, 1, 0x12, 4, 0x11, 2, 1, 1]), b"\xff\x09\0\x04" + bytes(4)))


def job(conn, ref, param, data):
    code = param[0]
    if code == 0xF0:
        ack(conn, ref, b"\xf0\0\0\x01\0\x01\0\xf0")
    elif code in (4, 5):
        variables(conn, ref, param, data)
    elif code == 0x1A:
        download(conn, ref, param)
    elif code == 0x1D:
        note(f"upload {param[9:18].decode()}")
        ack(conn, ref, b"\x1d\0\0\0\0\0\0\x07\x070000212")
    elif code == 0x1E:
        ack(conn, ref, b"\x1e\0", b"\0\x04\0\xfbpp\1\1")
    elif code == 0x28:
        block = struct.unpack(">H", param[8:10])[0]
        note(f"service {param[11 + block:].decode()}")
        ack(conn, ref, b"\x28")
    elif code == 0x29:
        note("stop")
        ack(conn, ref, b"\x29")
    else:
        note(f"job {code:#x}")
        ack(conn, ref, bytes([code]))


def s7(conn, user):
    rosctr, ref, nparam, ndata = struct.unpack(">xBxxHHH", user[:10])
    param, data = user[10:10 + nparam], user[10 + nparam:10 + nparam + ndata]
    if rosctr == 1:
        job(conn, ref, param, data)
    elif rosctr == 7:
        userdata(conn, ref, param, data)


def session(conn):
    try:
        while True:
            kind, user = receive(conn)
            if kind == 0xE0:
                reply = bytearray(struct.pack(">BBH", 3, 0, len(user) + 4) + user)
                reply[5], reply[6:8], reply[8:10] = 0xD0, user[4:6], b"\0\x07"
                conn.sendall(bytes(reply))
            elif kind != 0xF0:
                return
            elif user[0] == 0x32:
                s7(conn, user)
            elif user[0] == 0x72:
                note("plus")
                send(conn, user[:4] + b"\x32" + user[5:])
            elif user[0] == 0x0D:
                note("mms associate")
                send(conn, b"\x0e\x06\x05\x04\x13\x01\x00\x16")
            else:
                note("mms")
                send(conn, user)
    except (EOFError, OSError):
        pass
    finally:
        conn.close()


def main():
    global log
    log = open(sys.argv[2], "a", encoding="utf-8")
    server = socket.create_server((sys.argv[1], 102))
    while True:
        conn, _ = server.accept()
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=session, args=(conn,), daemon=True).start()


main()
