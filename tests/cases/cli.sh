#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The command line of otfwctl: what it answers, and how it refuses bad input: one line that names the thing, and the exit
# status of DESIGN section 13 (0 done, 1 the answer is no, 2 it could not run).
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build/release}
ctl=$B/otfwctl
policy=examples/demo.yaml
pcap=pcaps/modbus/demo.pcap
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
bad=0 n=0

# try STATUS WHAT -- ARGS: runs, keeps $tmp/out and $tmp/err, compares the exit status.
try() {
	local want=$1 what=$2
	shift 3
	n=$((n + 1))
	"$ctl" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	local rc=$?
	if [ "$rc" -ne "$want" ]; then
		echo "$what: exit $rc, wanted $want: otfwctl $*"
		head -n 3 "$tmp/out" "$tmp/err"
		bad=1
	fi
	if grep -q 'Sanitizer\|runtime error' "$tmp/err"; then
		echo "$what: $(grep -m 1 'Sanitizer\|runtime error' "$tmp/err")"
		bad=1
	fi
}
# says FILE PATTERN: the last run's out or err has a line with it.
says() {
	grep -q -- "$2" "$tmp/$1" && return
	echo "otfwctl's $1 does not say '$2' but: $(head -n 3 "$tmp/$1")"
	bad=1
}
# refuses WHAT PATTERN -- ARGS: exit 2, nothing on standard output, one line (and the usage line at most) that says it.
refuses() {
	local what=$1 pattern=$2
	shift 3
	try 2 "$what" -- "$@"
	says err "$pattern"
	[ -s "$tmp/out" ] && echo "$what: data in spite of the error: $(head -n 1 "$tmp/out")" && bad=1
	[ "$(grep -vc '^usage: ' "$tmp/err")" -eq 1 ] || { echo "$what: not one line: $(cat "$tmp/err")" && bad=1; }
}

# ---- commands and options ----
try 0 version -- --version
says out "^otfwctl $(cat VERSION)$"
try 0 help -- help
for c in init check fmt compile decode replay explain ruleset diff status reload assets manual; do says out "otfwctl $c "; done
try 0 'help of a command' -- help replay
says out '^usage: otfwctl replay --policy POLICY'
try 0 '--help of a command' -- replay --help
says out '^usage: otfwctl replay'
try 2 'no command' --
refuses 'unknown command' 'unknown command chekc; did you mean check?' -- chekc
refuses 'unknown command, far from any' 'unknown command xyzzyx' -- xyzzyx
refuses 'help of no command' 'unknown command replya; did you mean replay?' -- help replya
refuses 'unknown option' 'unknown option --jsno; did you mean --json?' -- decode --jsno "$pcap"
refuses 'unknown short option' 'unknown option -x' -- decode -x "$pcap"
refuses 'option with an argument too many' 'option --json takes no argument' -- decode --json=yes "$pcap"
refuses 'option without its argument' 'option --policy needs an argument' -- replay --policy
refuses 'no file' 'an argument is missing' -- decode
refuses 'two files' 'too many arguments' -- decode "$pcap" "$pcap"
refuses 'no policy' '--policy is missing' -- replay "$pcap"
refuses 'no policy' '--policy is missing' -- explain 'modbus unit 1 read-coils coil 0'
refuses 'no policy' '--policy is missing' -- ruleset
refuses 'no output' '-o IMAGE is missing' -- compile "$policy"

# ---- missing files, directories, what is no policy and no capture ----
for c in check fmt; do refuses "$c: missing file" 'nosuch.yaml: No such file or directory' -- $c "$tmp/nosuch.yaml"; done
refuses 'compile: missing file' 'nosuch.yaml: No such file' -- compile "$tmp/nosuch.yaml" -o "$tmp/i"
refuses 'replay: missing policy' 'nosuch.yaml: No such file' -- replay --policy "$tmp/nosuch.yaml" "$pcap"
refuses 'replay: missing capture' 'nosuch.pcap: No such file' -- decode "$tmp/nosuch.pcap"
refuses 'ruleset: missing policy' 'nosuch.yaml: No such file' -- ruleset --policy "$tmp/nosuch.yaml"
refuses 'explain: missing policy' 'nosuch.yaml: No such file' -- explain --policy "$tmp/nosuch.yaml" x
refuses 'diff: missing policy' 'nosuch.yaml: No such file' -- diff "$policy" "$tmp/nosuch.yaml"
refuses 'check: a directory' "$tmp: Is a directory" -- check "$tmp"
refuses 'decode: no capture' 'demo.yaml: not a capture' -- decode "$policy"
: >"$tmp/empty"
refuses 'decode: an empty file' 'empty: not a capture' -- decode "$tmp/empty"
refuses 'compile: nowhere to write' 'nosuch/image: No such file' -- compile "$policy" -o "$tmp/nosuch/image"

# ---- a capture that is cut off: what was read is printed, then the error ----
head -c 3000 "$pcap" >"$tmp/cut.pcap"
try 2 'decode: cut capture' -- decode --json "$tmp/cut.pcap"
says err 'cut.pcap: after frame [0-9]*: truncated dump file'
says out '"function_name":"read-holding-registers"'
[ "$(wc -l <"$tmp/err")" -eq 1 ] || { echo 'a cut capture: not one line' && bad=1; }
try 2 'replay: cut capture' -- replay --policy "$policy" --json "$tmp/cut.pcap"
says err 'cut.pcap: after frame'
says out '"verdict":"allow"'
says out '"summary":'
try 2 'replay --fail-on-deny: cut capture' -- replay --policy "$policy" --fail-on-deny "$tmp/cut.pcap"

# ---- a policy with an error at a known place ----
sed 's/^conduits:/conduit:/' "$policy" >"$tmp/wrong.yaml"
line=$(grep -n '^conduit:' "$tmp/wrong.yaml" | cut -d: -f1)
try 1 'check: a wrong key' -- check "$tmp/wrong.yaml"
says err "wrong.yaml:$line:1: error: .*conduit"
try 1 'check --json: a wrong key' -- check --json "$tmp/wrong.yaml"
says out "\"line\":$line,\"col\":1,\"severity\":\"error\""
says out '"valid":false'
mkfifo "$tmp/pipe"
cat $policy >"$tmp/pipe" &
try 0 'a policy from a pipe' -- check "$tmp/pipe"
says out ': valid: '
try 1 'compile: a wrong key' -- compile "$tmp/wrong.yaml" -o "$tmp/wrong.img"
says err "wrong.yaml:$line:1: error:"
[ -e "$tmp/wrong.img" ] && echo 'an image was written of a wrong policy' && bad=1
try 1 'replay: a wrong policy' -- replay --policy "$tmp/wrong.yaml" "$pcap"
says err "wrong.yaml:$line:1: error:"
try 1 'explain: a wrong policy' -- explain --policy "$tmp/wrong.yaml" 'modbus unit 1 read-coils coil 0'
try 1 'ruleset: a wrong policy' -- ruleset --policy "$tmp/wrong.yaml"
try 1 'diff: a wrong policy' -- diff "$policy" "$tmp/wrong.yaml"
printf 'version: 1\nzones: [\n' >"$tmp/yaml.yaml"
try 1 'check: no YAML' -- check "$tmp/yaml.yaml"
says err 'yaml.yaml:[0-9]*:[0-9]*: error:'
try 1 'fmt: no YAML' -- fmt "$tmp/yaml.yaml"
says err 'yaml.yaml:[0-9]*:[0-9]*: error:'

# ---- images ----
try 0 compile -- compile "$policy" -o "$tmp/image"
digest=$(cat "$tmp/out")
[ "${#digest}" -eq 64 ] || { echo "compile prints no digest: $digest" && bad=1; }
try 0 'compile twice' -- compile "$policy" -o "$tmp/image2"
cmp "$tmp/image" "$tmp/image2" || bad=1
try 0 'check: an image' -- check "$tmp/image"
says out "^$digest$"
try 0 'check --json' -- check --json "$policy"
says out "\"valid\":true.*\"digest\":\"$digest\""
"$ctl" replay --policy "$policy" --json "$pcap" >"$tmp/by-yaml"
"$ctl" replay --policy "$tmp/image" --json "$pcap" >"$tmp/by-image"
cmp "$tmp/by-yaml" "$tmp/by-image" || bad=1
# version and order follow the eight octets of magic
cp "$tmp/image" "$tmp/other" && printf '\377\177' | dd of="$tmp/other" bs=1 seek=8 conv=notrunc status=none
refuses 'check: an image of another version' 'other: image version 32767, this is version' -- check "$tmp/other"
refuses 'replay: an image of another version' 'other: image version' -- replay --policy "$tmp/other" "$pcap"
refuses 'ruleset: an image of another version' 'other: image version' -- ruleset --policy "$tmp/other"
size=$(stat -c %s "$tmp/image")
for at in 40 200 $((size / 2)) $((size - 1)); do
	cp "$tmp/image" "$tmp/changed"
	octet=$(od -An -tu1 -j "$at" -N 1 "$tmp/changed" | tr -d ' ')
	printf "\\$(printf %03o $(((octet + 1) % 256)))" | dd of="$tmp/changed" bs=1 seek="$at" conv=notrunc status=none
	refuses "check: octet $at of an image changed" 'changed: ' -- check "$tmp/changed"
done
head -c 100 "$tmp/image" >"$tmp/short"
refuses 'check: an image cut off' 'short: ' -- check "$tmp/short"
try 0 'compile over an image' -- compile "$policy" -o "$tmp/image"
try 0 'compile to a device' -- compile "$policy" -o /dev/null
[ -c /dev/null ] || { echo '/dev/null was replaced' && bad=1; }

# ---- decode ----
try 0 decode -- decode --json pcaps/modbus/libmodbus.pcap
says out '^{"frame":4,"ts":[0-9]*\.[0-9]\{6\},"src":"10.10.1.2","sport":[0-9]*,"dst":"10.10.2.2","dport":502,"transport":"tcp","proto":"modbus","pdu":1,"dir":"request","unit":1,"function":1,"function_name":"read-coils","access":"read","space":"coil","first":0,"last":15,"key":null,"values":null}$'
says out '"exception":[0-9]'
try 0 'decode: what is refused' -- decode --json pcaps/modbus/malformed.pcap
says out '"pdu":[0-9]*,"error":"count","field":"quantity","offset":10}$'
try 0 'decode: sub-functions' -- decode --json pcaps/modbus/opaque.pcap
says out '"function":90,.*"access":"opaque",.*"sub":[0-9]'
says out '"dir":"response","unit":1,"function":43,.*"identification":{"unit":1,"vendor":"Test plant","order":"PLC-1","version":"1.0"}}$'
[ "$(grep -c '"identification"' "$tmp/out")" -eq 2 ] || { echo 'decode: another PDU than the two answers has an identification' && bad=1; }
try 0 'decode: a controller that says what it is' -- decode --json pcaps/s7/snap7.pcap
says out '"function_name":"read-szl",.*"identification":{"name":"SNAP7-SERVER","serial":"S C-C2UR28922012","product":"CPU 315-2 PN/DP"}}$'
try 0 'decode: numbers that say what a device is' -- decode --json pcaps/enip/ethernet-ip.pcap
says out '"identification":{"unit":256,"vendor":1,"kind":14,"order":55,"version":"20.11","serial":305419896,"product":"TestPLC"}}$'
try 0 'decode: every value' -- decode --json pcaps/modbus/libmodbus.pcap
/usr/bin/env python3 -c '
import json, sys
ops = [json.loads(l) for l in open(sys.argv[1])]
assert any(o["values"] and len(o["values"]) == 125 for o in ops if "values" in o), "no answer with 125 registers"
for o in ops:
    if o.get("values") and o["first"] is not None:
        assert len(o["values"]) == o["last"] - o["first"] + 1, o
' "$tmp/out" || bad=1
for p in modbus 502=modbus modbus=0 modbus=65536 modbus=x modbus=502/sctp xyz=502; do
	refuses "decode --port $p" "--port $p: " -- decode --port "$p" "$pcap"
done
try 0 'decode: another port' -- decode --port modbus=1502/tcp --port modbus=1503 "$pcap"

# ---- replay ----
try 0 replay -- replay --policy "$policy" --json "$pcap"
says out '"conduit":"hmi-to-plc","proto":"modbus","pdu":1,.*"verdict":"allow","rule":"hmi-to-plc/view","reason":"none","detail":null'
says out '"verdict":"deny","rule":null,"reason":"address","detail":"holding 40..60 is not inside 40..49 of rule hmi-to-plc/set"'
says out '^{"summary":{"frames":[0-9]*,.*"allow":13,"deny":8,"deny_passed":0,"uninspected":0,"segments_denied":[0-9]*,"segments_uninspected":0,'
try 0 'replay for people' -- replay --policy "$policy" "$pcap"
says out 'deny, address: holding 40..60 is not inside 40..49 of rule hmi-to-plc/set'
try 1 'replay --fail-on-deny' -- replay --policy "$policy" --fail-on-deny "$pcap"
sed 's/mode: enforce/mode: shadow/' "$policy" >"$tmp/shadow.yaml"
try 0 'replay: shadow' -- replay --policy "$tmp/shadow.yaml" --json "$pcap"
says out '"verdict":"deny",.*"mode":"shadow","passed":true}$'
[ "$(grep -c '"passed":false' "$tmp/out")" -eq 0 ] || { echo 'shadow: something did not pass' && bad=1; }

# ---- explain ----
ask() {
	local status=$1 question=$2
	shift 2
	try "$status" "explain $question" -- explain --policy "$policy" "$question"
	for pattern; do says out "$pattern"; done
}
ask 0 'hmi -> plc:502 modbus request unit 1 write-single-register holding 41 = 5' 'allowed by hmi-to-plc/set' \
	'41 zero-based, 42 one-based, 40042 modicon' 'hmi-to-plc/view: function:'
ask 1 'hmi -> plc modbus unit 1 write-single-register holding 41 = 1001' 'denied, value: .* 0..1000'
ask 1 'ews -> plc modbus unit 1 write-single-register holding 41 = 5' 'denied, function:'
ask 1 '10.10.1.2 -> 10.10.2.2 modbus unit 2 read-holding-registers holding 0' 'denied, unit:'
ask 1 'hmi -> 10.10.2.9 modbus unit 1 read-holding-registers holding 0' 'denied, no-conduit:'
ask 1 '192.0.2.1 -> plc modbus unit 1 read-holding-registers holding 0' 'denied, no-zone:' 'in no zone'
ask 1 'hmi -> plc:102 modbus unit 1 read-holding-registers holding 0' 'denied, no-rule:'
ask 0 'modbus unit 1 read-input-registers input 99' 'allowed by hmi-to-plc/view' '30100 modicon'
ask 1 'modbus unit 1 read-input-registers input 100' 'denied, no-rule' 'hmi-to-plc/view: address:'
# Two rules that only together name what is asked: neither allows it, and both are named.
awk '/- id: view/ {on = 1} /- id: set/ {on = 0; printf "%s", copy} {print} on {gsub(/view/, "more"); sub(/holding: .*/, "holding: [100..109]}"); copy = copy $0 "\n"}' \
	"$policy" >"$tmp/two.yaml"
try 0 'check: two rules that meet' -- check "$tmp/two.yaml"
try 1 'explain: two rules' -- explain --policy "$tmp/two.yaml" 'hmi -> plc modbus unit 1 read-holding-registers holding 95..104'
says out '^hmi-to-plc/view and hmi-to-plc/more together name all of it, but no rule alone does'
try 0 'explain --json' -- explain --json --policy "$tmp/image" 'hmi -> plc modbus unit 1 read-holding-registers holding 7..9'
says out '"addresses":{"zero_based":"7..9","one_based":"8..10","modicon":"40008..40010"},"conduit":"hmi-to-plc","mode":"enforce","verdict":"allow","rule":"hmi-to-plc/view"'
for q in 'hni -> plc modbus unit 1 read-coils coil 0' '-> plc modbus unit 1 read-coils coil 0' 'hmi -> ' \
	'hmi -> plc:99999 modbus unit 1 read-coils coil 0' 'hmi -> plc:502/sctp modbus unit 1 read-coils coil 0' \
	'hmi -> plc xyz unit 1 read-coils coil 0' 'hmi -> plc modbus unit 1 no-such-function' '' \
	'hmi -> plc modbus response unit 1 read-coils coil 0'; do
	refuses "explain '$q'" '^otfwctl explain: ' -- explain --policy "$policy" "$q"
done
refuses 'explain --at' '--at yesterday: ' -- explain --at yesterday --policy "$policy" 'modbus unit 1 read-coils coil 0'
# Every denied operation of a log is a question that explain takes, and its answer is the same.
"$ctl" decode "$pcap" | while read -r frame _ _ _ _ op; do
	case $op in 'modbus request '*) printf '%s\t%s\n' "$frame" "$op" ;; esac
done >"$tmp/ops"
[ -s "$tmp/ops" ] || { echo 'no operations to ask about' && bad=1; }
while IFS=$'\t' read -r frame op; do
	# Only first requests of their session: what follows a cut is not judged.
	line=$("$ctl" replay --policy "$policy" --json "$pcap" | grep "^{\"frame\":$frame,.*\"dir\":\"request\"" | tail -n 1)
	client=$(printf %s "$line" | sed 's/.*"src":"\([^"]*\)".*/\1/')
	case $line in *'"verdict":"allow"'*) want=0 ;; *) want=1 ;; esac
	[ "$(grep -c "^$frame	" "$tmp/ops")" -eq 1 ] || continue
	try "$want" "explain of frame $frame" -- explain --policy "$policy" "$client -> plc $op"
done <"$tmp/ops"

# ---- ruleset, fmt, init, manual, diff ----
for backend in nft iptables; do
	try 0 "ruleset $backend" -- ruleset --policy "$policy" --backend $backend --queue-base 40
	says out '10.10.2.2'
	says out '40'
done
try 0 'ruleset remove' -- ruleset --policy "$policy" --part remove
try 0 'ruleset island: nothing isolated' -- ruleset --policy tests/netns/guardian.yaml --backend iptables --part island
says out '^:otfw-gate '
try 0 'ruleset island' -- ruleset --policy tests/netns/guardian.yaml --backend iptables --part island --isolate cell --override line
says out '^-A otfw-gate -d 10.10.2.0/24 -j otfw-island_to_0$'
says out '^-A otfw-override_to_1 '
try 0 'ruleset island: safety lanes' -- ruleset --policy tests/netns/guardian.yaml --backend iptables --part island --isolate sis --including-safety
says out '^-A otfw-post_safety -d 10.10.9.0/28 -j otfw-island_out_to_0$'
refuses 'ruleset island: no zone' 'cel: the policy has no such zone' -- ruleset --policy tests/netns/guardian.yaml --part island --isolate cel
refuses 'ruleset island: a safety zone' 'sis: a safety zone is never overridden' -- ruleset --policy tests/netns/guardian.yaml --part island --override sis
refuses 'ruleset backend' '--backend ebtables: nft or iptables' -- ruleset --policy "$policy" --backend ebtables
refuses 'ruleset family' '--family 5: 4 or 6' -- ruleset --policy "$policy" --family 5
refuses 'ruleset queue base' '--queue-base 70000: ' -- ruleset --policy "$policy" --queue-base 70000
refuses 'ruleset part' '--part all: ' -- ruleset --policy "$policy" --part all
try 0 fmt -- fmt "$policy"
cp "$tmp/out" "$tmp/fmt.yaml"
try 0 'fmt of its own output' -- fmt "$tmp/fmt.yaml"
cmp "$tmp/out" "$tmp/fmt.yaml" || bad=1
try 0 'the normal form compiles' -- compile "$tmp/fmt.yaml" -o "$tmp/fmt.img"
cmp "$tmp/image" "$tmp/fmt.img" || bad=1
cp "$policy" "$tmp/write.yaml"
try 0 'fmt --write' -- fmt --write "$tmp/write.yaml"
cmp "$tmp/write.yaml" "$tmp/fmt.yaml" || bad=1
for how in --routed --bridge; do
	try 0 "init $how" -- init $how eth0 eth1
	cp "$tmp/out" "$tmp/init.yaml"
	try 0 "what init $how writes is a policy" -- check "$tmp/init.yaml"
	try 0 "what init $how writes cuts nothing" -- replay --json --policy "$tmp/init.yaml" "$pcap"
	says out '"mode":"learn"'
	# What the kernel decides by itself, nobody learns.
	try 0 "what init $how writes has no rule" -- ruleset --policy "$tmp/init.yaml"
	! grep -q 'comment "otfw kernel ' "$tmp/out" || { echo "init $how: its ruleset has a kernel lane: $(grep -m 1 'comment "otfw kernel ' "$tmp/out")" && bad=1; }
	[ "$(grep -c '"passed":false' "$tmp/out")" -eq 0 ] || { echo "init $how: something did not pass: $(grep -m 1 '"passed":false' "$tmp/out")" && bad=1; }
done
refuses 'init without a way' 'either --routed or --bridge' -- init eth0 eth1
refuses 'init both ways' 'either --routed or --bridge' -- init --routed --bridge eth0 eth1
refuses 'init with one interface' 'arguments are missing' -- init --routed eth0
refuses 'init with no name of an interface' 'these are no names of two interfaces' -- init --routed eth0 'a/b'
try 0 'learn says what no rule can allow' -- learn --include all pcaps/modbus/malformed.pcap
says out '^# needs a person: [0-9]* messages passed only because nothing was enforced, and no rule below allows them:$'
says out '^#   [0-9]* of modbus, client [^ ]*, server [^ ]*: length-mismatch in mbap.length: '
try 0 'learn where all is in order' -- learn --include all "$pcap"
grep '^# needs a person' "$tmp/out" && bad=1
try 0 manual -- manual
says out 'on-deny'
try 0 'diff of equal policies' -- diff "$policy" "$tmp/image"
says out '^no difference$'
sed 's/input: \[0..99\]/input: [0..49]/' "$policy" >"$tmp/less.yaml"
try 0 diff -- diff "$policy" "$tmp/less.yaml"
says out 'becomes denied'
try 0 'diff --json' -- diff --json "$tmp/less.yaml" "$policy"
says out '"change":"allowed"'
says out '^{"summary":{"allowed":[1-9]'

# ---- assets of captures ----
try 0 'assets of a capture' -- assets pcaps/modbus/demo.pcap
says out '^no zone$'
says out '^  10.10.2.2 .* server of modbus$'
try 0 'assets with a policy' -- assets --policy "$policy" "$pcap"
says out '^tank-cell$'
says out '^  10.10.2.2 .* plc .* server of modbus$'
try 0 'assets --json' -- assets --json --zone tank-cell --policy "$policy" "$pcap"
says out '^{"address":"10.10.2.2","name":"plc","zone":"tank-cell","mac":"02:00:00:00:02:02",.*"protocol":"modbus"'
[ "$(wc -l <"$tmp/out")" -eq 1 ] || { echo "assets --zone: $(cat "$tmp/out")" && bad=1; }
try 0 'assets, identified' -- assets pcaps/modbus/*.pcap
says out 'modbus unit 1: vendor Test plant, order PLC-1, version 1.0'
try 0 'assets since then' -- assets --json --since 2026-11-21T22:00:01Z "$pcap"
[ "$(wc -l <"$tmp/out")" -eq 3 ] || { echo "assets --since: $(cat "$tmp/out")" && bad=1; }
try 0 'assets since some years ago' -- assets --json --since 3000d "$pcap"
[ "$(wc -l <"$tmp/out")" -eq 3 ] || { echo "assets --since: $(cat "$tmp/out")" && bad=1; }
try 0 'assets: none' -- assets --json --since 2099-01-01 "$pcap"
[ -s "$tmp/out" ] && echo "assets --since: $(cat "$tmp/out")" && bad=1
refuses 'assets: a missing file' 'nosuch: No such file' -- assets "$tmp/nosuch"
refuses 'assets: a wrong time' '--since soon' -- assets --since soon "$pcap"
refuses 'assets: a socket and a file' 'no --run-dir, no --control' -- assets --run-dir "$tmp" "$pcap"
refuses 'assets: a policy for nobody' '--policy and --port go with captures' -- assets --policy "$policy"

# ---- status and reload without a daemon ----
refuses 'status: nobody there' "$tmp/control: No such file or directory" -- status --run-dir "$tmp"
refuses 'reload: nobody there' "$tmp/control: No such file or directory" -- reload --run-dir "$tmp"
refuses 'assets: nobody there' "$tmp/control: No such file or directory" -- assets --run-dir "$tmp"
refuses 'status: a path too long' 'longer than the path of a socket' -- status --control "/$(printf 'x%.0s' $(seq 200))"

# ---- standard output that cannot be written ----
if [ -c /dev/full ]; then
	n=$((n + 1))
	"$ctl" manual >/dev/full 2>"$tmp/err"
	[ $? -eq 2 ] && grep -q 'standard output: No space left on device' "$tmp/err" || { echo "a full disk is not said: $(cat "$tmp/err")" && bad=1; }
fi

echo "$n runs"
exit "$bad"
