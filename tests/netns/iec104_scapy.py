#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A controlling station whose messages are put together and read by scapy's IEC 60870-5-104 layer: a codec that is not ours.

iec104_scapy.py ADDRESS [PORT]: tests and starts, interrogates, selects and executes a single command, a scaled set-point, stops.
Prints one line for each message it got, as scapy names it.
"""
import socket
import sys

from scapy.contrib.scada.iec104 import (IEC104_IO_C_IC_NA_1_IOA, IEC104_IO_C_SC_NA_1_IOA, IEC104_IO_C_SE_NB_1_IOA, IEC104_I_Message_SeqIOA,
                                        IEC104_I_Message_SingleIOA, IEC104_S_Message, IEC104_U_Message)

sock = socket.create_connection((sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2404), 5)
buf, ns, nr = b"", 0, 0


def receive():
    global buf, nr
    while len(buf) < 2 or len(buf) < 2 + buf[1]:
        got = sock.recv(4096)
        if not got:
            sys.exit("closed")
        buf += got
    n = 2 + buf[1]
    apdu, buf = buf[:n], buf[n:]
    if apdu[2] & 3 == 3:
        message = IEC104_U_Message(apdu)
        print(message.name, flush=True)
        return message
    if apdu[2] & 1:
        message = IEC104_S_Message(apdu)
        print(message.name, message.rx_seq_num, flush=True)
        return message
    nr += 1
    message = (IEC104_I_Message_SeqIOA if apdu[7] & 0x80 else IEC104_I_Message_SingleIOA)(apdu)
    print(message.name, "type", message.type_id, "cause", message.cot, "objects", message.num_io, flush=True)
    return message


def unnumbered(**function):
    sock.sendall(bytes(IEC104_U_Message(**function)))
    receive()


def command(kind, objects, *until):
    global ns
    sock.sendall(bytes(IEC104_I_Message_SingleIOA(tx_seq_num=ns, rx_seq_num=nr, type_id=kind, cot=6, common_asdu_address=1, io=objects)))
    ns += 1
    for cause in until:
        while True:
            message = receive()
            if getattr(message, "type_id", None) == kind and message.cot == cause:
                break
    sock.sendall(bytes(IEC104_S_Message(rx_seq_num=nr)))


unnumbered(testfr_act=1)
unnumbered(startdt_act=1)
command(100, [IEC104_IO_C_IC_NA_1_IOA(information_object_address=0, qoi=20)], 7, 10)
command(45, [IEC104_IO_C_SC_NA_1_IOA(information_object_address=1001, s_or_e=1, qu=0, scs=1)], 7)
command(45, [IEC104_IO_C_SC_NA_1_IOA(information_object_address=1001, s_or_e=0, qu=0, scs=1)], 7, 10)
command(49, [IEC104_IO_C_SE_NB_1_IOA(information_object_address=1401, scaled_value=-250, action=1, ql=0)], 7)
command(49, [IEC104_IO_C_SE_NB_1_IOA(information_object_address=1401, scaled_value=-250, action=0, ql=0)], 7, 10)
unnumbered(stopdt_act=1)
