#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/deps.sh [build|demo|test|bench|vm]: installs what a bare Debian 12 lacks for that (test when nothing is said). It asks dpkg
# first and does nothing when all is there, so every make target can afford it. Exit status 2: packages are missing and cannot be
# installed (not root, no apt); which ones is said. Where node and npm are there, the peers that come from npm are put into build/peers; without
# them their test is skipped, and says so. So it is with chromium.
set -u
cd "$(dirname "$0")/.." || exit 2
# Two programs that speak S7, one of them built here (C++), while other things are built; who wants them waits for the lock. Tried once.
npm_peers() {
	local to=build/peers
	command -v node >/dev/null && command -v npm >/dev/null && [ -z "${NODE_PATH:-}" ] && [ ! -e "$to/tried" ] || return 0
	mkdir -p "$to" || return 0
	echo "deps: npm installs node-snap7 and nodes7 into $to, meanwhile"
	(
		flock -n 9 || exit
		[ ! -e /usr/include/node/node.h ] || export npm_config_nodedir=/usr
		# Elsewhere, and moved into place whole.
		timeout -k 5 120 npm install --prefix "$to/new" --no-audit --no-fund --no-save --fetch-retries=1 --fetch-timeout=10000 \
			node-snap7@1.0.9 nodes7@0.3.18 &&
			NODE_PATH=$to/new/node_modules node -e 'require("node-snap7"); require("nodes7")' && mv "$to/new/node_modules" "$to/"
		touch "$to/tried"
	) >"$to/npm.log" 2>&1 </dev/null 9>"$to/lock" &
}
# The evidence page is drawn in a browser by one test, which is skipped, and says so, without. Tried once.
browser() {
	command -v chromium >/dev/null || [ "$(id -u)" -ne 0 ] || [ -e build/chromium-tried ] && return 0
	mkdir -p build && touch build/chromium-tried || return 0
	echo "deps: installing chromium"
	export DEBIAN_FRONTEND=noninteractive
	timeout -k 5 120 apt-get install -y --no-install-recommends chromium >/dev/null 2>&1 </dev/null && return 0
	timeout -k 5 60 apt-get update >/dev/null 2>&1 && timeout -k 5 240 apt-get install -y --no-install-recommends chromium >/dev/null 2>&1 </dev/null ||
		echo "deps: chromium could not be installed, and is done without"
}
build=(gcc make pkg-config libc6-dev libnetfilter-queue-dev libmnl-dev libyaml-dev libnftables-dev libpcap-dev libjansson-dev
	libsodium-dev libseccomp-dev libcap-ng-dev libsqlite3-dev)
demo=(libmodbus-dev iptables nftables iproute2)
# Debian's own python3 runs the peers: another one earlier in PATH lacks pymodbus and scapy.
test=(libcmocka-dev tshark python3 python3-pymodbus python3-serial-asyncio python3-scapy clang-format git valgrind)
bench=(valgrind)
vm=(qemu-system-x86 cpio kmod python3 python3-pymodbus python3-serial-asyncio)
case ${1:-test} in
build) want=("${build[@]}") ;;
demo) want=("${build[@]}" "${demo[@]}") ;;
test) want=("${build[@]}" "${demo[@]}" "${test[@]}") ;;
bench) want=("${build[@]}" "${demo[@]}" "${bench[@]}") ;;
vm) want=("${build[@]}" "${demo[@]}" "${vm[@]}") ;;
*)
	echo "usage: tests/deps.sh [build|demo|test|bench|vm]" >&2
	exit 2
	;;
esac
if ! command -v dpkg-query >/dev/null; then
	echo "deps: this is no Debian; what is needed there is called: ${want[*]}" >&2
	for c in cc make pkg-config; do command -v "$c" >/dev/null || exit 2; done
	exit 0
fi
have=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${want[@]}" 2>/dev/null)
missing=()
for p in "${want[@]}"; do
	case $'\n'$have$'\n' in *$'\n'"installed $p"$'\n'*) ;; *) missing+=("$p") ;; esac
done
if [ ${#missing[@]} -eq 0 ]; then
	[ "${1:-test}" != test ] || npm_peers
	[ "${1:-test}" != test ] || browser
	exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
	echo "deps: not installed, and only root can install: ${missing[*]}" >&2
	exit 2
fi
echo "deps: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if apt-get update >"$log" 2>&1 && apt-get install -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1 </dev/null; then
	[ "${1:-test}" != test ] || npm_peers
	[ "${1:-test}" != test ] || browser
	exit 0
fi
tail -n 20 "$log" >&2
echo "deps: apt-get could not install: ${missing[*]}" >&2
exit 2
