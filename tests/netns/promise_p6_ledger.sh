#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# P6, nothing unseen is uncounted: after traffic of every kind, over both families, with reloads, dead engines and a dead guardian in
# the middle, each zone's account balances to the packet; and when somebody else's ruleset throws packets away, it says so.
. "$(dirname "$0")/guardian.inc"
need_python 'import socket' sockets
guardian_plant
server_start
bg in_s "$TOOLS/modbus_server" -p 8080
bg in_s "$TOOLS/modbus_server" -p 7777
wait_for 5 listening "$S" 8080 && wait_for 5 listening "$S" 7777 || fail 'the other servers do not listen'
udp_echo "$S" $SIS_B 30010
cp $POLICY "$TMP/policy.yaml"
tcp() { printf '%s\n' "${3:-read holding 1 1}" | in_c "$TOOLS/modbus_client" -t 700 "$1" "$2" 2>/dev/null | cut -d' ' -f2-; }

# figure ZONE KEY: a number of the ledger in $TMP/ledger; "all" is the sum of all zones, "-" what is not of a zone.
figure() {
	"$PY" -c '
import json, sys
l = json.load(open(sys.argv[1]))
o = l if sys.argv[2] == "-" else l["all"] if sys.argv[2] == "all" else next((z for z in l["zones"] if z["name"] == sys.argv[2]), {})
for k in sys.argv[3].split("/"):
    o = o.get(k, 0)
print(sum(o.values()) if isinstance(o, dict) else o)' "$TMP/ledger" "$1" "$2"
}
# balanced WHAT: the traffic is over; the ledger is read and each account added up here once more.
balanced() {
	sleep 0.3
	"$B/otfwctl" ledger --run-dir "$RUN" --json >"$TMP/ledger" 2>"$TMP/words"
	same "$1: exit status of otfwctl ledger" 0 $?
	same "$1: unaccounted, and moving while it was read" '0 0' "$(figure - unaccounted) $(figure - moving)"
	"$PY" - "$TMP/ledger" <<'P' || fail "$1: an account does not add up"
import json, sys
l = json.load(open(sys.argv[1]))
for z in l["zones"] + [l["all"]]:
    parts = z["safety"] + z["kernel"] + z["inspected"] + sum(z["uninspected"].values()) + sum(z["dropped"].values())
    if z["in"] != parts or min(z["dropped"].values()) < 0:
        sys.exit("%s: %s" % (z["name"], z))
    # What engines say of a zone, by cause: all of what they passed or reset, and no more than was dropped behind queues.
    run = l["before-start"] == 0
    if run and (sum(z["passed-by"].values()) != z["uninspected"]["passed"] or sum(z["reset-by"].values()) != z["dropped"]["denied-reset"]):
        sys.exit("%s: causes: %s" % (z["name"], z))
    if sum(z["queue-by"].values()) > z["dropped"]["queue"]:
        sys.exit("%s: more causes than drops: %s" % (z["name"], z))
denied = sum(sum(z["queue-by"].values()) for z in l["zones"])
if denied != sum(q["denied"] for q in l["queues"]) or denied != sum(l["all"]["queue-by"].values()):
    sys.exit("denied by cause: %d, by queue: %s" % (denied, l["queues"]))
behind = l["all"]["dropped"]["queue"]
known = sum(q[k] for q in l["queues"] for k in ("denied", "settled", "suspects", "full", "refused", "waiting")) + l["before-start"]
if behind != known:
    sys.exit("dropped behind queues: %d, in their books: %d" % (behind, known))
print("ok    %s: %d packets in, %d dropped behind queues, all explained" % (sys.argv[1] and l["all"]["in"] and "every account adds up", l["all"]["in"], behind))
P
}
# above WHAT ZONE KEY LEAST: the ledger has at least so many.
above() {
	local n
	n=$(figure "$2" "$3")
	[ "$n" -ge "$4" ] || fail "$1: $n, expected at least $4"
	ok "$1: $n"
}

fw_start "$TMP/policy.yaml"
for c in "cell $PLC" "line $PACKER" "six $PLC6"; do client_open "${c% *}" "$C" -t 1500 "${c#* }"; done
for c in cell line six; do expect $c 'read holding 7 3' 'ok 7 8 9'; done
balanced 'allowed reads'
above 'inspected, to the cell' cell inspected 4
above 'inspected, to the clients' control inspected 4
above 'kernel lane: pure ACKs' cell kernel 2
came=$(in_f iptables-save -c 2>/dev/null | sed -n 's/^\[\([0-9]*\):.*-A FORWARD -j otfw-forward$/\1/p')
came6=$(in_f ip6tables-save -c 2>/dev/null | sed -n 's/^\[\([0-9]*\):.*-A FORWARD -j otfw-forward$/\1/p')
[ -z "$came" ] || same 'packets in, as the hook itself counts them' $((came + came6)) "$(figure all in)"

same 'kernel lane' 'ok 1' "$(tcp $PLC 8080)"
same 'a port nobody lists' 'connect:*' "$(tcp $PACKER 7777)"
same 'denied write' 'reset*' "$(tcp $PLC 502 'write register 5 1')"
same 'denied write over IPv6' 'reset*' "$(tcp $PLC6 502 'write register 5 1')"
same 'denied write in the open zone' 'reset*' "$(tcp $PACKER 502 'write register 5 1')"
udp_sink "$S" $PLC 502 "$TMP/sunk"
udp_send "$C" $HMI $PLC 502 20 000100000006010300010001
udp_send "$C" $HMI $PLC 502 20 000100000006010600010001
sunk() { [ "$(wc -c <"$TMP/sunk")" -ge 20 ]; }
wait_for 3 sunk || fail 'allowed datagrams do not arrive'
same 'safety lane' 100 "$(udp_ask "$C" $SIS_A $SIS_B 30010 100)"
# Not a session's: an ACK out of nothing with a bad checksum is invalid; addresses of no zone.
in_c "$PY" - $HMI $PLC <<'P'
import socket, struct, sys
src, dst = sys.argv[1:]
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
tcp = struct.pack("!HHIIBBHHH", 40000, 502, 1, 1, 5 << 4, 0, 1024, 0xdead, 0)
ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 1, 0, 64, 6, 0, socket.inet_aton(src), socket.inet_aton(dst))
for i in range(30):
    s.sendto(ip + tcp, (dst, 0))
P
in_f ip route add 10.99.0.0/24 via $PLC
udp_send "$C" $HMI 10.99.0.1 9 10 00010000
balanced 'every lane and every drop'
same 'safety lane, to the zone' 100 "$(figure sis-io safety)"
same 'invalid' 30 "$(figure cell dropped/invalid)"
above 'unlisted' line dropped/unlisted 1
above 'dropped behind the queue' cell dropped/queue 20
same 'why: twenty datagrams' 20 "$(figure cell queue-by/function)"
same 'why: three sessions reset' 3 "$(figure all reset-by/function)"
above 'denied and reset' all dropped/denied-reset 3

# Reloads, with a zone more and a zone less, while packets go by.
(while :; do tcp $PLC 502; tcp $PACKER 502; tcp $PLC6 502; done) >/dev/null 2>&1 &
POLL=$!
PIDS+=($POLL)
before=$(figure all in)
sed 's|^hosts:|  extra: {level: 2, networks: [10.99.0.0/24], failure: closed}\n&|' $POLICY >"$TMP/policy.yaml"
fw_reload >/dev/null || fail 'a reload fails'
udp_send "$C" $HMI 10.99.0.1 9 10 00010000
"$B/otfwctl" ledger --run-dir "$RUN" >"$TMP/text" || fail "while packets go by: $(tail -n 1 "$TMP/text")"
ok "while packets go by: $(tail -n 1 "$TMP/text")"
cp $POLICY "$TMP/policy.yaml"
fw_reload >/dev/null || fail 'a reload fails'
for p in $(engines); do kill -KILL "$p"; sleep 0.2; done
sleep 0.3
for p in $(engines); do kill -KILL "$p"; done
sleep 0.5
kill $POLL; wait $POLL 2>/dev/null
for c in cell line six; do expect $c 'read holding 7 1' 'ok 7'; done
balanced 'two reloads and four dead engines meanwhile'
same 'a zone that came and went keeps its account' 10 "$(figure extra in)"
[ "$(figure all in)" -gt "$before" ] || fail 'the account began anew'
ok 'a reload does not begin it anew'

# A zone is cut off, another one's inspection is overridden.
"$B/otfwctl" isolate cell --reason test --run-dir "$RUN" >/dev/null || fail 'a zone cannot be isolated'
same 'isolated: a new session' 'connect:*' "$(tcp $PLC 502)"
"$B/otfwctl" override line --for 1min --reason test --run-dir "$RUN" >/dev/null || fail 'a zone cannot be overridden'
same 'overridden: what inspection denies' 'ok*' "$(tcp $PACKER 502 'write register 5 1')"
"$B/otfwctl" release cell --reason test --run-dir "$RUN" >/dev/null || fail 'a zone cannot be released'
"$B/otfwctl" override line --end --reason test --run-dir "$RUN" >/dev/null || fail 'an override cannot be ended'
balanced 'one zone isolated, one overridden'
above 'isolated' cell dropped/isolated 1
above 'overridden' line uninspected/override 2

# The guardian dies; closed drops, open passes unseen; the next one finds the account and says what was lost.
kill -KILL "$FWPID"
wait_for 5 no_engines || fail 'engines outlive their guardian'
same 'daemon dead, open zone' 'ok 1' "$(tcp $PACKER 502)"
same 'daemon dead, closed zone' 'connect:*' "$(tcp $PLC 502)"
sleep 1.5
fw_start "$TMP/policy.yaml"
sleep 1 # the first reading of the new run: nothing moves meanwhile, so it is exact
expect cell 'read holding 7 1' 'ok 7'
balanced 'after the guardian died'
above 'unseen' line uninspected/unseen 2
above 'lost while nobody held the queue' - before-start 1

# Somebody else's ruleset empties the queues.
closed=$(in_f awk '{ print $1; exit }' /proc/net/netfilter/nfnetlink_queue)
if in_f iptables -C FORWARD -j otfw-forward 2>/dev/null; then
	for p in $(engines); do kill -STOP "$p"; done
	udp_send "$C" $HMI $PLC 502 5 000100000006010300010001
	arrived() { [ "$(waiting "$closed")" -gt 0 ]; }
	wait_for 1 arrived && in_f nft 'add table ip theirs; add chain ip theirs f { type filter hook forward priority 5; }; delete table ip theirs'
	for p in $(engines); do kill -CONT "$p"; done
	sleep 0.3
	"$B/otfwctl" ledger --run-dir "$RUN" --json >"$TMP/ledger"
	same 'queues emptied by others: exit status' 1 $?
	same 'queues emptied by others: unaccounted' 5 "$(figure - unaccounted)"
	same 'queues emptied by others: said' '*does not balance: 5 packets came in*' "$("$B/otfwctl" ledger --run-dir "$RUN" | tail -n 1)"
fi
fw_stop
