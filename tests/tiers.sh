#!/bin/bash
# Runs the given tiers one after the other, even if one fails, then prints the result of each. A tier after a `+` runs in
# parallel to the one before it, at low priority: it compiles while the other one waits.
set -u

declare -A target=([lint]=lint [deny]=deny [pure]=test-pure [container]=test-container [outcomes]=test-outcomes [boot]=test-boot [dist]=test-dist [oldest]=test-oldest)
# The tier container on a release.
for release in bullseye bookworm trixie forky; do
    target[$release]="test-container DEBIAN=$release"
done
logs=target/tiers
mkdir -p "$logs"
trap 'kill $(jobs -p) 2> /dev/null' EXIT

# Runs a tier, and writes its log, its exit code and its time in seconds.
run() {
    local began=$SECONDS
    # shellcheck disable=SC2086 # a target and its variables
    "${MAKE:-make}" --no-print-directory ${target[$1]} > "$logs/$1.log" 2>&1
    echo "$? $((SECONDS - began))" > "$logs/$1.end"
}

for group in "$@"; do
    IFS=+ read -ra tiers <<< "$group"
    for beside in "${tiers[@]:1}"; do
        (renice -n 10 "$BASHPID" > /dev/null; run "$beside") &
    done
    first=${tiers[0]}
    echo "=== $first"
    : > "$logs/$first.log"
    tail -f -n +1 "$logs/$first.log" &
    shown=$!
    run "$first"
    sleep 1
    kill "$shown"
    for beside in "${tiers[@]:1}"; do
        while [ -n "$(jobs -r)" ]; do wait -n; done
        echo "=== $beside"
        cat "$logs/$beside.log"
    done
done

summary=
failed=0
for tier in ${*//+/ }; do
    read -r code seconds < "$logs/$tier.end"
    if [ "$code" = 0 ]; then result=ok; else result=FAILED failed=1; fi
    # The sum over all test programs. A tier that was skipped prints the reason.
    counts=$(awk '/^test result:/ { passed += $4; failed += $6; n++ }
        END { if (n) printf "%d passed, %d failed", passed, failed }' "$logs/$tier.log")
    skipped=$(sed -n 's/^skipped: //p' "$logs/$tier.log")
    [ -n "$skipped" ] && [ "$result" = ok ] && result=skipped counts=$skipped
    noted=$(sed -n 's/^note: //p' "$logs/$tier.log")
    [ -n "$noted" ] && counts+="${counts:+; }$noted"
    summary+=$(printf '%-10s  %-8s %5d s   %s' "$tier" "$result" "$seconds" "$counts")$'\n'
done

printf '\n%s' "$summary"
exit "$failed"
