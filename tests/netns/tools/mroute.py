# SPDX-License-Identifier: GPL-2.0-or-later
"""mroute.py GROUP SOURCE IN OUT: a static multicast route in the kernel's IPv4 multicast router, until it is ended. Prints "ready"."""
import signal
import socket
import struct
import sys

MRT_INIT, MRT_ADD_VIF, MRT_ADD_MFC = 200, 202, 204
VIFF_USE_IFINDEX = 8
MAXVIFS = 32

group, source, inside, outside = sys.argv[1:5]
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IGMP)
s.setsockopt(socket.IPPROTO_IP, MRT_INIT, 1)
for vif, dev in enumerate((inside, outside)):
    s.setsockopt(socket.IPPROTO_IP, MRT_ADD_VIF,
                 struct.pack("=HBBIi4s", vif, VIFF_USE_IFINDEX, 1, 0, socket.if_nametoindex(dev), b"\0" * 4))
ttls = bytearray(MAXVIFS)
ttls[1] = 1
s.setsockopt(socket.IPPROTO_IP, MRT_ADD_MFC,
             struct.pack("=4s4sH32sxxIIIi", socket.inet_aton(source), socket.inet_aton(group), 0, bytes(ttls), 0, 0, 0, 0))
print("ready", flush=True)
signal.pause()
