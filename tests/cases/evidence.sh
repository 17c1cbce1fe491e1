#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# otfwctl evidence from recorded answers: what stands in the page and the JSON, that nobody's text becomes markup, and, where there is a Chromium, how the
# page is drawn: nothing wider than the window at 1280 and 390 pixels, in light and dark, and printed to PDF. SHOTS=DIR keeps the pictures.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build/release}
here=tests/cases/evidence
if ! command -v python3 >/dev/null; then
	echo 'python3 is not installed: nobody to play the recorder'
	exit 77
fi
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
bad=0
wrong() {
	echo "WRONG $*"
	bad=1
}
mkdir "$tmp/records"
cat >"$tmp/records/prooftest-20261101T020000Z.json" <<'J'
{"prooftest":1,"ts":"2026-11-01T02:00:00Z","result":"pass","version":"0.1.0","host":"fw","backend":"nft","otfwd":"/usr/sbin/otfwd","policy":"00","kernel":"Linux 6.1.0","steps":[{"name":"deny","proves":"x","result":"pass","detail":null,"figures":{}}]}
J
cat >"$tmp/records/prooftest-20261001T020000Z.json" <<'J'
{"prooftest":1,"ts":"2026-10-01T02:00:00Z","result":"fail","version":"0.1.0","host":"fw","backend":"nft","otfwd":"/usr/sbin/otfwd","policy":null,"kernel":"Linux 6.1.0","steps":[{"name":"deadline","proves":"x","result":"fail","detail":"9 ms","figures":{}}]}
J
echo '{"cut off' >"$tmp/records/prooftest-20260901T020000Z.json"
digest=$("$B/otfwctl" compile $here/policy.yaml -o "$tmp/image") || exit 1

# evidence DIR STATUS [broken]: made from the answers, must end so.
evidence() {
	rm -f "$tmp/control"
	python3 $here/recorder.py "$tmp/control" "${4:-$digest}" ${3:-} &
	local peer=$!
	for _ in $(seq 200); do [ -S "$tmp/control" ] && break; sleep 0.02; done
	"$B/otfwctl" evidence --out "$tmp/$1" --policy $here/policy.yaml --record-dir "$tmp/records" --run-dir "$tmp" >"$tmp/out" 2>&1
	local rc=$?
	wait $peer || wrong "$1: not everything was asked"
	[ $rc -eq "$2" ] || wrong "$1: exit $rc, wanted $2: $(cat "$tmp/out")"
}
has() { grep -qF -- "$2" "$tmp/$1/evidence.html" || wrong "$1: the page does not say: $2"; }
hasnt() { ! grep -qF -- "$2" "$tmp/$1/evidence.html" || wrong "$1: the page says: $2"; }

evidence good 0
[ "$(stat -c %a "$tmp/good" "$tmp/good/evidence.html" "$tmp/good/evidence.json" | tr '\n' ' ')" = '750 600 600 ' ] || wrong "modes: $(stat -c '%a %n' "$tmp/good" "$tmp/good/"*)"
has good 'Bottling &lt;b&gt;hall&lt;/b&gt; 2 &amp; cellar'
has good '&lt;script&gt;document.title=&#39;owned&#39;&lt;/script&gt; recipe setpoint'
has good 'quality &quot;assurance&quot;'
has good 'test &lt;i&gt;it&lt;/i&gt;'
hasnt good '<script'
has good 'data-l="Review by">2025-01-31'
has good 'The chain holds:</span> 6 records'
has good 'The ledger balances:'
has good '4 183 220<'
has good 'never, and rare'
has good '10.40.1.0/24, 10.40.11.0/24'
has good 'user 0, logged in as 1000'
has good 'deadline (fail)'
has good 'SR 5.2 RE (2)'
has good 'A.8.32'
has good 'R1 Part 1.3'
has good 'values: 0..1000'
has good 'Policies and their changes</h2>'
has good 'Faster &lt;capper&gt; (CHG-0416)'
has good 'data-l="State">rolled back: not confirmed in time'
has good 'data-l="State">rolled back by its guard'
has good 'data-l="State">in force, confirmed'
has good 'CIP-010-4'
has good '4, 2 of them not named in the policy, 1 silent for the last 30 days'
has good '<th scope="row">10.40.11.7</th><td class="" data-l="Zone">filling-line</td><td class="" data-l="Name">filler-plc</td><td class="" data-l="Is">server of modbus</td>'
has good 'modbus unit 1: vendor &lt;img src=x onerror=alert(1)&gt;, version V2.0 (was V1.7), serial AAAA'
has good '; modbus unit 4: vendor Pumps &amp; Co</td>'
has good 'client of tcp port 4444, client of modbus</td>'
has good '02:00:5e:10:00:ff <span class="soft">(of 2 addresses)</span>'
hasnt good '<img'
has good 'A.5.9'
has good 'SR 7.8'
has good '2 become allowed, 1 become denied, 0 other changes'
for v in conforms 'compliant' 'certified'; do hasnt good "$v"; done
python3 - "$tmp/good/evidence.json" "$digest" <<'P' || wrong 'the JSON'
import json, sys
e = json.load(open(sys.argv[1]))
assert e["policy"]["same"] is True and e["policy"]["digest"] == sys.argv[2], e["policy"]
assert [c["from"] for c in e["conduits"]][:2] == [["control-room"], ["control-room"]], e["conduits"]
assert e["audit"]["holds"] is True and e["audit"]["records"] == 6, e["audit"]
assert [t["result"] for t in e["prooftests"]] == ["pass", "fail"], e["prooftests"]
assert {r["rule"]: r["total"] for r in e["rules"]}["hmi-filler/view"] == 4183220
assert [r["review"] for r in e["rules"] if r["id"] == "setpoint"] == ["2025-01-31"]
assert [(h["number"], h["state"], h["running"], h["from"], h["login"]) for h in e["history"]["policies"]] == [(7, "replaced", False, "file", None),
    (8, "not-confirmed", False, "commit", 1000), (9, "confirmed", True, "commit", 1000), (10, "guard", False, "commit", 1001)], e["history"]
assert e["history"]["known"] is True and e["history"]["running"] == 9 and e["history"]["policies"][2]["digest"] == sys.argv[2]
assert e["audit"]["last"][1]["becomes-denied"] == 1 and "diff" not in e["audit"]["last"][1]
assert {(c["standard"], c["clause"]): c["section"] for c in e["clauses"]}[("ISO/IEC 27001:2022, Annex A", "A.8.32")] == "history"
assert [a["address"] for a in e["assets"]["assets"]] == ["10.40.1.4", "10.40.1.30", "10.40.11.7", "fd40:0:0:1:aaaa:bbbb:cccc:dddd"], e["assets"]
assert e["assets"]["known"] is True and e["assets"]["total"] == 4
assert [c["section"] for c in e["clauses"] if c["clause"] == "A.5.9"] == ["assets"]
assert len(e["clauses"]) == 14 and all(c["does-not-show"] for c in e["clauses"])
P
# Failures, and nothing hidden.
evidence broken 1 broken
has broken 'The chain is broken:'
has broken 'record 3 is missing'
has broken 'The ledger does not balance:'
has broken 'Zone packaging is overridden: not inspected'
has broken 'the inventory cannot be read'
has broken '1 more are damaged on the disk'
hasnt broken 'Faster &lt;capper&gt;'
has broken 'batch &lt;runs&gt; out'
# Another policy in force than the file's: nothing of the file is shown as if it were.
evidence other 0 '' "$(printf '0%.0s' $(seq 64))"
has other 'The policy file is not what this page shows'
hasnt other '10.40.1.0/24'
hasnt other '2027-03-31'

# The failure modes here and in the README: the same events, the same tests.
python3 - "$tmp/good/evidence.json" <<'P' || wrong 'README and the page disagree about failures'
import json, os, re, sys
rows = [[c.strip() for c in l.strip().strip("|").split("|")] for l in open("README.md") if l.startswith("|")]
start = next(i for i, r in enumerate(rows) if r[0] == "event") + 2
readme, last = [], []
for r in rows[start:]:
    if len(r) != 5:
        break
    tests = re.findall(r"\[(\w+)\]", r[4]) or last
    last = tests
    readme.append((re.sub(r" \(`.*\)$", "", r[0]), tests))
page = [(f["event"], f["tests"]) for f in json.load(open(sys.argv[1]))["failures"]]
assert page == readme, "\n".join(f"{a}\n{b}" for a, b in zip(page, readme) if a != b)
for _, tests in page:
    for t in tests:
        assert os.path.exists(f"tests/netns/{t}.sh"), t
P

chromium=$(command -v chromium || command -v chromium-browser) || {
	[ $bad -eq 0 ] || exit 1
	echo 'the data is right; no Chromium is installed: how the page is drawn was not looked at'
	exit 77
}
# browse OPTIONS...: with a profile of its own, without anything that would go to the network, and for 20 s at most.
browse() {
	rm -rf "$tmp/profile"
	timeout -k 5 20 "$chromium" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
		--disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars --user-data-dir="$tmp/profile" "$@" 2>>"$tmp/chromium.log"
}
# frame PAGE WIDTH...: the page in frames of those widths (a window is never narrower than some), in a page that measures them.
frame() {
	python3 - "$tmp/$1/evidence.html" "$tmp/frame.html" "${@:2}" <<'P'
import html, sys
page = html.escape(open(sys.argv[1]).read())
frames = "".join('<iframe style="border:0;display:block;width:%spx;height:900px" srcdoc="%s"></iframe>' % (w, page) for w in sys.argv[3:])
open(sys.argv[2], "w").write("""<!DOCTYPE html><body style="margin:0">%s<pre id=m></pre><script>
onload = () => { for (const f of document.querySelectorAll("iframe")) { const d = f.contentDocument, e = d.documentElement;
const wide = [...d.querySelectorAll("body *")].filter(x => x.getBoundingClientRect().right > e.clientWidth + 1 && !x.closest("thead"));
m.textContent += "WIDTH " + e.scrollWidth + " OF " + e.clientWidth + " HIGH " + e.scrollHeight + " WIDE " + wide.length + " " + (wide[0] ? wide[0].outerHTML.slice(0, 80) : "") + " TITLE " + d.title + "\\n";
f.style.height = e.scrollHeight + "px" } m.hidden = location.hash == "#shot" }
</script>""" % frames)
P
}
high=900
for page in good broken; do
	frame $page 1280 390
	browse --window-size=1280,900 --dump-dom "file://$tmp/frame.html" | grep -o 'WIDTH [^<]*' >"$tmp/said"
	for width in 1280 390; do
		said=$(grep " OF $width " "$tmp/said")
		case $said in
		"WIDTH $width OF $width HIGH "*" WIDE 0 "*'TITLE Evidence: Bottling'*) echo "ok    $page at $width pixels: ${said%% TITLE*}" ;;
		*) wrong "$page at $width pixels: ${said:-the browser says nothing: $(tail -n 2 "$tmp/chromium.log")}" ;;
		esac
	done
done
for width in 1280 390; do
	frame good $width
	high=$(sed -n "s/.* OF $width HIGH \([0-9]*\).*/\1/p" "$tmp/said")
	browse --window-size=$((width < 500 ? 500 : width)),"${high:-900}" --screenshot="$tmp/good-$width.png" "file://$tmp/frame.html#shot" >/dev/null
	[ "$(head -c 8 "$tmp/good-$width.png" 2>/dev/null | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ] || wrong "good at $width pixels: no picture"
done
[ -z "${SHOTS:-}" ] || browse --blink-settings=preferredColorScheme=0 --window-size=1280,2400 --screenshot="$tmp/dark-1280.png" "file://$tmp/good/evidence.html" >/dev/null
browse --no-pdf-header-footer --print-to-pdf="$tmp/good.pdf" "file://$tmp/good/evidence.html" >/dev/null
pages=$(grep -ac '/Type */Page\b' "$tmp/good.pdf" 2>/dev/null)
[ "$(head -c 5 "$tmp/good.pdf" 2>/dev/null)" = %PDF- ] || wrong 'nothing was printed'
if [ "${pages:-0}" -ge 4 ] && [ "${pages:-0}" -le 20 ]; then echo "ok    printed: $pages pages"; else wrong "printed: ${pages:-0} pages"; fi
[ -z "${SHOTS:-}" ] || cp "$tmp"/*.png "$tmp/good.pdf" "$tmp/good/evidence.html" "$SHOTS/"
exit $bad
