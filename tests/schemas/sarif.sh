#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Holds SARIF logs against the OASIS schema, GitHub's demands and Microsoft's multitool. The
# validators are npm packages (tests/npm/), installed into the directory where this runs; no
# copy of the schema is kept in the project. Exits 77 (skipped) where they can't be had.
#
#	sarif.sh [LOG.sarif]...	default: the kept ones, and what the program makes
set -u
root=$(cd "${SOURCE_ROOT:-$(dirname "$0")/../..}" && pwd)
npm=$PWD/npm

skip()
{
	echo "SKIP sarif: $*"
	exit 77
}

command -v node >/dev/null || skip "node is not installed"
command -v npm >/dev/null || skip "npm is not installed"
mkdir -p "$npm" || exit 1
if ! cmp -s "$root/tests/npm/package-lock.json" "$npm/installed-lock.json"; then
	cp "$root"/tests/npm/package.json "$root"/tests/npm/package-lock.json \
		"$root"/tests/npm/.npmrc "$npm/"
	(cd "$npm" && npm ci >npm.log 2>&1) || skip "npm ci failed: $(tail -n 1 "$npm/npm.log")"
	cp "$npm/package-lock.json" "$npm/installed-lock.json"
fi

logs=("$@")
made=$PWD/sarif-made
if [ ${#logs[@]} = 0 ]; then
	logs=("$root"/tests/cases/report/*.sarif)
	rm -rf "$made" && mkdir -p "$made" || exit 1
	if [ -n "${PLUMBLINE:-}" ]; then
		for doc in "$root"/tests/cases/report/{aligned,misaligned,lint,diff}.json; do
			"$PLUMBLINE" report "$doc" --format sarif >"$made/$(basename "$doc" .json).sarif" \
				2>/dev/null
		done
		for estate in "$root"/samples/*/*/estate.yaml; do
			[ -e "$estate" ] || continue
			name=$(basename "$(dirname "$estate")")
			"$PLUMBLINE" check "$estate" --format sarif >"$made/sample-$name.sarif" 2>/dev/null
		done
	fi
	for f in "$made"/*.sarif; do
		[ -s "$f" ] && logs+=("$f")
	done
fi

failed=0
NODE_PATH=$npm/node_modules node "$root/tests/schemas/check_sarif.cjs" "${logs[@]}" || failed=1

# A copy: the package's own file isn't executable without its install script.
tool=$npm/node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool
chmod u+x "$tool" || exit 1
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
out=$("$tool" validate "${logs[@]}" --rule-kind "Sarif;Ghas" 2>&1) || failed=1
# SARIF2005 wants a web page of the tool.
grep -E ': (error|warning) ' <<<"$out" | grep -v ' SARIF2005' && failed=1
if ! grep -q "^Done. ${#logs[@]} files scanned" <<<"$out"; then
	echo "$out"
	failed=1
fi

# The multitool has to be able to say no.
sed 's/"version": "2.1.0"/"version": "2.1.0", "nonsense": 1/' "${logs[0]}" >"$npm/broken.sarif"
if ! "$tool" validate "$npm/broken.sarif" --rule-kind "Sarif;Ghas" 2>&1 | grep -q ': error '; then
	echo "the multitool accepts a broken log"
	failed=1
fi
echo "$((${#logs[@]} * (1 - failed))) passed, $failed failed"
exit $failed
