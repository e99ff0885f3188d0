#!/bin/bash
# Runs the given tiers one after the other, each to its end, then says how each went.
set -u

declare -A target=([lint]=lint [deny]=deny [pure]=test-pure [container]=test-container [outcomes]=test-outcomes [boot]=test-boot [dist]=test-dist)
logs=target/tiers
mkdir -p "$logs"
summary=
failed=0

for tier in "$@"; do
    echo "=== $tier"
    began=$SECONDS
    "${MAKE:-make}" --no-print-directory "${target[$tier]}" 2>&1 | tee "$logs/$tier.log"
    if [ "${PIPESTATUS[0]}" = 0 ]; then result=ok; else result=FAILED failed=1; fi
    # What the test programs counted, added up; a tier may have skipped all of it, and says why.
    counts=$(awk '/^test result:/ { passed += $4; failed += $6; n++ }
        END { if (n) printf "%d passed, %d failed", passed, failed }' "$logs/$tier.log")
    skipped=$(sed -n 's/^skipped: //p' "$logs/$tier.log")
    [ -n "$skipped" ] && [ "$result" = ok ] && result=skipped counts=$skipped
    summary+=$(printf '%-10s  %-8s %5d s   %s' "$tier" "$result" "$((SECONDS - began))" "$counts")$'\n'
done

printf '\n%s' "$summary"
exit "$failed"
