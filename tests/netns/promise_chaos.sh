#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# P1, P4, P5, P6 and P8 together, under whatever comes. Each of ROUNDS rounds draws from a shuffled deck of faults and commands: engines killed,
# stopped, crashed and sent into a loop by a PDU, mirror, recorder and guardian killed, reloads to another policy and back, bad policies, floods,
# islands, overrides; several at once where they last. All the while a closed zone and an open one are polled, two attackers send what the closed zone must
# not get, whole, cut and in company, and numbered safety datagrams go both ways. Behind each round everything rests, and it must be so that
#
#   - of what arrived in the closed zone (read off the server, judged by chaos_check.py, which shares nothing with otfw) nothing is forbidden, also not what
#     only the other policy allows; nothing of it went uninspected by the ledger; while a zone was cut, nothing arrived there, later
#     than 100 ms after the order (FLOODED_MS while a flood has the processors), nor once the order was answered
#   - safety datagrams: as many back as were sent, in order, and 0 queued by the kernel's counters
#   - the ledger balances to the packet, and its reading saw nothing move
#   - every poller goes on; a session was lost only if it was in the very packet in which somebody killed an engine (suspects)
#   - memory, descriptors and mappings of each process are what they were at most in the first four rounds
#
#   SEED=N ROUNDS=N promise_chaos.sh      the same seed, the same faults in the same order (SEED=new: any); ROUNDS=0: only whether the checks can fail
IN_MEMORY=1 # what is known of sessions outlives the guardian there
. "$(dirname "$0")/guardian.inc"
ROUNDS=${ROUNDS:-24}
SEED=${SEED:-1}
[ "$SEED" != new ] || SEED=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')
RANDOM=$((SEED % 32768))
echo "seed $SEED, $ROUNDS rounds"
ROUND=0 DID=
eval "lib_$(declare -f fail)"
fail() {
	echo "      round $ROUND:$DID"
	echo "      the same again: SEED=$SEED ROUNDS=$ROUNDS $0"
	lib_fail "$@"
}
need_python 'import json' json
CHECK=$TOOLSRC/chaos_check.py
DRAWS=6            # of the deck, a round
SETTLED=4          # rounds until every process has grown to its size
OWN_KB=256         # tolerance above that of a process's own memory
CACHE_KB=4096      # of the recorder's: its databases fill their page caches, of 2 MiB each at most
CLIENTS_FD=6       # descriptors of the recorder's: clients whose session is just ending, and policies of before whose events may still come (IMAGES_MAX)
LOADED_FD=4        # and of the guardian's: images and texts of policies, of which what happened last decides how many it has
MAPPED_KB=1024     # and mapped: the heap grows by steps; a mapping of the shared memory that is left over is a hundred times that
FLOOD_RATE=20000   # packets a second
CUT_MS=100         # DESIGN section 8
FLOODED_MS=1000

# ---- what is checked ----

at() { echo "$(now_ms) $*" >>"$TMP/timeline"; }
# arrived: judges the server's log; its last line in $ARRIVED.
arrived() {
	"$CHECK" "$TMP/arrived" "$TMP/timeline" $PLC >"$TMP/judged" || fail "forbidden at the server: $(cat "$TMP/judged")"
	ARRIVED=$(tail -n 1 "$TMP/judged")
}
# account NAME N: the Nth number of NAME in what the clients said.
account() { sed -n "s/.*\b$1 \([-0-9 ]*\).*/\1/p" <<<"$SAID_ALL" | cut -d' ' -f"$2"; }
clients() {
	printf '%s\n' "$1" >&"$IN_clients"
	read -r -t 60 SAID_ALL <&"$OUT_clients" || fail "the clients do not answer to '$1'"
}
# memory FILE: a line a process: ROUND ROLE PID, then kB of its heap and other memory of its own, kB mapped, descriptors. Resident tables of fixed
# size (.bss), which fill up, and the shared memory's pages are not in the first: their sizes are in the second.
memory() {
	local role pid
	fw_status >"$TMP/status"
	{
		echo "guardian $FWPID"
		echo "recorder $(recorder_pid)"
		sed 's/"queue":/\n&/g' "$TMP/status" | sed -n 's/.*"failure":"\([a-z]*\)","engine-pid":\([0-9]*\).*/engine-\1 \2/p'
		echo "mirror $(mirror_pid)"
	} | while read -r role pid; do
		[ -r "/proc/$pid/smaps" ] || continue
		echo "$ROUND $role $pid $(awk '
			/^[0-9a-f]+-/ { split($1, a, "-"); own = $6 == "[heap]" || ($6 == "" && a[1] != end); if ($6 ~ /otfw/) end = a[2] }
			/^Size:/ { mapped += $2 }
			/^Anonymous:/ && own { n += $2 }
			END { print n + 0, mapped + 0 }' "/proc/$pid/smaps") $(find "/proc/$pid/fd" -mindepth 1 | wc -l)"
	done >>"$1"
}
# flat FILE: is any process's later sample above its role's greatest of the first rounds? Says which.
flat() {
	awk -v settled=$SETTLED -v own=$OWN_KB -v mapped=$MAPPED_KB -v cache=$CACHE_KB -v clients=$CLIENTS_FD -v loaded=$LOADED_FD '
		{ r = $2 == "recorder"; g = $2 == "guardian"
		  for (i = 4; i <= 6; i++) { limit = i == 6 ? r * clients + g * loaded : (i == 5 ? mapped : own) + r * cache; k = $2 i
			if ($1 <= settled) { if ($i > most[k]) most[k] = $i }
			else if ($i > most[k] + limit) { printf "%s (pid %s), round %s: %s %s, at first at most %s\n", $2, $3, $1, $i, i == 4 ? "kB of its own" : i == 5 ? "kB mapped" : "descriptors", most[k]; bad = 1 } } }
		END { exit bad }' "$1"
}
# ledger_read: $TMP/ledger, and from it UNACCOUNTED MOVING, what of the closed zone left uninspected, the safety flows' sums.
ledger_read() {
	ctl ledger --json >"$TMP/ledger" 2>"$TMP/words"
	BALANCED=$?
	read -r UNACCOUNTED MOVING UNINSPECTED SAFE_IN SAFE_OUT SAFE_QUEUED < <("$PY" -c '
import json, sys
l = json.load(open(sys.argv[1]))
cell = next(z for z in l["zones"] if z["name"] == "cell")
print(l["unaccounted"], l["moving"], sum(cell["uninspected"].values()), *(sum(f[k] for f in l["safety-flows"]) for k in ("in", "out", "queued")))' "$TMP/ledger")
	[ -n "${SAFE_QUEUED:-}" ] || fail "the ledger cannot be read: $(cat "$TMP/words" "$TMP/ledger")"
}
ctl() { "$B/otfwctl" "$@" --run-dir "$RUN"; }
mirror_pid() { sed -n 's/.*"mirror":{"pid":\([0-9]*\).*/\1/p' "$TMP/status"; }
suspects() { fw_status | grep -o '"suspects":[0-9]*' | awk -F: '{ n += $2 } END { print n + 0 }'; }

# ---- can the checks fail? ----

# judge WHAT EXPECTED LINE...: a log of one session, "MS HEX" a line; expected is the exit status.
judge() {
	local what=$1 want=$2 l
	shift 2
	for l in "$@"; do echo "${l% *} 7 $PLC $HMI 40000 ${l#* }"; done >"$TMP/self.log"
	"$CHECK" "$TMP/self.log" "$TMP/self.timeline" $PLC >"$TMP/self.out"
	[ $? -eq "$want" ] || fail "the checker takes $what for $([ "$want" = 0 ] && echo forbidden || echo allowed): $(cat "$TMP/self.out")"
}
self_test() {
	printf '%s\n' '0 strict' "5000 cut $PLC 100" "5200 held $PLC" "6000 uncut $PLC" "6010 cut $PLC 100" "6030 held $PLC" "6200 uncut $PLC" '7000 wide' >"$TMP/self.timeline"
	judge 'an allowed read' 0 '10 000100000006010300c70001'
	judge 'two, cut anywhere' 0 '10 0001000000060103' '11 00000001000200000006' '12 010300c70001'
	judge 'the first part of a write' 0 '10 00010000000601060001'
	judge 'a write' 1 '10 000100000006010600010001'
	judge 'a write in three parts' 1 '10 0001000000' '11 0601060001' '12 0001'
	judge 'a write behind a read' 1 '10 000100000006010300c70001000200000006010600010001'
	judge 'a read across the end' 1 '10 00010000000601030127000a'
	judge 'a read of the other policy' 1 '100 000100000006010300c80001'
	judge 'the same while that is in force' 0 '7100 000100000006010300c80001'
	judge 'another station' 1 '10 000100000006020300c70001'
	judge 'another protocol number' 1 '10 000100010006010300c70001'
	judge 'a length above any' 1 '10 000100000106010300c70001'
	judge 'a read 100 ms after the cut' 0 '5100 000100000006010300c70001'
	judge 'a read 101 ms after the cut' 1 '5101 000100000006010300c70001'
	judge 'a read when the cut was already answered' 1 '6055 000100000006010300c70001'
	judge 'a read behind its end' 0 '6201 000100000006010300c70001'
	for ((i = 1; i <= 9; i++)); do echo "$i engine-closed 77 4000 9000 6"; done >"$TMP/self.memory"
	flat "$TMP/self.memory" >/dev/null || fail 'flat memory is called a leak'
	for ((i = 1; i <= 9; i++)); do echo "$i recorder 78 4000 9000 $((i == 9 ? 13 : 6))"; done >"$TMP/self.leak"
	flat "$TMP/self.leak" >/dev/null && fail "the recorder's descriptors are not seen to leak"
	for l in '9 engine-closed 77 4300 9000 6' '9 engine-closed 77 4000 10100 6' '9 engine-closed 77 4000 9000 7'; do
		{ cat "$TMP/self.memory"; echo "$l"; } >"$TMP/self.leak"
		flat "$TMP/self.leak" >/dev/null && fail "a leak is not seen: $l"
	done
	# Live: the same clients behind a policy that allows writing, and the attackers' answers.
	sed 's/at-most: \[read, write\]/at-most: [read, write, diagnose, opaque, configure, program]/; s/functions: \[read-holding-registers\], addresses: {holding: \[0..199\]}/functions: [read-holding-registers, write-single-register], addresses: {holding: [0..65535]}, values: any/' "$TMP/narrow.yaml" >"$TMP/permissive.yaml"
	fw_start "$TMP/permissive.yaml"
	at strict
	clients_start
	sleep 1.5
	clients pause
	[ "$(account attack 2)" -gt 0 ] || fail "no attack is answered behind a permissive policy: $SAID_ALL"
	"$CHECK" "$TMP/arrived" "$TMP/timeline" $PLC >"$TMP/judged" && fail "behind a permissive policy nothing forbidden is seen: $(cat "$TMP/judged")"
	ok "the checks can fail: behind a permissive policy $(tail -n 1 "$TMP/judged"), answered $(account attack 2)"
	clients_stop
	fw_stop
	in_f "$B/otfwd" --remove --run-dir "$RUN" || fail 'otfwd --remove fails'
	: >"$TMP/arrived"
	: >"$TMP/timeline"
}

# ---- the plant ----

guardian_plant
need_tools "$TOOLS/chaos_server" "$TOOLS/chaos_clients" "$TOOLS/flood" "$TOOLS/promise_shot" "$B/tests/chaos/otfw-engine"
ATTACKER=10.10.1.30
ip -n "$C" addr add $ATTACKER/24 dev eth0
for ((i = 100; i < 200; i++)); do ip -n "$C" addr add 10.10.1.$i/24 dev eth0; done
netns x; X=$NS
cable "$X" eth0 "$F" any0
for d in all any0; do tune "$F" net/ipv4/conf/$d/rp_filter=0; done
in_s sh -c 'echo 1 >/proc/sys/net/ipv4/icmp_echo_ignore_all; echo 0 >/proc/sys/net/ipv4/icmp_ratelimit' 2>/dev/null
MAC=$(in_f cat /sys/class/net/any0/address)
mkdir "$TMP/libexec"
ln -s "$PWD/$B/otfw-recorder" "$PWD/$B/otfwctl" "$PWD/$B/tests/chaos/otfw-engine" "$TMP/libexec/"
sed 's/    interfaces: \[lan0, plc0\]/&\n    mirror: true\n    watchdog: 50ms/' $POLICY >"$TMP/narrow.yaml"
sed '/^  - name: cell/,/^  - name: line/s/holding: \[0..199\]/holding: [0..299]/' "$TMP/narrow.yaml" >"$TMP/wide.yaml"
cmp -s "$TMP/narrow.yaml" "$TMP/wide.yaml" && fail 'the two policies are the same'
: >"$TMP/timeline"
: >"$TMP/arrived"
chmod 666 "$TMP/arrived"
bg in_s "$TOOLS/chaos_server" "$TMP/arrived" $SIS_B 30010 $PLC $PACKER
wait_for 5 listening "$S" 502 || fail 'the servers do not listen'

CLIENTS=0
clients_start() {
	rm -f "$TMP/clients.in" "$TMP/clients.out"
	mkfifo "$TMP/clients.in" "$TMP/clients.out"
	CLIENTS=$((CLIENTS + 1))
	ip netns exec "$C" "$TOOLS/chaos_clients" $((SEED + CLIENTS)) "$TMP/lost" $HMI $ATTACKER $PLC $PACKER $SIS_A $SIS_B 30010 <"$TMP/clients.in" >"$TMP/clients.out" 2>"$TMP/clients.err" &
	CLIENTSPID=$!
	PIDS+=($CLIENTSPID)
	exec {IN_clients}>"$TMP/clients.in" {OUT_clients}<"$TMP/clients.out"
	clients 'advance 5'
	[ "$SAID_ALL" = ok ] || fail "the clients do not start: $SAID_ALL $(cat "$TMP/clients.err")"
}
clients_stop() {
	exec {IN_clients}>&- {OUT_clients}<&-
	wait $CLIENTSPID
}

# ---- faults and commands: each returns when what it made is over, but floods, islands and overrides, which last ----

pick() { PICK=$((RANDOM % $1)); }
pick_of() {
	pick $#
	shift $PICK
	PICK=$1
}
engine_of() { fw_status | grep -o "\"failure\":\"$1\",\"engine-pid\":[0-9]*" | grep -o '[0-9]*$'; }
# An engine whose packets come: where the zone is cut or overridden none do, and nothing shows that it is stopped, or crashes it.
pick_engine() {
	pick_of closed open
	[ -z "$OVERRIDDEN" ] || [ -z "$ISOLATED" ] || release
	[ "$ISOLATED" != cell ] || PICK=open
	[ "$ISOLATED" != line ] && [ -z "$OVERRIDDEN" ] || PICK=closed
}
all_up() {
	fw_status >"$TMP/status" && [ "$(grep -o '"engine-started":true' "$TMP/status" | wc -l)" -eq 2 ] &&
		[ -n "$(recorder_pid)" ] && [ -d "/proc/$(mirror_pid)" ]
}
whole() { wait_for 8 all_up || fail "$1: not everybody is up again after 8 s: $(engines | xargs) $(cat "$TMP/status")"; }
runs() { ! grep -q '^State:.T' "/proc/$1/status" 2>/dev/null; }
gone() { ! [ -d "/proc/$1" ]; }

act_kill() {
	pick_engine
	DID+=" kill-$PICK"
	kill -KILL "$(engine_of "$PICK")" 2>/dev/null || DID+='(none there)'
}
act_stop() {
	pick_engine
	DID+=" stop-$PICK"
	local p
	p=$(engine_of "$PICK")
	if ! kill -STOP "$p" 2>/dev/null; then
		DID+='(none there)'
		return
	fi
	sleep 0.02
	wait_for 5 runs "$p" || fail "an engine stays stopped for 5 s ($PICK)"
}
shot() {
	local to=$PLC n
	pick_engine
	[ "$PICK" = open ] && to=$PACKER
	DID+=" $1-$PICK"
	SHOTS=$((SHOTS + 1))
	n=$(suspects)
	in_c "$TOOLS/promise_shot" -b "10.10.1.$((100 + SHOTS % 100))" -w 250 $to "$2" >"$TMP/shot"
	sleep 0.05
	[ "$(suspects)" -eq "$n" ] || HITS=$((HITS + 1))
	grep -q answer "$TMP/shot" && [ $to = $PLC ] && fail "the closed zone's server answers what a crash interrupted"
}
act_crash() { shot crash 57000; }
act_loop() { shot loop 57001; }
act_mirror() {
	DID+=' mirror'
	fw_status >"$TMP/status"
	kill -KILL "$(mirror_pid)" 2>/dev/null
}
act_recorder() {
	DID+=' recorder'
	local p
	p=$(recorder_pid)
	[ -n "$p" ] || return
	kill -KILL "$p"
	wait_for 5 fw_status || fail 'no recorder answers within 5 s'
}
act_guardian() {
	[ "$GUARDIANS" -gt 0 ] || return
	GUARDIANS=$((GUARDIANS - 1))
	pick 400
	DID+=" guardian(down for $PICK ms)"
	SUSPECTS=$((SUSPECTS + $(suspects) - SUSPECTS_BASE))
	SUSPECTS_BASE=0
	kill -KILL "$FWPID"
	wait "$FWPID" 2>/dev/null
	wait_for 5 no_engines || fail 'engines outlive their guardian'
	sleep "0.$(printf %03d "$PICK")"
	guardian_start
	MOVED=1
}
# The first reading of a run says what was lost before it. With packets on their way that is known within as many as moved; a start at rest
# makes it exact again.
rebase() {
	DID+=' restart'
	fw_stop
	guardian_start
	whole 'a restart'
	ledger_read
	[ $BALANCED -eq 0 ] && [ "$MOVING" -eq 0 ] || fail "P6: after a restart at rest: unaccounted $UNACCOUNTED, moving $MOVING"
	MOVED=0
}
guardian_start() {
	bg in_f "$B/otfwd" --policy "$TMP/policy.yaml" --events "$EVENTS" --run-dir "$RUN" --state-dir "$TMP/state" --libexec "$TMP/libexec" >>"$FWLOG" 2>&1 </dev/null
	FWPID=$!
	wait_for 20 fw_ready || fail 'the daemon is not ready 20 s after it was killed'
}
act_reload() {
	local to=wide why
	[ "$IN_FORCE" = wide ] && to=narrow
	DID+=" $to"
	cp "$TMP/$to.yaml" "$TMP/policy.yaml"
	[ $to = wide ] && at wide
	why=$(fw_reload 2>&1) || fail "a reload is refused: $why"
	[ $to = narrow ] && at strict
	IN_FORCE=$to
}
act_refuse() {
	local status why
	pick 3
	DID+=" refuse-$PICK"
	case $PICK in
	0) sed 's/functions:/funktions:/' "$TMP/narrow.yaml" ;;
	1) sed 's/lane: safety/mode: enforce/' "$TMP/narrow.yaml" ;;
	2) head -c 700 "$TMP/narrow.yaml" ;;
	esac >"$TMP/policy.yaml"
	why=$(fw_reload 2>&1)
	status=$?
	cp "$TMP/$IN_FORCE.yaml" "$TMP/policy.yaml"
	[ $status -eq 1 ] || fail "a bad policy is not refused: exit status $status: $why"
}
flood() {
	DID+=" $1"
	ip netns exec "$X" "$TOOLS/flood" -i eth0 -m "$MAC" -s 0.8 -r $FLOOD_RATE "$2" $HMI "$3" 502 >"$TMP/flood.$((FLOODS += 1))" 2>&1 &
	FLOODERS+=($!)
}
act_junk() { flood junk junk,invalid,middle $PLC; }
act_malformed() {
	pick_of $PLC $PACKER
	flood "malformed($([ "$PICK" = $PLC ] && echo closed || echo open))" pdu,big,middle,invalid "$PICK"
}
act_isolate() {
	release
	pick_of cell line cell
	DID+=" isolate-$PICK"
	ISOLATED=$PICK
	[ $ISOLATED = cell ] && CUT=$PLC || CUT=$PACKER
	local why p limit=$CUT_MS
	for p in "${FLOODERS[@]}"; do gone "$p" || limit=$FLOODED_MS; done
	at cut $CUT $limit
	why=$(ctl isolate $ISOLATED --reason chaos 2>&1) || fail "isolate $ISOLATED: $why"
	at held $CUT
}
release() {
	local why PICK
	[ -n "$ISOLATED" ] || return
	DID+=" release"
	sleep 0.15
	at uncut $CUT
	why=$(ctl release $ISOLATED --reason chaos 2>&1) || fail "release $ISOLATED: $why"
	ISOLATED=
}
act_override() {
	local why
	end_override
	pick_of 1s 30s
	DID+=" override($PICK)"
	OVERRIDDEN=$PICK
	why=$(ctl override line --for "$PICK" --reason chaos 2>&1) || fail "override: $why"
}
end_override() {
	local why
	case $OVERRIDDEN in
	30s) why=$(ctl override line --end --reason chaos 2>&1) || fail "the end of an override: $why" ;;
	1s) wait_for 4 not_overridden || fail 'an override of 1 s does not end by itself' ;;
	*) return ;;
	esac
	DID+=' inspected'
	OVERRIDDEN=
}
not_overridden() { fw_status | grep -q '"islands":\[\]\|"islands":\[[^]]*\]' && ! fw_status | grep -q '"state":"overridden"'; }

# ---- a round ----

DECK=()
draw() {
	if [ ${#DECK[@]} -eq 0 ]; then
		local left=(kill kill stop stop crash loop mirror recorder guardian reload reload refuse junk malformed isolate isolate override) n
		for ((n = ${#left[@]}; n > 0; n--)); do
			pick $n
			DECK+=("${left[PICK]}")
			left=("${left[@]:0:PICK}" "${left[@]:PICK+1}")
		done
	fi
	CARD=${DECK[0]}
	DECK=("${DECK[@]:1}")
}
idle() { [ "$(in_f awk '{ n += $3 } END { print n + 0 }' /proc/net/netfilter/nfnetlink_queue)" -eq 0 ]; }
round() {
	local i p lost before=$LOST allowed
	DID=
	HITS=0 SUSPECTS=0
	SUSPECTS_BASE=$(suspects)
	FLOODERS=()
	clients resume
	for ((i = 0; i < DRAWS; i++)); do
		draw
		# What lasts, lasts over the next.
		local was=$ISOLATED
		"act_$CARD"
		pick 120
		sleep "0.$(printf %03d "$PICK")"
		[ -n "$was" ] && [ "$was" = "$ISOLATED" ] && release
	done
	release
	end_override
	for p in "${FLOODERS[@]}"; do wait "$p" || fail "the flood fails: $(cat "$TMP/flood."*)"; done
	whole 'behind the round'
	clients 'advance 5'
	[ "$SAID_ALL" = ok ] || fail "a session does not go on: $SAID_ALL, $(tail -n 3 "$TMP/lost" | xargs)"
	clients pause
	wait_for 5 idle || fail "packets wait though nobody sends: $(in_f cat /proc/net/netfilter/nfnetlink_queue)"
	arrived
	# A server may still repeat what it says to a session whose end was lost on the way.
	for ((i = 0; i < 10; i++)); do
		ledger_read
		[ "$MOVING" -eq 0 ] || [ $MOVED -eq 1 ] && break
		sleep 0.3
	done

	[[ $SAID_ALL == busy* ]] && fail "not everybody comes to rest: $SAID_ALL"
	[ "$(account safety 2) $(account safety 3)" = '0 0' ] || fail "P4: safety datagrams lost, out of order: $(account safety 2), $(account safety 3) of $(account safety 1)"
	# A packet that is between the two counters when a reload begins them anew is in the second only: one a processor at most.
	[ "$SAFE_QUEUED" -eq 0 ] && [ "$SAFE_IN" -le "$SAFE_OUT" ] && [ "$SAFE_OUT" -le $((SAFE_IN + $(nproc))) ] || fail "P4: safety lane: in $SAFE_IN, out $SAFE_OUT, queued $SAFE_QUEUED"
	[ "$(account attack 2)" -eq 0 ] || fail "P1: attacks answered by the server: $(account attack 2), $(grep answer "$TMP/lost" | tail -n 3)"
	[ "$UNINSPECTED" -eq 0 ] || fail "P1: packets that the closed zone got uninspected: $UNINSPECTED"
	[ $BALANCED -eq 0 ] && [ "$UNACCOUNTED" -eq 0 ] || fail "P6: the ledger does not balance: $UNACCOUNTED; $(ctl ledger)"
	[ "$MOVING" -eq 0 ] || [ $MOVED -eq 1 ] || fail "P6: something moved while the ledger was read: $MOVING"
	LOST=0 allowed=$((SUSPECTS + $(suspects) - SUSPECTS_BASE - HITS))
	for p in closed-1 closed-2 open-1 open-2; do
		LOST=$((LOST + $(account $p 2)))
		[ "$(account $p 3)" -eq 0 ] || fail "wrong answers to $p: $(account $p 3)"
	done
	[ $((LOST - before)) -le $allowed ] || fail "sessions lost: $((LOST - before)), with suspects $allowed: $(tail -n 4 "$TMP/lost" | xargs)"
	memory "$TMP/memory"
	READING=$MOVING
	[ $MOVED -eq 0 ] || rebase
	echo "ok    round $ROUND, $(($(now_ms) - BEGAN)) ms:$DID; lost $((LOST - before)), suspects $allowed+$HITS, known within $READING"
}

self_test
[ "$ROUNDS" -gt 0 ] || exit 0
cp "$TMP/narrow.yaml" "$TMP/policy.yaml"
IN_FORCE=narrow ISOLATED= OVERRIDDEN= SHOTS=0 FLOODS=0 MOVED=0 LOST=0 GUARDIANS=$((ROUNDS / 4 + 1))
fw_start "$TMP/policy.yaml" --libexec "$TMP/libexec"
at strict
clients_start
clients pause
BEGAN=$(now_ms)
for ((ROUND = 1; ROUND <= ROUNDS; ROUND++)); do
	round
	# The last third leaves guardian and recorder alive: growth of what is never restarted would show.
	[ $ROUND -ge $((ROUNDS * 2 / 3)) ] && GUARDIANS=0
done
flat "$TMP/memory" >"$TMP/leaks" || fail "memory grows: $(head -n 5 "$TMP/leaks")"
ROUND=$ROUNDS
[ "$(account attack 1)" -gt $((ROUNDS * 10)) ] || fail "only $(account attack 1) attacks were made"
ok "seed $SEED: $ROUNDS rounds; attacks $(account attack 1), answered 0; at the closed server: $ARRIVED"
ok "polls answered: $(account closed-1 1) $(account closed-2 1) $(account open-1 1) $(account open-2 1), sessions lost $LOST; safety datagrams $(account safety 1), lost 0, queued 0"
awk -v r="$ROUNDS" '$1 == r { printf "ok    %s: %s kB of its own, %s kB mapped, %s descriptors\n", $2, $4, $5, $6 }' "$TMP/memory"
fw_stop
