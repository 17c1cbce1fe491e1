#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# otfwctl status and reload against a stand-in for the recorder that says what it is told to: good answers, refusals, nonsense.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build/release}
if ! command -v python3 >/dev/null; then
	echo 'python3 is not installed: nobody to play the recorder'
	exit 77
fi
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
bad=0

# answer STATUS TEXT PATTERN ARGS...: the stand-in sends TEXT to one client; the command must end so and say that.
answer() {
	local want=$1 text=$2 pattern=$3
	shift 3
	rm -f "$tmp/control"
	python3 -c '
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1] + ".new")
s.listen(1)
os.rename(sys.argv[1] + ".new", sys.argv[1]) # who finds the name finds somebody listening
s.settimeout(10)
c, _ = s.accept()
open(sys.argv[1] + ".asked", "wb").write(c.recv(4096))
c.sendall(sys.argv[2].encode())
c.close()
' "$tmp/control" "$text" &
	local peer=$!
	for _ in $(seq 200); do [ -S "$tmp/control" ] && break; sleep 0.02; done
	"$B/otfwctl" "$@" --run-dir "$tmp" >"$tmp/out" 2>"$tmp/err"
	local rc=$?
	wait $peer || { echo "$*: nobody asked" && bad=1; }
	[ $rc -eq "$want" ] || { echo "$*: exit $rc, wanted $want" && bad=1; }
	grep -q "^{\"cmd\":\"$1\"}$" "$tmp/control.asked" || { echo "$*: asked $(cat "$tmp/control.asked")" && bad=1; }
	cat "$tmp/out" "$tmp/err" | grep -q -- "$pattern" || { echo "$*: does not say '$pattern' but: $(cat "$tmp/out" "$tmp/err")" && bad=1; }
}
status='{"ok":true,"version":"1","site":"Tank","policy-generation":3,"policy":"00ff","zones":[{"name":"cell","failure":"open","safety":true}],"conduits":[{"name":"c","to":"cell","lane":"safety","mode":null,"failure":"open","rules":0}],"queues":[{"queue":7,"failure":"open","engine-pid":9,"generation":3,"restarts":1,"events-lost":0,"counters":{"packets":12,"pdus":0},"reasons":{"address":4}}],"recorder":{"events":5,"lines-lost":0,"write-errors":0}}
'
answer 0 "$status" '^otfw 1, site Tank$' status
answer 0 "$status" '^policy generation 3, 00ff$' status
answer 0 "$status" '^zone cell: fails open, safety$' status
answer 0 "$status" '^queue 7: fails open, engine 9, generation 3, 1 restarts, 0 events lost$' status
answer 0 "$status" '^  packets 12$' status
answer 0 "$status" '^  refused: address 4$' status
answer 0 "$status" '^{"ok":true,"version":"1"' status --json
answer 0 '{"ok":true,"generation":4,"text":""}
' '^policy generation 4 is in force$' reload
answer 1 '{"ok":false,"generation":4,"text":"tank.yaml:3:1: error: unknown key\n"}
' '^tank.yaml:3:1: error: unknown key$' reload
answer 1 '{"ok":false,"generation":4,"text":"x\n"}
' '^the policy is not loaded; generation 4 stays in force$' reload
answer 2 '{"ok":false,"error":"permission denied: only root"}
' 'permission denied: only root' reload
answer 2 '{"ok":fal
' 'the answer is not JSON' status
answer 2 '[1,2]' 'closed without an answer' status
answer 2 '' 'closed without an answer' reload
exit "$bad"
