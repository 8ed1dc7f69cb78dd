#!/bin/sh
# Written by Slipway; changes are overwritten by its next run.
set -eu
check() { [ "$1" = check ]; }
mode=${1:-set}

# IPv4 or IPv6, the pods' network, and the routes to the other nodes' parts of it.
routes() {
  pods=$2; wanted=$3
  # Routes inside the pods' network through a node: each is wanted, or its node is gone.
  ip -$1 route show root $pods | grep ' via ' | while read -r cidr _ gateway rest; do
    if ! printf '%s\n' "$wanted" | grep -qxF "$cidr via $gateway"; then
      if check $mode; then echo "an old route to $cidr via $gateway remains"; exit 1; fi
      ip -$1 route del $cidr via $gateway
    fi
  done
  printf '%s\n' "$wanted" | while read -r cidr via gateway; do
    [ -n "$cidr" ] || continue
    if ! check $mode; then
      ip -$1 route replace $cidr via $gateway
    elif ! ip -$1 route show $cidr | grep -q " via $gateway "; then
      echo "the route to $cidr via $gateway is missing"; exit 1
    fi
  done
}

rule() {
  tool=$1; table=$2; chain=$3; shift 3
  if ! $tool -w 10 -t $table -C $chain "$@" 2>/dev/null; then
    if check $mode; then echo "a rule in $chain is missing"; exit 1; fi
    $tool -w 10 -t $table -A $chain "$@"
  fi
}

routes 4 10.233.64.0/18 '10.233.64.0/24 via 10.99.0.11
10.233.66.0/24 via 10.99.0.13'
rule iptables nat POSTROUTING -s 10.233.65.0/24 ! -d 10.233.64.0/18 -m comment --comment slipway-pods -j MASQUERADE
rule iptables filter FORWARD -s 10.233.64.0/18 -m comment --comment slipway-pods -j ACCEPT
rule iptables filter FORWARD -d 10.233.64.0/18 -m comment --comment slipway-pods -j ACCEPT
routes 6 fd85:ee78::/112 'fd85:ee78::/120 via fd99::11
fd85:ee78::200/120 via fd99::13'
rule ip6tables nat POSTROUTING -s fd85:ee78::100/120 ! -d fd85:ee78::/112 -m comment --comment slipway-pods -j MASQUERADE
rule ip6tables filter FORWARD -s fd85:ee78::/112 -m comment --comment slipway-pods -j ACCEPT
rule ip6tables filter FORWARD -d fd85:ee78::/112 -m comment --comment slipway-pods -j ACCEPT
