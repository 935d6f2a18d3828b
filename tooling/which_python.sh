#!/bin/sh
# Name the Python 3.11 to work with: the first on the PATH that was built with profile-guided optimization, else the first.
# Distributions (in /usr), python.org and Homebrew build theirs so; pyenv does only when told to, and its Python takes a quarter longer.
fits='import ensurepip, sqlite3, sys; raise SystemExit(sys.version_info[:2] != (3, 11))'
optimized='import sys, sysconfig
built = sysconfig.get_config_var("CONFIG_ARGS") or ""
raise SystemExit(sys.base_prefix != "/usr" and "--enable-optimizations" not in built)'
found=''
for name in python3.11 python3 python /usr/bin/python3.11 /usr/local/bin/python3.11; do
  path=$(command -v "$name") && "$path" -c "$fits" 2>/dev/null || continue
  found=${found:-$path}
  if "$path" -c "$optimized"; then found=$path; break; fi
done
echo "$found"
