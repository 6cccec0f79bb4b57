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

# try EXIT_CODE ARGUMENTS...: the answer is in $answer.
try() {
  local wanted=$1; shift
  printf '\n$ foretoken %s\n' "$*"
  answer=$("$program" "$@" 2>&1); local code=$?
  printf '%s\n' "$answer" | head -n "${lines:-12}"
  printf '[exit %s]\n' "$code"
  [ "$code" = "$wanted" ] || problem "exit $code, not $wanted: foretoken $*"
}
expect() { grep -qE -- "$1" <<<"$answer" || problem "no line of the answer says /$1/"; }
# figure KEY: the first number behind a key of a JSON answer.
figure() { grep -oE "\"$1\": *-?[0-9.e+-]+" <<<"$answer" | head -1 | grep -oE -- '-?[0-9.e+-]+$'; }
larger() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > b) }' || problem "$1 is not larger than $2: $3"; }
verdict() {
  printf '\n%s\n' "$([ "$problems" = 0 ] && echo 'All answers are as expected.' || echo "$problems problems.")"
  exit $((problems > 0))
}
