# What the trial scripts share: every command is printed before it runs, so that the transcript can be read and typed again.
# Sourced with the program as $1.
set -eu
program=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
failures=0

# What is asked.
ask() { printf '\n== %s\n' "$1"; }

# Runs `foretoken ...`, shows the first lines of its answer, and keeps all of it in the file `answer`.
show() {
  printf '$ foretoken'
  for word in "$@"; do
    case $word in *[!A-Za-z0-9_./,=:-]*) printf " '%s'" "$word" ;; *) printf ' %s' "$word" ;; esac
  done
  printf '\n'
  status=0
  "$program" "$@" >answer 2>messages || status=$?
  # Documents and tables of figures are for the checks behind it.
  case "$*" in *json* | *csv*) shown=0 ;; *) shown=${lines:-8} ;; esac
  head -n "$shown" answer
}

# `expect WHAT CONDITION`: a condition of awk, true or the script fails in the end.
expect() {
  if awk "BEGIN { exit !($2) }"; then
    printf '   ok: %s (%s)\n' "$1" "$2"
  else
    printf '   NOT: %s (%s)\n' "$1" "$2"
    failures=$((failures + 1))
  fi
}
expect_text() {
  if grep -q -e "$2" answer; then
    printf '   ok: %s\n' "$1"
  else
    printf '   NOT: %s: no "%s" in the answer\n' "$1" "$2"
    failures=$((failures + 1))
  fi
}

# `figure COLUMN [ROW]` of a CSV in `answer`: the first row of figures if not said. Reasons, which may hold commas, are empty there.
figure() {
  awk -F, -v name="$1" -v row="${2:-1}" '
    NR == 1 { for (i = 1; i <= NF; ++i) if ($i == name) column = i }
    NR == row + 1 { print column ? $column : "nan" }' answer
}

finish() {
  if [ "$failures" -gt 0 ]; then
    printf '\n%d checks failed\n' "$failures"
    exit 1
  fi
  printf '\nall checks hold\n'
}
