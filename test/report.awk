# Reads what `tap --reporter=tap` prints (TAP version 14); prints what failed, what was skipped and why, a line for each
# test file, the coverage table, and the totals last.
#
# A test is a t.test(…) of a file; assertions are not counted. A skip inside of a test counts as a skip too. Exits 1 when
# anything failed, when no test was found and, with -v ci=true, when anything was skipped.

# what stands between --- and ... below a point
details {
  if (bad) print
  if ($1 == "...") details = 0
  next
}

$1 == "---" && point {
  if (bad) print
  details = 1
  next
}

/^ *(not )?ok [0-9]+/ {
  point = 1
  indent = match($0, /[no]/) - 1
  reason = match($0, /# (SKIP|TODO).*/) ? substr($0, RSTART + 2) : ""
  bad = $1 == "not" && reason == ""
  if (indent == 0) {
    end_file()
  } else {
    if (bad) print
    if (reason != "") skip(name(), reason)
    else if (indent == 4 && bad) failed_here++
    else if (indent == 4) passed_here++
  }
  next
}

/^ *[^ ].* \|( +[0-9.]+ \|)+|^[-|]+$|^File +\|/ { coverage = coverage $0 "\n" }

{ point = 0 }

END {
  printf "%s", coverage
  if (passed + failed == 0) print "no test was found"
  if (ci == "true" && skipped > 0) print "with CI=true a skipped test is a failure"
  printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
  exit failed > 0 || passed == 0 || (ci == "true" && skipped > 0)
}

# the point of a file comes after those of its tests
function end_file() {
  if (reason ~ /no tests found/) bad = 1
  else if (reason != "") skip("all of it", reason)
  # it can fail without a failing test: by its exit code, or by taking too long
  if (bad && failed_here == 0) failed_here = 1
  printf "%-7s %-48s %4d passed%s %9s\n", bad ? "FAILED" : "ok", name(), passed_here, failed_here ? ", " failed_here " failed" : "", seconds()
  printf "%s", skips
  fflush()
  passed += passed_here
  failed += failed_here
  passed_here = failed_here = 0
  skips = ""
}

function skip(what, why) {
  skipped++
  skips = skips "        " what ": " why "\n"
}

function name(  text) {
  text = $0
  sub(/^ *(not )?ok [0-9]+ *(- )?/, "", text)
  sub(/ # (time=|SKIP|TODO).*/, "", text)
  sub(/^dist\/test\//, "", text)
  sub(/\.test\.js$/, "", text)
  return text
}

function seconds() {
  return match($0, /# time=[0-9.]+ms/) ? sprintf("%.1f s", substr($0, RSTART + 7) / 1000) : ""
}
