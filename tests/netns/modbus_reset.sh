#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# P1 with `on-deny: reset`: both ends are closed within a second, over IPv4 and IPv6, also when the refused PDU came in parts of which
# some had arrived; and the same source port can connect again.
. "$(dirname "$0")/lib.sh"
need_python 'import socket' python
plant_up
server_start
fw_start tests/netns/policy.yaml

# Sessions that the server's kernel holds with the client: states other than LISTEN and TIME_WAIT.
server_sessions() { in_s cat /proc/net/tcp /proc/net/tcp6 | awk '$2 ~ /:01F6$/ && $4 != "0A" && $4 != "06"' | wc -l; }
no_session() { [ "$(server_sessions)" -eq 0 ]; }

# case NAME ADDRESS COMMAND: one allowed read, then COMMAND, which is refused; then the same port again.
refused() {
	local port=$((41000 + RANDOM % 1000)) out t0 t1 i
	mkfifo "$TMP/raw.in"
	# Not by bg: opening the pipe would wait here, not in the background.
	ip netns exec "$C" $PY $TOOLSRC/raw.py --port $port --timeout 3 "$2" <"$TMP/raw.in" >"$TMP/raw.out" &
	PIDS+=($!)
	exec 8>"$TMP/raw.in"
	echo 'pdu 1 0300280002' >&8
	wait_for 3 grep -q . "$TMP/raw.out" || fail "$1: no answer to an allowed read"
	same "$1: before" '030400*' "$(cat "$TMP/raw.out")"
	same "$1: the server holds a session" 1 "$(server_sessions)"
	t0=$(now_ms)
	echo "$3" >&8
	wait_for 3 grep -q reset "$TMP/raw.out" || fail "$1: the client was not reset ($(tail -n 1 "$TMP/raw.out"))"
	t1=$(now_ms)
	below "$1: the client is reset, ms" 1000 $((t1 - t0))
	wait_for 2 no_session || fail "$1: the server still holds $(server_sessions) session(s) after 2 s"
	below "$1: the server is closed, ms" 1000 $(($(now_ms) - t0))
	echo reopen >&8
	echo 'pdu 1 0300280002' >&8
	for ((i = 0; i < 150; i++)); do [ "$(grep -c '^0304' "$TMP/raw.out")" -ge 2 ] && break; sleep 0.02; done
	same "$1: the same source port again" '030400*' "$(tail -n 1 "$TMP/raw.out")"
	exec 8>&-
	wait_for 3 no_session || fail "$1: the second session did not end"
	rm -f "$TMP/raw.in"
}
refused 'whole PDU' $PLC 'pdu 1 06003c029a'
refused 'PDU in two parts' $PLC 'parts 1 06003c029a 9'
refused 'PDU in one-byte segments' $PLC 'cut 1 06003c029a'
refused 'behind an allowed one' $PLC 'pdu 1 0300280002 06003c029a'
refused 'IPv6' $PLC6 'pdu 1 06003c029a'
refused 'IPv6 in one-byte segments' $PLC6 'cut 1 06003c029a'
same 'resets the engine made' '[1-9]*' "$(status resets)"
plc_holds '60 1' 60
same 'writes that reached the PLC' 0 "$(plc_requests 6)"
fw_stop
