#!/usr/bin/env bash
# Builds native/fuzz/fuzz_NAME.cc with clang's libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer, and runs it: scripts/fuzz.sh NAME SECONDS
# The corpus is native/fuzz/corpus/NAME, kept small: after the run it is merged to the inputs that reach something. A finding is left in build/fuzz.
# Wants clang++ and its runtime (Debian: clang libclang-rt-14-dev).
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -eq 2 ] || { echo "usage: scripts/fuzz.sh NAME SECONDS   (NAME: $(cd native/fuzz && echo fuzz_*.cc | sed 's/fuzz_//g; s/\.cc//g'))" >&2; exit 1; }
name=$1 seconds=$2
source="native/fuzz/fuzz_$name.cc" corpus="native/fuzz/corpus/$name" work="build/fuzz/$name"
[ -f "$source" ] || { echo "fuzz.sh: no fuzzer $name" >&2; exit 1; }
mkdir -p "$corpus" "$work/new"
# "// sources: a.cc b.cc" in the fuzzer names what it links.
read -ra sources <<<"$(sed -n 's|^// sources: ||p' "$source")"
clang++ -std=c++20 -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all -fsanitize=fuzzer,address,undefined \
  "$source" "${sources[@]}" -o "$work/run"
"$work/run" -max_total_time="$seconds" -max_len=4096 -timeout=5 -artifact_prefix="$work/" -print_final_stats=1 "$work/new" "$corpus" 2>&1 | tail -25
status=${PIPESTATUS[0]}
rm -rf "$work/merged" && mkdir "$work/merged"
"$work/run" -merge=1 -max_len=512 "$work/merged" "$corpus" "$work/new" >/dev/null 2>&1 && rm -rf "$corpus" && mv "$work/merged" "$corpus"
rm -rf "$work/new"
echo "fuzz $name: $(find "$corpus" -type f | wc -l) inputs kept, exit status $status"
exit "$status"
