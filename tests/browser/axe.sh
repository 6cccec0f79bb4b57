# axe-core of package-lock.json in "$work/node_modules", or a reason in npm.txt: get_axe HERE WORK

get_axe() {
  local here=$1 work=$2
  cmp -s "$here/package-lock.json" "$work/installed-lock.json" && return 0
  cp "$here/package.json" "$here/package-lock.json" "$work"
  { command -v npm && (cd "$work" && timeout 120 npm ci --ignore-scripts --no-audit --no-fund --prefer-offline); } >"$work/npm.txt" 2>&1 || return 1
  cp "$here/package-lock.json" "$work/installed-lock.json"
}
