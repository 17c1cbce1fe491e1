#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/fuzz/corpus-src/make.sh: compiles the policies here to the images that fuzzing begins with (tests/fuzz/corpus/image).
# To be run after `make` whenever the image's layout, and with it IMAGE_VERSION, has changed; compile_test says so.
set -u
cd "$(dirname "$0")/../../.." || exit 2
B=${B:-build/release}
out=tests/fuzz/corpus/image
bad=0
# The last is the policy of the design, with a safety lane: the config tests keep it.
for src in tests/fuzz/corpus-src/image/*.yaml tests/config/cases/design.yaml; do
	n=$(basename "$src" .yaml)
	"$B/otfwctl" compile "$src" -o "$out/$n.img" || bad=1
done
exit "$bad"
