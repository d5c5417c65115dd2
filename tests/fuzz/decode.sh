#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fuzzes the packet decoder and prints how much of it the corpus reaches; fails below 80 % of
# the lines. Needs clang 14 with its llvm-cov and llvm-profdata.
#
#     decode.sh [SECONDS [FOLDER]]	60; what is found is kept in FOLDER (default: thrown away)
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
found=${2:-$work/found}
mkdir -p "$found"
cd "$root"
clang-14 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
	-fprofile-instr-generate -fcoverage-mapping -std=gnu17 -D_GNU_SOURCE -I. -o "$work/fuzz" \
	tests/fuzz/fuzz_decode.c capture/decode*.c base/arena.c base/text.c model/addr.c model/packet.c
cd "$work"
LLVM_PROFILE_FILE=fuzz.raw ./fuzz -max_total_time="${1:-60}" -max_len=512 -timeout=10 \
	-print_final_stats=1 -artifact_prefix="$found/" "$found" "$root/tests/fuzz/corpus/decode" \
	2>fuzz.log || { tail -40 fuzz.log; exit 1; }
grep -E '^Done|number_of_executed|peak_rss' fuzz.log
LLVM_PROFILE_FILE=all.raw ./fuzz -runs=0 "$found" "$root/tests/fuzz/corpus/decode" 2>/dev/null
llvm-profdata-14 merge -sparse all.raw -o all.profdata
llvm-cov-14 export -summary-only -instr-profile=all.profdata ./fuzz | python3 -c '
import json, os, sys
lines = covered = 0
for f in json.load(sys.stdin)["data"][0]["files"]:
    if "/capture/" in f["filename"]:
        n = f["summary"]["lines"]
        lines += n["count"]
        covered += n["covered"]
        name = os.path.basename(f["filename"])
        print("%-24s %6.1f %% of %d lines" % (name, n["percent"], n["count"]))
print("%-24s %6.1f %% of %d lines" % ("decoder", 100 * covered / lines, lines))
sys.exit(covered < 0.8 * lines)
'
