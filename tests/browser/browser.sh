# For the tests in this folder: a browser, pages made by the program, and copies of them that tell what they find.

browser=
for name in chromium chromium-browser google-chrome; do
  if command -v "$name" >/dev/null; then browser=$name && break; fi
done
[ -n "$browser" ] || { echo "SKIPPED: no chromium here (tools/install-packages test brings it)"; exit 77; }

failures=0
expect() {  # expect WORDS COMMAND...: says what does not hold
  local words=$1
  shift
  "$@" >/dev/null || { echo "FAILED: $words"; failures=$((failures + 1)); }
}

# The DOM of a page after its script has run; what it said on its console goes to console.txt. Tall enough for all charts to
# be drawn: they wait until they are about to be seen.
dom_of() {
  "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars --user-data-dir="$work/profile" \
    --window-size=1200,16000 --virtual-time-budget=15000 --enable-logging=stderr --v=0 --dump-dom "file://$1" 2>"$work/chromium.txt"
  grep 'CONSOLE' "$work/chromium.txt" >"$work/console.txt" || true
}

# A copy that may run one more script: the page's own policy would refuse it.
with_script() {  # with_script PAGE SCRIPT... > COPY
  local page=$1
  shift
  sed -e '/<meta http-equiv="Content-Security-Policy"/d' -e '/<\/body>/,$d' "$page"
  for script in "$@"; do
    echo "<script>"
    cat "$script"
    echo "</script>"
  done
  echo "</body></html>"
}
