#!/bin/sh
# A stand-in for crictl 1.20 on the lab's hosts, made of containerd's own ctr. It is not the real crictl:
# it answers what kubeadm asks during init, join and reset, and the few questions people ask.
set -u
socket=/run/containerd/containerd.sock
while [ $# -gt 0 ]; do
  case "$1" in
    -r|--runtime-endpoint|-i|--image-endpoint) socket=${2#unix://}; shift 2 ;;
    --runtime-endpoint=*|--image-endpoint=*) socket=${1#*=}; socket=${socket#unix://}; shift ;;
    -t|--timeout) shift 2 ;;
    -D|--debug) shift ;;
    -v|--version) echo "crictl version v1.20.0 (Slipway lab stand-in over ctr)"; exit 0 ;;
    *) break ;;
  esac
done
verb=${1:-help}
[ $# -gt 0 ] && shift
k8s() { ctr --address "$socket" --namespace k8s.io "$@"; }
of_kind() { k8s containers ls -q "labels.\"io.cri-containerd.kind\"==$1"; }
case "$verb" in
  info) k8s version >/dev/null && echo '{"status": {"conditions": [{"type": "RuntimeReady", "status": true}]}}' ;;
  images) k8s images ls -q | grep -v '^sha256:' ;;
  inspecti) k8s images ls -q "name==$1" | grep -q . || { echo "no such image \"$1\" present" >&2; exit 1; }; echo '{}' ;;
  pods) of_kind sandbox ;;
  ps) of_kind container ;;
  stopp) for id in "$@"; do k8s tasks kill -s SIGKILL "$id" 2>/dev/null; done; true ;;
  rmp) for id in "$@"; do case "$id" in -*) continue ;; esac
         k8s tasks rm -f "$id" 2>/dev/null; k8s containers rm "$id" || exit 1; done ;;
  pull) echo "the lab has no registry to pull $1 from" >&2; exit 1 ;;
  *) echo "the lab's crictl stand-in does not know: $verb" >&2; exit 1 ;;
esac
