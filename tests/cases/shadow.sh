#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Shadow says what enforcing would do: over every capture, PDU by PDU and packet by packet, `replay --in-step` has the same verdicts, reasons and details
# with the policy in shadow as in enforce. The captures of pcaps/ in both failure modes, those of ../shared/captures, where they are, in the closed one.
# One policy for all of them: rules of each protocol that allow a part of what it can say, so that both answers occur.
set -u
cd "$(dirname "$0")/../.." || exit 2
B=${B:-build/release}
ctl=$B/otfwctl
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
BOUND=45 # seconds for captures that are not ours; what is left then is counted

# policy FAILURE MODE
policy() {
	cat <<-YAML
		version: 1
		site: {name: Any plant}
		zones:
		  plant: {level: 1, networks: [0.0.0.0/0, "2000::/3", "fc00::/7", "fe80::/10"], failure: $1, deadline: 10ms}
		conduits:
		  - name: all
		    from: [plant]
		    to: plant
		    servers: any
		    protocols: [modbus, dnp3, iec104, s7comm, enip]
		    mode: $2
		    allow:
		      - {id: modbus, clients: any, servers: any, protocol: modbus, transport: [tcp, udp], units: any, functions: [read-holding-registers, read-coils,
		         write-single-register], addresses: {holding: [0..49], coil: any}, values: 0..100}
		      - {id: fast, clients: any, servers: any, protocol: modbus, units: any, functions: [read-input-registers], addresses: {input: any},
		         rate: {max: 2/s, burst: 3, per: client}}
		      - {id: dnp3, clients: any, servers: any, protocol: dnp3, transport: [tcp, udp], masters: any, outstations: any, functions: [read, confirm, delay-measurement,
		         unsolicited-response], addresses: any, objects: any}
		      - {id: iec104, clients: any, servers: any, protocol: iec104, common-addresses: any, originators: any, functions: [startdt, testfr, acknowledge, interrogation,
		         single-point, measured-float], causes: any, test: any, qoi: any, addresses: any}
		      - {id: s7, clients: any, servers: any, protocol: s7comm, functions: [connect, setup-communication, read-var, read-szl], addresses: any, calling-tsaps: any,
		         connection-kinds: any, racks: any, slots: any}
		      - {id: enip, clients: any, servers: any, protocol: enip, transport: [tcp, udp], functions: [register-session, list-identity, read-tag, get-attribute-single,
		         forward-open, forward-close], addresses: any, routes: any, attributes: any, tags: any}
	YAML
}
for failure in closed open; do
	for mode in enforce shadow; do
		policy $failure $mode >"$tmp/$failure-$mode.yaml"
		"$ctl" compile "$tmp/$failure-$mode.yaml" -o "$tmp/$failure-$mode.img" >"$tmp/said" 2>&1 || { cat "$tmp/said"; exit 1; }
	done
done

# lines FAILURE MODE CAPTURE: without what differs by its nature: the mode, and whether it went on.
lines() {
	"$ctl" replay --json --in-step --policy "$tmp/$1-$2.img" "$3" 2>/dev/null |
		sed '/^{"summary"/d; s/,"mode":"[a-z]*"//; s/,"passed":[a-z]*//'
}
pdus=0 denied=0 captures=0
# compare FAILURE CAPTURE
compare() {
	lines "$1" enforce "$2" >"$tmp/enforce"
	lines "$1" shadow "$2" >"$tmp/shadow"
	if ! cmp -s "$tmp/enforce" "$tmp/shadow"; then
		echo "WRONG $2, $1: enforce (<) and shadow (>) differ:"
		diff "$tmp/enforce" "$tmp/shadow" | head -n 6
		exit 1
	fi
	captures=$((captures + 1))
	pdus=$((pdus + $(wc -l <"$tmp/enforce")))
	denied=$((denied + $(grep -c '"verdict":"deny"' "$tmp/enforce")))
}

for f in pcaps/*/*.pcap; do
	compare closed "$f"
	compare open "$f"
	# In shadow nothing is withheld.
	if "$ctl" replay --json --policy "$tmp/closed-shadow.img" "$f" 2>/dev/null | grep -q '"passed":false'; then
		echo "WRONG $f: shadow withholds something"
		"$ctl" replay --json --policy "$tmp/closed-shadow.img" "$f" 2>/dev/null | grep '"passed":false' | head -n 3
		exit 1
	fi
done
[ "$denied" -gt 100 ] && [ "$denied" -lt "$pdus" ] || { echo "WRONG $denied of $pdus verdicts are denials: that compares nothing"; exit 1; }
echo "ok    $captures runs over pcaps/: $pdus verdicts, $denied of them denials, equal in enforce and shadow"

if [ -d ../shared/captures ]; then
	pdus=0 denied=0 captures=0 left=0 until=$((SECONDS + BOUND))
	while read -r f; do
		if [ $SECONDS -lt $until ]; then compare closed "$f"; else left=$((left + 1)); fi
	done < <(find ../shared/captures -type f \( -name '*.pcap' -o -name '*.pcapng' -o -name '*.cap' \) -size -2048k -printf '%s %p\n' | sort -n | cut -d' ' -f2-)
	echo "ok    $captures captures of others: $pdus verdicts, $denied of them denials, equal in enforce and shadow ($left left out for time)"
fi
exit 0
