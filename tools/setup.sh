# shellcheck shell=bash
# Sourced by ./dev: `need SET...` installs the Debian packages of these sets that are missing.

# The version of a package that would be installed, or nothing. `apt-cache show` does not tell: it also succeeds for a
# name that some other package only refers to.
candidate() {
  LC_ALL=C apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: \([^(].*\)/\1/p'
}

# Debian 12's default Boost is older than what we need; where the default is new enough, it is taken.
boost_version() {
  dpkg --compare-versions "$(candidate libboost-dev)" ge 1.81 || echo 1.81
}

packages_of() {
  case $1 in
  build)
    local boost
    boost=$(boost_version)
    echo g++ cmake ninja-build ccache "libboost$boost-dev" "libboost-json$boost-dev" libssl-dev libcrypt-dev libnghttp2-dev \
      libsqlite3-dev libyaml-cpp-dev libtomlplusplus-dev libcli11-dev libfmt-dev libspdlog-dev \
      prometheus-cpp-dev zlib1g-dev libcurl4-openssl-dev
    ;;
  test)
    echo chromium libgtest-dev libgmock-dev python3 python3-pytest python3-h2 python3-hyperframe python3-httpx curl prometheus \
      python3-yaml debootstrap dpkg-dev lintian mandoc man-db zsh logrotate rsyslog docker-compose systemd openssl \
      sslscan testssl.sh nginx-light haproxy apache2 caddy e2fsprogs mount
    ;;
  clients)
    echo wget python3-urllib3 python3-requests python3-httplib2 python3-httpx python3-aiohttp python3-pycurl httpie \
      ansible-core nodejs node-undici node-axios node-got libwww-perl liblwp-protocol-https-perl ruby ruby-faraday \
      php-cli php-curl php-guzzlehttp-guzzle golang-go default-jdk-headless
    ;;
  prove) echo eatmydata strace libfiu-dev faketime slowhttptest ;;
  coverage) echo gcovr ;;
  package) echo dpkg-dev file ;;
  bench) echo python3 curl wrk nginx-light etcd-server prometheus openssl apache2-utils ;;
  check) echo clang-19 clang-format-19 clang-tidy-19 libclang-rt-19-dev python3 libgtest-dev libgmock-dev git flake8 shellcheck ;;
  esac
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Servers that only tests and benchmarks start are not to run as services of this machine.
without_services() {
  local policy=/usr/sbin/policy-rc.d made=
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
    as_root chmod +x $policy
    made=yes
  fi
  local status=0
  "$@" || status=$?
  [ -z "$made" ] || as_root rm -f $policy
  return $status
}

need() {
  local set packages=() missing=()
  # A stamp for each list of packages on each system: an already set-up machine is not asked twice.
  local stamp
  stamp=build/.setup-$({ printf '%s ' "$@"; cat tools/setup.sh /etc/os-release 2>/dev/null || true; } | cksum |
    cut -d' ' -f1)
  [ ! -e "$stamp" ] || return 0
  if ! command -v apt-get >/dev/null; then
    echo "This is not a Debian: install by hand what tools/setup.sh lists, then: touch $stamp" >&2
    exit 1
  fi
  if [ -z "$(candidate libboost-dev)" ]; then
    echo "set-up: reading the package lists"
    as_root apt-get -q update >build/setup.log 2>&1 || { cat build/setup.log >&2; exit 1; }
  fi
  for set in "$@"; do
    # shellcheck disable=SC2207
    packages+=($(packages_of "$set"))
  done
  local package
  for package in "${packages[@]}"; do
    dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    echo "set-up: installing ${#missing[@]} packages: ${missing[*]}"
    as_root apt-get -q update >build/setup.log 2>&1 || { cat build/setup.log >&2; exit 1; }
    without_services as_root env DEBIAN_FRONTEND=noninteractive \
      apt-get -q install -y --no-install-recommends "${missing[@]}" >>build/setup.log 2>&1 || {
      tail -n 20 build/setup.log >&2
      exit 1
    }
    if command -v systemctl >/dev/null; then
      local service
      for service in prometheus nginx etcd rsyslog haproxy apache2 caddy; do
        printf '%s\n' "${missing[@]}" | grep -q "^$service" || continue
        as_root systemctl disable --quiet "$service" 2>/dev/null || true
      done
    fi
  fi
  touch "$stamp"
}
