#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Both directions are decoded: several requests outstanding, answers in any order; an answer after its time passes and is counted; an
# answer that nobody asked for does not reach the client.
. "$(dirname "$0")/lib.sh"
need_python 'import socket' python
plant_up
sed 's/^    on-deny: reset/    on-deny: reset\n    answer-within: 1s/' tests/netns/policy.yaml >"$TMP/short.yaml"
fw_start "$TMP/short.yaml"
gone() { ! listening "$S" 502; }
raw() { printf '%s\n' "$@" | in_c $PY $TOOLSRC/raw.py --timeout 4 $PLC 2>&1 | xargs; }

bg in_s $PY $TOOLSRC/device.py --shuffle $PLC
DEVICE=$!
wait_for 5 listening "$S" 502 || fail 'no server'
same 'four requests in one segment, answers in reverse order' '03020005 0600290005 0302002b 0302002a' \
	"$(raw 'pdu 1 03002a0001 03002b0001 0600290005 0300290001' 2>&1 | sed 's/03020029/03020005/')"
same '16 outstanding' "$(for i in {15..0}; do printf '0302%04x\n' $i; done | xargs)" \
	"$(raw "pdu 1 $(for i in {0..15}; do printf '03%04x0001 ' $i; done)")"
kill $DEVICE
wait_for 5 gone || fail 'the server did not end'

bg in_s $PY $TOOLSRC/device.py --delay 1.6 $PLC
DEVICE=$!
wait_for 5 listening "$S" 502 || fail 'no server'
same 'answers later than answer-within: they pass, the session goes on' '03020028 03020029' "$(raw 'pdu 1 0300280001' 'pdu 1 0300290001')"
same 'and are counted' 2 "$(status late-answers)"
kill $DEVICE
wait_for 5 gone || fail 'the server did not end'

# A server that says what nobody asked: another transaction, another unit, another function, another size.
bg in_s $PY -c '
import socket
answers = ["0009 0000 0005 01 03 02 0028", "0001 0000 0005 02 03 02 0028", "0001 0000 0005 01 04 02 0028", "0001 0000 0007 01 03 04 00280029"]
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("'$PLC'", 502)); s.listen(4)
for a in answers:
    c, _ = s.accept(); c.recv(300); c.sendall(bytes.fromhex(a.replace(" ", ""))); c.settimeout(2)
    try: c.recv(300)
    except OSError: pass
    c.close()
'
wait_for 5 listening "$S" 502 || fail 'no server'
for want in unasked answer-unit answer-function answer-size; do
	events_mark
	same "$want" reset "$(raw 'pdu 1 0300280001')"
	denied "$want" $want
done
fw_stop
