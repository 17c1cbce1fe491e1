# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by every test of tests/netns, by the demo and by the bench. It lays out, under names of its own,
#
#   client 10.10.1.2 (HMI), .20 (engineering station)     fw 10.10.1.1 | 10.10.2.1     server 10.10.2.2 (PLC)
#          fd10:1::2                                          fd10:1::1 | fd10:2::1             fd10:2::2
#
# starts the daemon in the middle, and takes everything down again whatever happens: only namespaces and processes that it made.
# A check prints what was checked; the first wrong one ends the script with status 1. 77: skipped, the last line says why.
# shellcheck shell=bash
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
B=${B:-build/release}
TOOLS=$B/tests/netns/tools
BENCH=$B/tests/bench
TOOLSRC=tests/netns/tools
PY=/usr/bin/python3
HMI=10.10.1.2 EWS=10.10.1.20 PLC=10.10.2.2 HMI6=fd10:1::2 PLC6=fd10:2::2

skip() {
	echo "skipped: $*"
	exit 77
}
ok() { echo "ok    $*"; }
fail() {
	echo "WRONG $*"
	[ -n "${FWLOG:-}" ] && [ -s "$FWLOG" ] && sed 's/^/      otfwd: /' "$FWLOG" | tail -n 20
	[ -n "${EVENTS:-}" ] && [ -s "$EVENTS" ] && tail -n 5 "$EVENTS" | sed 's/^/      event: /'
	exit 1
}
# same WHAT EXPECTED GOT: a pattern as in case.
same() {
	# shellcheck disable=SC2053
	if [[ $3 == $2 ]]; then ok "$1: $3"; else fail "$1: expected '$2', got '$3'"; fi
}
# below WHAT LIMIT GOT (numbers, fractions allowed). SLOWER: how many times slower this machine is (tests/vm emulates one); limits of time are as many
# times higher, and the line says which limit was used.
below() {
	if [ "${SLOWER:-1}" != 1 ] && [[ $1 =~ (^|[^a-z])(ms|us)([^a-z]|$) ]]; then set -- "$1" "$(awk "BEGIN { print $2 * $SLOWER }")" "$3"; fi
	if awk "BEGIN { exit !($3 <= $2) }"; then ok "$1: $3 (at most $2)"; else fail "$1: $3 is above $2"; fi
}
# To the kernel "pid 0", which status says of an engine that is not there at the moment, is the caller's whole process group: a stop of that
# stops the test and what would end it.
kill() {
	local a
	for a in "$@"; do [ "$a" != 0 ] && [ -n "$a" ] || return 1; done
	builtin kill "$@"
}
now_ms() { echo $(($(date +%s%N) / 1000000)); }
# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
	local until=$(($(now_ms) + $1 * 1000 * ${SLOWER:-1}))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(now_ms)" -lt "$until" ] || return 1
		sleep 0.02
	done
}

need_root() { [ "$(id -u)" -eq 0 ] || skip 'only root can make network namespaces'; }
need_tools() {
	local t
	for t in "$@"; do [ -x "$t" ] || skip "$t is not built (make tools all)"; done
}
# A queue needs a kernel that has it: asked by binding one, not by reading a config.
need_queue() {
	need_root
	ip netns exec "$F" iptables -t mangle -A FORWARD -p tcp -m mark --mark 0x7fff -j NFQUEUE --queue-num 65000 2>/dev/null ||
		ip netns exec "$F" nft 'add table ip q; add chain ip q f { type filter hook forward priority 0; }; add rule ip q f queue num 65000' 2>/dev/null ||
		skip 'this kernel has no NFQUEUE target'
	ip netns exec "$F" iptables -t mangle -F FORWARD 2>/dev/null
	ip netns exec "$F" nft delete table ip q 2>/dev/null
	return 0
}
# Will the daemon take the nft backend here? It asks the kernel the same way.
nft_queue() {
	ip netns exec "$F" nft 'add table ip q; add chain ip q f { type filter hook forward priority 0; }; add rule ip q f queue num 65000' 2>/dev/null || return 1
	ip netns exec "$F" nft delete table ip q
}
need_python() {
	"$PY" -c "$1" 2>/dev/null || skip "$PY has no $2 (tests/deps.sh installs it)"
}

PIDS=()
NAMESPACES=()
down() {
	local p n i
	# Without the shell's word on everything that is killed here: it would hide what a test said last.
	exec 3>&2 2>/dev/null
	# The daemon first, on its own terms; then what is left in our namespaces.
	if [ -n "${FWPID:-}" ] && kill -0 "$FWPID" 2>/dev/null; then
		kill -TERM "$FWPID" 2>/dev/null
		for ((i = 0; i < 100; i++)); do kill -0 "$FWPID" 2>/dev/null || break; sleep 0.02; done
	fi
	for p in "${PIDS[@]}"; do kill "$p" 2>/dev/null; done
	for n in "${NAMESPACES[@]}"; do
		for p in $(ip netns pids "$n" 2>/dev/null); do kill -KILL "$p" 2>/dev/null; done
		ip netns del "$n" 2>/dev/null
	done
	exec 2>&3 3>&-
	[ -n "${TMP:-}" ] && [ -z "${KEEP:-}" ] || return
	[ -z "${IN_MEMORY:-}" ] || umount -l "$TMP" 2>/dev/null
	rm -rf "$TMP"
}
trap down EXIT
trap 'exit 1' INT TERM HUP

# tune NS NAME=VALUE...: settings under /proc/sys
tune() {
	local ns=$1 t
	shift
	for t in "$@"; do ip netns exec "$ns" sh -c "echo ${t#*=} >/proc/sys/${t%=*}" 2>/dev/null; done
	return 0
}
# netns NAME: one more namespace, its name in $NS.
netns() {
	NS=otfw-$$-$1
	ip netns add "$NS" || fail "cannot make a network namespace ($NS)"
	NAMESPACES+=("$NS")
	local why
	why=$(ip netns exec "$NS" true 2>&1) || skip "commands cannot run in a network namespace here: $why"
	ip -n "$NS" link set lo up
	# No waiting for duplicate address detection, no addresses from somebody's router advertisements.
	tune "$NS" net/ipv6/conf/all/accept_dad=0 net/ipv6/conf/default/accept_dad=0 net/ipv6/conf/all/accept_ra=0 net/ipv6/conf/default/accept_ra=0
}
# cable NS1 DEV1 NS2 DEV2
cable() {
	ip -n "$1" link add "$2" type veth peer name "$4" netns "$3" || fail "cannot lay a cable from $1 to $3"
	ip -n "$1" link set "$2" up
	ip -n "$3" link set "$4" up
}
# bg [in_c|in_f|in_s] COMMAND...: in the background, ended by down(); $! is the command itself, to be signalled and waited for.
bg() {
	case $1 in
	in_c) set -- ip netns exec "$C" "${@:2}" ;;
	in_f) set -- ip netns exec "$F" "${@:2}" ;;
	in_s) set -- ip netns exec "$S" "${@:2}" ;;
	esac
	"$@" <&0 & # else the shell gives it /dev/null, whatever the caller redirected
	PIDS+=($!)
}

# A folder of our own that the recorder, which is not root, can enter. IN_MEMORY=1: in a memory file system, as the run directory usually is.
workspace() {
	TMP=$(mktemp -d /tmp/otfw-netns.XXXXXX)
	[ -z "${IN_MEMORY:-}" ] || mount -t tmpfs -o size=1g otfw-test "$TMP" 2>/dev/null || skip 'a tmpfs cannot be mounted here'
	chmod 755 "$TMP"
}
plant_up() {
	need_root
	workspace
	netns c; C=$NS
	netns f; F=$NS
	netns s; S=$NS
	plant_lay
}
# Cables and addresses between $C, $F and $S.
plant_lay() {
	cable "$C" eth0 "$F" lan0
	cable "$S" eth0 "$F" plc0
	ip -n "$C" addr add $HMI/24 dev eth0
	ip -n "$C" addr add $EWS/24 dev eth0
	ip -n "$C" addr add $HMI6/64 dev eth0 nodad
	ip -n "$F" addr add 10.10.1.1/24 dev lan0
	ip -n "$F" addr add fd10:1::1/64 dev lan0 nodad
	ip -n "$F" addr add 10.10.2.1/24 dev plc0
	ip -n "$F" addr add fd10:2::1/64 dev plc0 nodad
	ip -n "$S" addr add $PLC/24 dev eth0
	ip -n "$S" addr add $PLC6/64 dev eth0 nodad
	ip -n "$C" route add default via 10.10.1.1
	ip -n "$C" -6 route add default via fd10:1::1
	ip -n "$S" route add default via 10.10.2.1
	ip -n "$S" -6 route add default via fd10:2::1
	tune "$F" net/ipv4/ip_forward=1 net/ipv6/conf/all/forwarding=1
}
in_c() { ip netns exec "$C" "$@"; }
in_f() { ip netns exec "$F" "$@"; }
in_s() { ip netns exec "$S" "$@"; }

# ---- the firewall ----

# fw_start POLICY [otfwd options]: returns once an engine reads its queue.
fw_start() {
	local policy=$1
	shift
	need_tools "$B/otfwd" "$B/otfw-engine" "$B/otfw-recorder" "$B/otfwctl"
	need_queue
	FWLOG=$TMP/otfwd.log EVENTS=$TMP/events.jsonl RUN=$TMP/run
	bg in_f ${PIN:-} "$B/otfwd" --libexec "$PWD/$B" --policy "$policy" --events "$EVENTS" --run-dir "$RUN" --state-dir "$TMP/state" "$@" >"$FWLOG" 2>&1 </dev/null
	FWPID=$!
	wait_for "${READY_WITHIN:-20}" fw_ready || fail "the daemon is not ready after ${READY_WITHIN:-20} s"
	queue_bound || fail "no queue is bound: $(in_f cat /proc/net/netfilter/nfnetlink_queue)"
}
fw_ready() { kill -0 "$FWPID" && fw_status >/dev/null && [ -n "$(engine_pid)" ]; }
fw_stop() {
	kill -TERM "$FWPID" 2>/dev/null
	wait_for 5 fw_gone || fail 'the daemon did not end within 5 s of SIGTERM'
	FWPID=
}
fw_gone() { ! kill -0 "$FWPID"; }
queue_bound() { in_f grep -q '[0-9]' /proc/net/netfilter/nfnetlink_queue; }
fw_status() { "$B/otfwctl" status --run-dir "$RUN" --json; }
fw_reload() { "$B/otfwctl" reload --run-dir "$RUN" "$@"; }
# status NAME: a number of `otfwctl status --json` (the last queue's, where there are several).
status() { fw_status | tr -d '\n' | sed -n "s/.*\"$1\": *\([0-9][0-9]*\).*/\1/p"; }
# Children of the daemon by the name of their executable.
child_pid() {
	local p
	for p in $(ip netns pids "$F"); do
		[ "$(cat "/proc/$p/comm" 2>/dev/null)" = "$1" ] && echo "$p" && return
	done
}
engine_pid() { child_pid otfw-engine; }
recorder_pid() { child_pid otfw-recorder; }

# field LINE NAME: a value of one event, strings unquoted.
field() {
	printf '%s\n' "$1" | sed -n "s/.*\"$2\": *\"\(\([^\"\\\\]\|\\\\.\)*\)\".*/\1/p; t; s/.*\"$2\": *\([-0-9.a-z]*\).*/\1/p"
}
# events_mark; then event PATTERN: the newest event since the mark that the pattern (grep) finds, waited for.
events_mark() { MARK=$(wc -c <"$EVENTS" 2>/dev/null || echo 0); }
events_new() { tail -c +$((MARK + 1)) "$EVENTS" 2>/dev/null; }
event_find() { events_new | grep -q -- "$1"; }
event() {
	wait_for "${2:-3}" event_find "$1" || return 1
	events_new | grep -- "$1" | tail -n 1
}
# denied WHAT REASON [DETAIL PATTERN]: since the mark there is a deny event with that reason.
denied() {
	local e
	e=$(event "\"reason\":\"$2\"") || fail "$1: no event with reason $2 (the last: $(events_new | tail -n 1))"
	same "$1: the event says why" "${3:-*}" "$(field "$e" detail)"
}

# ---- Modbus peers ----

server_start() {
	need_tools "$TOOLS/modbus_server" "$TOOLS/modbus_client"
	bg in_s "$TOOLS/modbus_server" "$@" 2>/dev/null
	SERVERPID=$!
	wait_for 5 listening "$S" 502 || fail 'the Modbus server does not listen'
}
# listening NS PORT: something accepts TCP there (read from the kernel, no connection made).
listening() { ip netns exec "$1" cat /proc/net/tcp /proc/net/tcp6 | grep -qi ":$(printf %04X "$2") [0-9A-F]*:0000 0A"; }

# client_open NAME NS ARGS...: a client that keeps its session; ask NAME REQUEST prints "MS RESULT"; say REQUEST in $SAID and $MS.
client_open() {
	local name=$1 ns=$2
	shift 2
	mkfifo "$TMP/$name.in" "$TMP/$name.out"
	ip netns exec "$ns" "$TOOLS/modbus_client" "$@" <"$TMP/$name.in" >"$TMP/$name.out" 2>&1 &
	PIDS+=($!)
	eval "exec {IN_$name}>\"$TMP/$name.in\" {OUT_$name}<\"$TMP/$name.out\""
}
client_close() {
	eval "exec {IN_$1}>&- {OUT_$1}<&-"
	rm -f "$TMP/$1.in" "$TMP/$1.out"
}
ask() {
	local in=IN_$1 out=OUT_$1 line
	printf '%s\n' "$2" >&"${!in}"
	read -r -t "${3:-10}" line <&"${!out}" || fail "client $1 gives no answer to '$2'"
	MS=${line%% *} SAID=${line#* }
}
# expect NAME REQUEST PATTERN
expect() {
	ask "$1" "$2"
	same "$1: $2" "$3" "$SAID"
}
# on_plc REQUEST: asked beside the firewall, in the server's own namespace.
on_plc() { printf '%s\n' "$1" | in_s "$TOOLS/modbus_client" 127.0.0.1 | cut -d' ' -f2-; }
plc_holds() { same "PLC's own registers, $1" "ok $2" "$(on_plc "read holding $1")"; }
# How many requests of function N have reached the PLC.
plc_requests() { on_plc "read input $((256 + $1)) 1" | cut -d' ' -f2; }
