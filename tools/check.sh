#!/usr/bin/env bash
# What CI runs besides the tests. Each check names its fix.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
failed=()

step() { # NAME HOW-TO-FIX COMMAND...
  local name=$1 fix=$2 began=$SECONDS
  shift 2
  printf '== %s\n' "$name"
  if "$@"; then
    printf '   ok (%d s)\n' $((SECONDS - began))
  else
    printf '   FAILED. To fix: %s\n' "$fix"
    failed+=("$name")
  fi
}

format() { tools/sources.sh | xargs clang-format-19 --dry-run -Werror; }

scripts() {
  git ls-files -co --exclude-standard '*.py' | xargs flake8 --max-line-length 120 &&
    git grep -lE '^#!.*(/sh|bash)' -- ':!*.md' | xargs shellcheck -x
}

tidy() {
  cmake --preset tidy >build/configure-tidy.log 2>&1 || { cat build/configure-tidy.log; return 1; }
  # What is shipped; tests are compiled with warnings as errors and run with sanitizers.
  tools/sources.sh | grep '\.cc$' | grep -v -e '^fuzz/' -e '_test\.cc$' |
    xargs -P "$(nproc)" -n 3 clang-tidy-19 -p build/tidy --quiet 2>build/tidy.log
}

step rooms "include only what the room may use; the order is in src/CMakeLists.txt" python3 tools/check_rooms.py
step format "./dev fix" format
step scripts "mend what flake8 or shellcheck names above" scripts
step docs "mend the links and lines named above" python3 tools/check_docs.py
step tidy "mend what is named above" tidy

if [ ${#failed[@]} -gt 0 ]; then
  printf 'check failed: %s\n' "${failed[*]}"
  exit 1
fi
echo 'check passed'
