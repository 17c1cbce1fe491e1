#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/deps.sh [build|demo|test|bench|vm]: installs what a bare Debian 12 lacks for that (test when nothing is said). It asks dpkg
# first and does nothing when all is there, so every make target can afford it. Exit status 2: packages are missing and cannot be
# installed (not root, no apt); which ones is said.
set -u
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
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ]; then
	echo "deps: not installed, and only root can install: ${missing[*]}" >&2
	exit 2
fi
echo "deps: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if apt-get update >"$log" 2>&1 && apt-get install -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1 </dev/null; then
	exit 0
fi
tail -n 20 "$log" >&2
echo "deps: apt-get could not install: ${missing[*]}" >&2
exit 2
