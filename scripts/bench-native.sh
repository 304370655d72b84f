#!/usr/bin/env bash
# Figures of the native rooms without Node: scripts/bench-native.sh [--build] [NAME...]   (native/bench/NAME_bench.cc; default: all; --build: they are not run)
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build/bench
run=yes
if [ "${1:-}" = --build ]; then
  run=
  shift
fi
names=("$@")
if [ ${#names[@]} -eq 0 ]; then
  for f in native/bench/*_bench.cc; do names+=("$(basename "$f" _bench.cc)"); done
fi
for name in "${names[@]}"; do
  # The first lines of a bench name the sources it links: "// sources: a.cc b.cc".
  read -ra named <<<"$(sed -n 's|^// sources: ||p' "native/bench/${name}_bench.cc")"
  sources=(${named[@]})  # patterns, too
  "${CXX:-g++}" -std=c++20 -O3 -Wall -Wextra "native/bench/${name}_bench.cc" "${sources[@]}" -o "build/bench/$name" -lpthread
  [ -n "$run" ] || continue
  echo "== $name"
  # And what it reads: "// input: program", after `node scripts/build.mjs`.
  input=$(sed -n 's|^// input: ||p' "native/bench/${name}_bench.cc")
  if [ -n "$input" ]; then $input | "build/bench/$name"; else "build/bench/$name"; fi
done
