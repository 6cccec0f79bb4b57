# Sourced by the trials: runs a command, shows it with its answer, and checks both.
# The program is $1; everything happens in a folder that is gone afterwards.
set -uo pipefail
program=$(realpath "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
problems=0

heading() { printf '\n== %s\n' "$*"; }
problem() { printf 'PROBLEM: %s\n' "$*"; problems=$((problems + 1)); }

# try EXIT_CODE ARGUMENTS...: what it says is in $answer, its output alone in the file `answer`.
try() {
  local wanted=$1; shift
  printf '\n$ foretoken %s\n' "$*"
  "$program" "$@" >answer 2>messages; local code=$?
  answer=$(cat answer messages)
  # Documents and tables of figures are for the checks behind it.
  case " $* " in *json* | *csv*) ;; *) printf '%s\n' "$answer" | head -n "${lines:-12}" ;; esac
  printf '[exit %s]\n' "$code"
  [ "$code" = "$wanted" ] || problem "exit $code, not $wanted: foretoken $*"
}
expect() { grep -qE -- "$1" <<<"$answer" || problem "no line of the answer says /$1/"; }
# figure KEY: the first number behind a key of a JSON answer.
figure() { grep -oE "\"$1\": *-?[0-9.e+-]+" <<<"$answer" | head -1 | grep -oE -- '-?[0-9.e+-]+$'; }
# csv COLUMN [ROW]: of a CSV answer, the first row of figures if not said. Reasons, which may hold commas, are empty there.
# Nothing where there is no such column: a condition on it then does not hold.
csv() {
  awk -F, -v name="$1" -v row="${2:-1}" '
    NR == 1 { for (i = 1; i <= NF; ++i) if ($i == name) column = i }
    NR == row + 1 && column { print $column }' answer
}
# holds WHAT CONDITION: a condition of awk.
holds() {
  if awk "BEGIN { exit !($2) }"; then printf '   ok: %s (%s)\n' "$1" "$2"; else problem "not so: $1 ($2)"; fi
}
larger() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > b) }' || problem "$1 is not larger than $2: $3"; }
verdict() {
  printf '\n%s\n' "$([ "$problems" = 0 ] && echo 'All answers are as expected.' || echo "$problems problems.")"
  exit $((problems > 0))
}
