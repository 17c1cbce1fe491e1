#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The demo: a small plant in network namespaces, the real daemon on the real NFQUEUE, a libmodbus client and a libmodbus server. It
# prints what was tried, what the firewall said and why, checks every line of it, and takes everything down. Exit status 0:
# everything was as announced.
#
#   run.sh                 as root: live. Otherwise: the same policy over pcaps/modbus/demo.pcap
#   run.sh --replay        the second, whoever asks
#   run.sh --record FILE   the same attempts in the same plant without a firewall, captured (how demo.pcap is made)
set -u
. "$(dirname "$0")/../lib.sh"
POLICY=examples/demo.yaml
CAPTURE=pcaps/modbus/demo.pcap

# WHO | what is tried, for people | the request, as modbus_client takes it | allowed, or the reason | what the detail must say
STEPS=(
	'HMI|read the tank levels: holding 0..9|read holding 0 10|allowed|'
	'HMI|read temperatures: input 0..3|read input 0 4|allowed|'
	'HMI|write a setpoint in range: holding 40 = 500|write register 40 500|allowed|'
	'HMI|write two setpoints in one request: 40..41 = 510 520|write registers 40 510 520|allowed|'
	'HMI|write 21 registers, 40..60: half in the window, half not|write registers 40 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1|address|holding 40..60 is not inside 40..49 of rule hmi-to-plc/set*'
	'HMI|write a setpoint out of bounds: 40 = 1001|write register 40 1001|value|*1001*hmi-to-plc/set*'
	'EWS|read the same levels: holding 0..9|read holding 0 10|allowed|'
	'EWS|write a setpoint: it may only read|write register 40 600|*|*'
	'EWS|restart the controller: diagnostics, function 8/1|pdu 0800010000|*|*'
	'EWS|reach a drive through the controller: CANopen, function 43/13|pdu 2b0d000001600000000000|*|*'
	'EWS|stop the program: UMAS, function 90|pdu 5a0141ff00|*|*'
	'HMI|the 21 registers again, cut into one-byte TCP segments|cut write registers 40 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1|address|holding 40..60 is not inside 40..49 of rule hmi-to-plc/set*'
	'HMI|a harmless read, and behind it in the same segment 41 = 1001|join read holding 0 2 + write register 41 1001|value|*1001*hmi-to-plc/set*'
	'HMI|and what is allowed still is: holding 40..41|read holding 40 2|allowed|'
)

bold='' dim='' red='' green='' off=''
if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' off=$'\e[0m'; fi
tried=0 allowed=0 refused=0
wrong() {
	printf '\n%sThe demo does not hold: %s%s\n' "$red" "$*" "$off"
	[ -n "${FWLOG:-}" ] && [ -s "$FWLOG" ] && sed 's/^/  otfwd: /' "$FWLOG" | tail -n 20
	exit 1
}
# row WHO WORDS allowed|refused NOTE WHY
row() {
	local colour=$green said=$3
	tried=$((tried + 1))
	if [ "$3" = refused ]; then
		colour=$red said=REFUSED refused=$((refused + 1))
	else
		allowed=$((allowed + 1))
	fi
	printf '%3d  %-3s  %-63s  %s%-7s%s  %s\n' "$tried" "$1" "$2" "$colour" "$said" "$off" "$4"
	[ -n "$5" ] && printf '%s%s%s\n' "$dim" "$(fold -s -w 88 <<<"$5" | sed "s, *\$,," | sed 's/^/          /')" "$off"
	return 0
}
head_row() {
	printf '\n%s%3s  %-3s  %-63s  %-7s  %s%s\n' "$bold" '#' who 'what was tried' otfw 'client saw' "$off"
}
plant_picture() {
	cat <<-END

	${bold}otfw demo${off}: $1

	   HMI 10.10.1.2 ---+
	                    +--- otfw --- PLC 10.10.2.2, Modbus/TCP port 502, unit 1
	   EWS 10.10.1.20 --+

	${bold}The policy${off} ($POLICY) in two lines; what they do not name does not pass:

	   hmi-to-plc/view   HMI and EWS   may read holding and input registers 0..99
	   hmi-to-plc/set    HMI           may write holding registers 40..49, values 0..1000
	END
}

# ---- without root: the same attempts from a capture ----
replay() {
	local out line s who words request want pattern verdict reason detail n=0
	need_tools "$B/otfwctl"
	plant_picture "$1"
	out=$("$B/otfwctl" replay --policy "$POLICY" --json "$CAPTURE") || wrong "otfwctl replay ended with $?"
	mapfile -t lines < <(grep '"dport": *502,.*"pdu": *[0-9]' <<<"$out")
	printf '\n%s%3s  %-3s  %-63s  %-7s  %s%s\n' "$bold" '#' who 'what was tried' otfw frame "$off"
	for s in "${STEPS[@]}"; do
		IFS='|' read -r who words request want pattern <<<"$s"
		case $request in join*) n=$((n + 1)) ;; esac # of two PDUs in one segment the second is what it is about
		line=${lines[n]:-}
		n=$((n + 1))
		[ -n "$line" ] || wrong "the capture ends before '$words'"
		verdict=$(field "$line" verdict) reason=$(field "$line" reason) detail=$(field "$line" detail)
		if [ "$want" = allowed ]; then
			[ "$verdict" = allow ] || wrong "'$words' is $verdict ($reason: $detail)"
			row "$who" "$words" allowed "$(field "$line" frame)" ''
		else
			# shellcheck disable=SC2053
			[[ $verdict = deny && $reason == $want && $detail == $pattern ]] ||
				wrong "'$words' is $verdict ($reason: $detail), expected $want: $pattern"
			row "$who" "$words" refused "$(field "$line" frame)" "$detail"
		fi
	done
	[ "$n" -eq "${#lines[@]}" ] || wrong "the capture holds ${#lines[@]} requests, $n were expected"
	printf '\n%d attempts: %d allowed, %d refused; every verdict is the announced one.\n' "$tried" "$allowed" "$refused"
	echo "Only root can see the rest: the live queue, a session that outlives its engine, the PLC's registers."
}

# ---- the plant ----
demo_plant() { # with otfw's namespace in the middle
	workspace
	netns hmi; C=$NS
	netns ews; E=$NS
	netns f; F=$NS
	netns plc; S=$NS
	cable "$C" eth0 "$F" lan0
	cable "$E" eth0 "$F" lan1
	cable "$S" eth0 "$F" plc0
	ip -n "$C" addr add $HMI/24 dev eth0
	ip -n "$E" addr add $EWS/24 dev eth0
	ip -n "$F" addr add 10.10.1.1/32 dev lan0
	ip -n "$F" addr add 10.10.1.1/32 dev lan1
	ip -n "$F" route add $HMI/32 dev lan0
	ip -n "$F" route add $EWS/32 dev lan1
	ip -n "$F" addr add 10.10.2.1/24 dev plc0
	ip -n "$S" addr add $PLC/24 dev eth0
	ip -n "$C" route add default via 10.10.1.1
	ip -n "$E" route add default via 10.10.1.1
	ip -n "$S" route add default via 10.10.2.1
	tune "$F" net/ipv4/ip_forward=1
	server_start
	client_open HMI "$C" -t 3000 $PLC
	client_open EWS "$E" -t 3000 $PLC
}

record() { # FILE
	local s who words request rest cap n
	need_root
	for n in tcpdump ethtool; do command -v $n >/dev/null || skip "$n is not installed"; done
	demo_plant
	for n in "$C" "$E" "$S"; do ip netns exec "$n" ethtool -K eth0 tx off rx off gso off gro off tso off >/dev/null 2>&1; done
	for n in lan0 lan1 plc0; do in_f ethtool -K $n tx off rx off gso off gro off tso off >/dev/null 2>&1; done
	ip -n "$S" link set eth0 address 02:00:00:00:02:02
	ip -n "$F" link set plc0 address 02:00:00:00:02:01
	bg in_s tcpdump -Z root -i eth0 -U --immediate-mode -w "$TMP/demo.pcap" 'tcp port 502' 2>"$TMP/tcpdump"
	cap=$!
	wait_for 5 grep -q 'listening on' "$TMP/tcpdump" || wrong "tcpdump: $(cat "$TMP/tcpdump")"
	for s in "${STEPS[@]}"; do
		IFS='|' read -r who words request rest <<<"$s"
		ask "$who" "$request"
		case $SAID in ok* | exception*) ;; *) wrong "without a firewall '$request' came to: $SAID" ;; esac
		# A session each: in the live demo a refused request ends its session.
		ask "$who" close
		sleep 0.05
	done
	sleep 0.3
	kill -TERM $cap
	wait $cap 2>/dev/null
	mv "$TMP/demo.pcap" "$1"
	echo "$1: $(tcpdump -r "$1" 2>/dev/null | wc -l) frames, $(stat -c %s "$1") octets"
}

live() {
	local s who words request want pattern e reason detail before old new i slow=0 c writes
	plant_picture 'a plant in namespaces, the real daemon on the real NFQUEUE, libmodbus at both ends'
	demo_plant
	fw_start "$POLICY"
	head_row
	for s in "${STEPS[@]}"; do
		IFS='|' read -r who words request want pattern <<<"$s"
		events_mark
		ask "$who" "$request"
		if [ "$want" = allowed ]; then
			case $SAID in ok*) ;; *) wrong "'$words' came to: $SAID; $(events_new | tail -n 1)" ;; esac
			row "$who" "$words" allowed "${MS%?} ms" ''
			continue
		fi
		e=$(event '"event": *"deny"') || wrong "'$words' came to '$SAID', and the event log says nothing of it"
		reason=$(field "$e" reason) detail=$(field "$e" detail)
		# shellcheck disable=SC2053
		[[ $SAID = reset && $reason == $want && $detail == $pattern ]] ||
			wrong "'$words' came to: $SAID ($reason: $detail); expected a reset with $want: $pattern"
		row "$who" "$words" refused reset "$detail"
	done

	printf '\n%sThe engine is killed while the HMI works%s\n\n' "$bold" "$off"
	ask HMI 'read holding 0 10'
	ask HMI connects
	before=$SAID old=$(engine_pid)
	kill -KILL "$old"
	for ((i = 0; i < 50; i++)); do
		ask HMI 'read holding 0 10'
		case $SAID in ok*) ;; *) wrong "after the engine's death a read came to: $SAID" ;; esac
		slow=$(awk "BEGIN { print ($MS > $slow) ? $MS : $slow }")
	done
	new=$(engine_pid)
	ask HMI connects
	[ "$SAID" = "$before" ] || wrong "the HMI had to open a new session"
	[ -n "$new" ] && [ "$new" != "$old" ] || wrong 'no new engine was started'
	echo "   engine $old killed with SIGKILL, engine $new took over its queue and its sessions"
	echo "   50 reads of the HMI right after: all answered on the same TCP session, slowest ${slow} ms"
	awk "BEGIN { exit $slow < 150 }" &&
		printf '   %s\n   %s\n' '(one packet the dead engine had read and not yet judged: a closed zone drops it,' 'and TCP sends it again after 200 ms)'
	events_mark
	ask HMI 'write register 40 1001'
	[ "$SAID" = reset ] || wrong "the new engine lets a forbidden write through: $SAID"
	echo '   and the new engine refuses what the old one refused (40 = 1001)'

	printf '\n%sWhat reached the PLC, asked at the PLC itself%s\n\n' "$bold" "$off"
	c=$(on_plc 'read holding 40 21')
	[ "$c" = 'ok 510 520 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60' ] || wrong "the PLC holds $c"
	echo "   holding 40..60: ${c#ok }"
	echo '   (only the two allowed writes are there; a register N that nobody wrote holds N)'
	writes="$(plc_requests 6) $(plc_requests 16) $(plc_requests 8) $(plc_requests 43) $(plc_requests 90)"
	[ "$writes" = '1 1 0 0 0' ] || wrong "requests of function 6, 16, 8, 43, 90 that reached the PLC: $writes, not 1 1 0 0 0"
	echo '   requests it received: 1 of function 6, 1 of function 16, none of 8, 43 or 90'
	client_close HMI
	client_close EWS
	fw_stop
	printf '\n%s%d attempts: %d allowed, %d refused. Nothing that was refused reached the PLC.%s\n' "$green" "$tried" "$allowed" "$refused" "$off"
}

case ${1:-} in
--record) record "${2:?FILE}" ;;
--replay) replay 'the same policy over a capture of the same attempts' ;;
'')
	if [ "$(id -u)" -ne 0 ]; then
		replay 'not root, so no live plant: the same policy over a capture of the same attempts'
	else
		live
	fi
	;;
*)
	echo 'usage: run.sh [--replay | --record FILE]' >&2
	exit 2
	;;
esac
