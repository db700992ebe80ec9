# Sourced by scripts/test: its parts, their counts, and what is told of a failure. Uses $logs, a directory.
passed=0
failed=0
skipped=0

# tells_failure TEXT: standard input says why; both are told now, and once more at the end.
tells_failure() {
  { echo "FAILED  $1"; sed 's/^/    /' | tail -60; } | tee -a "$logs/failed.log"
}

# failures_of LOG: each with the lines below it that tell why.
failures_of() {
  awk '/^FAILED /{n=25} n>0 && (/^FAILED /||/^    /){print; n--; next} {n=0}' "$1"
}

# check TEXT COMMAND...: one test of the tree itself.
check() {
  local text=$1
  shift
  if "$@" >"$logs/check.log" 2>&1; then
    passed=$((passed + 1))
    echo "ok      $text"
  else
    failed=$((failed + 1))
    tells_failure "$text" <"$logs/check.log"
  fi
}

# Finding none is no failure.
count() { { grep -aoE "$1" "$2" || true; } | { grep -oE '[0-9]+' || true; } | awk '{ n += $1 } END { print n + 0 }'; }

# unit_tests TEXT DIRECTORY: every test program of a build, through CTest.
unit_tests() {
  local log="$logs/$(basename "$2").log" status=0
  say "$1"
  ctest --test-dir "$2" -j "$(nproc)" -V >"$log" 2>&1 || status=$?
  local ok bad skip
  ok=$(count '\[  PASSED  \] [0-9]+' "$log")
  bad=$(count '\[  FAILED  \] [0-9]+ test' "$log")
  skip=$(count '\[  SKIPPED \] [0-9]+ test' "$log")
  # A program that crashed reports no count of its own.
  [ $status = 0 ] || [ "$bad" != 0 ] || bad=1
  passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
  echo "$1: $ok passed, $bad failed, $skip skipped"
  [ $status = 0 ] || why_units_failed "$log" | tells_failure "$1"
  return 0
}

why_units_failed() {
  { grep -aE -A5 'Failure$|\[  FAILED  \]|ERROR: .*Sanitizer|runtime error|SUMMARY' "$1" || true; } | head -40
  grep -aE 'tests failed|\(Failed\)|\(Timeout\)|\(SEGFAULT\)' "$1" || tail -10 "$1"
}

# end_to_end TEXT BIN: the scripts in tests/e2e against the programs in BIN.
end_to_end() {
  local program
  for program in skiff skiffd skiff-registry skiff-runtime; do
    [ -x "$2/$program" ] && continue
    echo "skipped $1: the build does not make $program yet"
    skipped=$((skipped + 1))
    return
  done
  checklist "$1" "e2e-$(basename "$(dirname "$2")")" env SKIFF_BIN="$2" tests/e2e/run
}

# checklist TEXT LOG PROGRAM...: one that ends with a summary line.
checklist() {
  local text=$1 log=$logs/$2.log ok= bad= skip= told
  shift 2
  say "$text"
  "$@" 2>&1 | tee "$log" || true
  read -r ok bad skip < <(grep -aE '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -1 | grep -oE '[0-9]+' | xargs) || true
  told=$(failures_of "$log")
  [ -z "$told" ] || echo "$told" >>"$logs/failed.log"
  if [ -z "$bad" ]; then
    ok=0 bad=1
    tail -25 "$log" | tells_failure "$text: no summary line"
  elif [ "$bad" != 0 ] && [ -z "$told" ]; then
    tail -60 "$log" | tells_failure "$text"
  fi
  passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + ${skip:-0}))
}

# suite TEXT COMMAND...: a part of the suite, after which the host holds nothing more than before.
suite() {
  local left
  timed "$@"
  # What has been told to end does so a moment later.
  for _ in $(seq 100); do
    left=$(comm -13 <(echo "$before") <(everything))
    [ -n "$left" ] || break
    sleep 0.1
  done
  if [ -z "$left" ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    tells_failure "$1: nothing is left behind" <<<"$left"
    before=$(everything)
  fi
}
