#!/bin/bash
# Kubernetes 1.37.2 on three machines by hand: etcd and the control plane on node1, pods on node2 and node3.
#
# The commands of an administrator who knows Slipway's recipe and runs in parallel whatever can run in parallel.
# The result is the same: three nodes Ready, DNS on more than one of them, images that kubelet keeps, a kubeconfig on
# this machine. The script checks nothing beforehand and cannot be resumed, and it is written for these machines
# (containers with control groups of version 1).
#
# Usage: LOGIN=user PASSWORD=word install.sh BUNDLE FOLDER NODE1 NODE2 NODE3
#   BUNDLE has the artifacts, FOLDER (empty) is for the generated files, the rest are the machines' addresses.
set -euo pipefail
export LOGIN PASSWORD

bundle=$1 folder=$2
declare -A address=([node1]=$3 [node2]=$4 [node3]=$5)
nodes=(node1 node2 node3)
version=v1.37.2
containerd=2.4.2
runc=1.5.3
cni_plugins=1.10.0
crictl=1.37.0
etcd=3.7.0
pause=registry.k8s.io/pause:3.10.2
coredns=registry.k8s.io/coredns/coredns:v1.14.6
pinned=io.cri-containerd.pinned=pinned
pods=10.233.64.0/18
services=10.233.0.0/18
etcd_pki=/etc/ssl/etcd/ssl
kubeadm_config=/etc/kubernetes/kubeadm-config.yaml
kubectl="/usr/local/bin/kubectl --kubeconfig /etc/kubernetes/admin.conf"

# --- Reaching the machines -------------------------------------------------------------------------------------------

ssh=(ssh -o ControlPath="$folder/%h.socket" -o UserKnownHostsFile="$folder/known_hosts" -o LogLevel=ERROR
  -o StrictHostKeyChecking=accept-new)

# shellcheck disable=SC2016  # the program is to read the variable, not this line
printf '#!/bin/sh\necho "$PASSWORD"\n' >"$folder/askpass"
chmod 700 "$folder/askpass"

connect() { # NODE: one connection for everything that follows; ssh asks the program for the password
  SSH_ASKPASS=$folder/askpass SSH_ASKPASS_REQUIRE=force "${ssh[@]}" -fNM "$LOGIN@${address[$1]}"
}

root() { # NODE COMMAND…: run it there as root; sudo takes the first line of its input, the command the rest
  local node=$1
  shift
  { echo "$PASSWORD" && cat; } | "${ssh[@]}" "$LOGIN@${address[$node]}" "sudo -k -S -p '' $*"
}

disconnect() {
  local node
  for node in "${nodes[@]}"; do
    "${ssh[@]}" -O exit "$LOGIN@${address[$node]}" 2>/dev/null || true
  done
}
trap disconnect EXIT

on() { # FUNCTION NODE…: on all of them at the same time
  local what=$1 node running=()
  shift
  for node; do
    "$what" "$node" &
    running+=($!)
  done
  all_of "${running[@]}"
}

all_of() { # PID…: wait for all, fail when one did
  local pid failed=0
  for pid; do
    wait "$pid" || failed=1
  done
  return $failed
}

began=$EPOCHREALTIME
phase() { # NAME: print the seconds since the last one
  local now=$EPOCHREALTIME
  awk -v name="$1" -v from="$began" -v to="$now" 'BEGIN { printf "phase %s %.2f\n", name, to - from }'
  began=$now
}

# --- The operating system --------------------------------------------------------------------------------------------

settings() { # NODE
  local node=$1 here=$folder/$1 each
  mkdir -p "$here"/etc/{modules-load.d,sysctl.d,containerd,default,kubernetes,systemd/system/kubelet.service.d}
  printf '%s\n' overlay br_netfilter nf_conntrack nf_tables >"$here/etc/modules-load.d/kubernetes.conf"
  printf '%s = 1\n' net.ipv4.ip_forward net.bridge.bridge-nf-call-iptables net.bridge.bridge-nf-call-ip6tables \
    >"$here/etc/sysctl.d/90-kubernetes.conf"
  printf 'runtime-endpoint: unix:///run/containerd/containerd.sock\ntimeout: 10\n' >"$here/etc/crictl.yaml"
  printf 'KUBELET_EXTRA_ARGS=--node-ip=%s --hostname-override=%s --resolv-conf=/etc/resolv.conf\n' \
    "${address[$node]}" "$node" \
    >"$here/etc/default/kubelet"
  containerd_files "$here"
  kubelet_files "$here"
  tar -C "$here" --owner=root --group=root -c . | root "$node" tar -x --no-overwrite-dir -C /
  root "$node" bash -es <<EOF
hostnamectl set-hostname $node 2>/dev/null || { echo $node > /etc/hostname && hostname $node; }
cat >> /etc/hosts <<HOSTS
$(for each in "${nodes[@]}"; do echo "${address[$each]} $each.cluster.local $each"; done)
${address[node1]} lb.kubesphere.local
HOSTS
swapoff -a
sed -i -E 's/^([^#].*\sswap\s)/#\1/' /etc/fstab
for module in overlay br_netfilter nf_conntrack nf_tables; do
  grep -q "/\$module\.ko" /lib/modules/*/modules.builtin || modprobe \$module
done
sysctl -q -p /etc/sysctl.d/90-kubernetes.conf
for tool in conntrack socat iptables ip mount; do command -v \$tool >/dev/null; done
EOF
}

# --- Container runtime -----------------------------------------------------------------------------------------------

containerd_files() { # FOLDER
  local images='plugins."io.containerd.cri.v1.images"' running='plugins."io.containerd.cri.v1.runtime"'
  cat >"$1/etc/containerd/config.toml" <<EOF
version = 3

[$images]

  [$images.pinned_images]
    sandbox = "$pause"

  [$images.registry]
    config_path = "/etc/containerd/certs.d"

[$running]
  restrict_oom_score_adj = true

  [$running.cni]
    bin_dirs = ["/opt/cni/bin"]
    conf_dir = "/etc/cni/net.d"

  [$running.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"

    [$running.containerd.runtimes.runc.options]
      SystemdCgroup = false
EOF
  cat >"$1/etc/systemd/system/containerd.service" <<'EOF'
[Unit]
Description=containerd container runtime
After=network.target local-fs.target

[Service]
ExecStart=/usr/local/bin/containerd
Environment=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
Type=notify
Delegate=yes
KillMode=process
Restart=always
RestartSec=5
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity

[Install]
WantedBy=multi-user.target
EOF
}

runtime() { # NODE
  local node=$1
  root "$node" tar -xz -C /usr/local bin/containerd bin/containerd-shim-runc-v2 bin/ctr \
    <"$bundle/containerd/v$containerd/containerd-$containerd-linux-amd64.tar.gz"
  root "$node" install -m 0755 /dev/stdin /usr/local/sbin/runc <"$bundle/runc/v$runc/runc.amd64"
  root "$node" "sh -c 'mkdir -p /opt/cni/bin && tar -xz -C /opt/cni/bin ./bridge ./host-local ./loopback ./portmap'" \
    <"$bundle/cni-plugins/v$cni_plugins/cni-plugins-linux-amd64-v$cni_plugins.tgz"
  root "$node" tar -xz -C /usr/local/bin crictl <"$bundle/crictl/v$crictl/crictl-v$crictl-linux-amd64.tar.gz"
  root "$node" bash -es <<'EOF'
systemctl daemon-reload
systemctl enable -q containerd
systemctl restart containerd
for try in $(seq 150); do
  ctr version >/dev/null 2>&1 && crictl info >/dev/null && exit
  sleep 0.2
done
exit 1
EOF
}

images() { # NODE: import and pin: kubelet deletes unpinned images when the disk is full, and no registry has these
  local node=$1 image name wanted=("$pause" "registry.k8s.io/kube-proxy:$version" "$coredns")
  if [ "$node" = node1 ]; then
    for name in kube-apiserver kube-controller-manager kube-scheduler; do
      wanted+=("registry.k8s.io/$name:$version")
    done
  fi
  for image in "${wanted[@]}"; do
    name=${image##*/}
    root "$node" "sh -c 'ctr -n k8s.io images import - && ctr -n k8s.io images label $image $pinned'" \
      <"$bundle/images/${name/:/-}.tar" >/dev/null
  done
}

# --- etcd ------------------------------------------------------------------------------------------------------------

certificate() { # NAME ALTERNATIVE-NAMES
  openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$1-key.pem" -out "$1.csr"
  openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 3650 -out "$1.pem" -extfile <(
    printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\nkeyUsage=digitalSignature,keyEncipherment\n' "$2"
  )
  rm "$1.csr"
}

etcd_files() { # makes etcd's authority, the certificates it signs, and the service
  local here=$folder/etcd url=https://${address[node1]}
  mkdir -p "$here$etcd_pki" "$here/etc/systemd/system"
  chmod 700 "$here$etcd_pki"
  (
    cd "$here$etcd_pki"
    local names="DNS:node1,IP:${address[node1]}"
    openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=etcd-ca -keyout ca-key.pem -out ca.pem
    certificate member-node1 "$names,DNS:localhost,IP:127.0.0.1"
    certificate admin-node1 "$names,DNS:localhost,IP:127.0.0.1"
    certificate apiserver "$names"
    chmod 600 ./*-key.pem
  ) 2>"$folder/openssl.log"
  cat >"$here/etc/etcd.env" <<EOF
ETCD_NAME=node1
ETCD_DATA_DIR=/var/lib/etcd
ETCD_LISTEN_CLIENT_URLS=$url:2379,https://127.0.0.1:2379
ETCD_ADVERTISE_CLIENT_URLS=$url:2379
ETCD_LISTEN_PEER_URLS=$url:2380
ETCD_INITIAL_ADVERTISE_PEER_URLS=$url:2380
ETCD_INITIAL_CLUSTER=node1=$url:2380
ETCD_INITIAL_CLUSTER_STATE=new
ETCD_INITIAL_CLUSTER_TOKEN=by-hand
ETCD_TRUSTED_CA_FILE=$etcd_pki/ca.pem
ETCD_CERT_FILE=$etcd_pki/member-node1.pem
ETCD_KEY_FILE=$etcd_pki/member-node1-key.pem
ETCD_CLIENT_CERT_AUTH=true
ETCD_PEER_TRUSTED_CA_FILE=$etcd_pki/ca.pem
ETCD_PEER_CERT_FILE=$etcd_pki/member-node1.pem
ETCD_PEER_KEY_FILE=$etcd_pki/member-node1-key.pem
ETCD_PEER_CLIENT_CERT_AUTH=true
ETCD_HEARTBEAT_INTERVAL=250
ETCD_ELECTION_TIMEOUT=2500
ETCD_AUTO_COMPACTION_RETENTION=8
ETCD_SNAPSHOT_COUNT=10000
ETCD_METRICS=basic
EOF
  cat >"$here/etc/systemd/system/etcd.service" <<'EOF'
[Unit]
Description=etcd
After=network-online.target
Wants=network-online.target

[Service]
Type=notify
EnvironmentFile=/etc/etcd.env
ExecStart=/usr/local/bin/etcd
Restart=always
RestartSec=5
TimeoutStartSec=120
LimitNOFILE=40000

[Install]
WantedBy=multi-user.target
EOF
}

etcd() { # on node1 only
  etcd_files
  tar -C "$folder/etcd" --owner=root --group=root -c . | root node1 tar -x --no-overwrite-dir -C /
  root node1 tar -xz --strip-components=1 -C /usr/local/bin "etcd-v$etcd-linux-amd64/etcd" \
    "etcd-v$etcd-linux-amd64/etcdctl" <"$bundle/etcd/v$etcd/etcd-v$etcd-linux-amd64.tar.gz"
  root node1 bash -es <<EOF
chmod 600 /etc/etcd.env
install -d -m 0700 /var/lib/etcd
systemctl daemon-reload
systemctl enable -q etcd
systemctl restart etcd
for try in \$(seq 180); do
  etcdctl --endpoints https://${address[node1]}:2379 --cacert $etcd_pki/ca.pem \
    --cert $etcd_pki/admin-node1.pem --key $etcd_pki/admin-node1-key.pem endpoint health 2>/dev/null && exit
  sleep 0.5
done
exit 1
EOF
}

# --- Kubernetes ------------------------------------------------------------------------------------------------------

kubelet_files() { # FOLDER
  cat >"$1/etc/systemd/system/kubelet.service" <<'EOF'
[Unit]
Description=kubelet: the Kubernetes node agent
After=containerd.service network-online.target
Wants=network-online.target

[Service]
ExecStart=/usr/local/bin/kubelet
Restart=always
StartLimitInterval=0
RestartSec=5

[Install]
WantedBy=multi-user.target
EOF
  cat >"$1/etc/systemd/system/kubelet.service.d/10-kubeadm.conf" <<'EOF'
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/local/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
EOF
}

kubernetes() { # NODE
  local program
  for program in kubeadm kubelet kubectl; do
    root "$1" install -m 0755 /dev/stdin "/usr/local/bin/$program" <"$bundle/kubernetes/$version/bin/linux/amd64/$program"
  done
  root "$1" "sh -c 'systemctl daemon-reload && systemctl enable -q kubelet'" </dev/null
}

prepare() { # NODE: everything before kubeadm; programs and etcd are installed while the runtime starts
  local node=$1 running=()
  connect "$node"
  settings "$node"
  kubernetes "$node" &
  running+=($!)
  if [ "$node" = node1 ]; then
    etcd &
    running+=($!)
  fi
  runtime "$node"
  images "$node"
  all_of "${running[@]}"
}

init() {
  root node1 tee $kubeadm_config >/dev/null <<EOF
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint:
  advertiseAddress: ${address[node1]}
  bindPort: 6443
nodeRegistration:
  name: node1
  criSocket: unix:///run/containerd/containerd.sock
  ignorePreflightErrors:
  - SystemVerification
  taints:
  - key: node-role.kubernetes.io/control-plane
    effect: NoSchedule
timeouts:
  controlPlaneComponentHealthCheck: 5m0s
  kubeletHealthCheck: 5m0s
  etcdAPICall: 2m0s
  tlsBootstrap: 5m0s
  discovery: 5m0s
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
clusterName: cluster.local
kubernetesVersion: $version
controlPlaneEndpoint: lb.kubesphere.local:6443
imageRepository: registry.k8s.io
networking:
  dnsDomain: cluster.local
  podSubnet: $pods
  serviceSubnet: $services
etcd:
  external:
    endpoints:
    - https://127.0.0.1:2379
    caFile: $etcd_pki/ca.pem
    certFile: $etcd_pki/apiserver.pem
    keyFile: $etcd_pki/apiserver-key.pem
apiServer:
  certSANs:
  - kubernetes
  - kubernetes.default
  - kubernetes.default.svc
  - kubernetes.default.svc.cluster.local
  - localhost
  - 127.0.0.1
  - lb.kubesphere.local
  - ${address[node1]}
  - node1
  - node1.cluster.local
  - 10.233.0.1
  extraArgs:
  - name: shutdown-watch-termination-grace-period
    value: 5s
controllerManager:
  extraArgs:
  - name: node-cidr-mask-size
    value: '24'
scheduler: {}
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: cgroupfs
maxPods: 110
podPidsLimit: 10000
rotateCertificates: true
containerLogMaxSize: 5Mi
containerLogMaxFiles: 3
failCgroupV1: false
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clusterCIDR: $pods
iptables:
  masqueradeAll: false
conntrack:
  maxPerCore: 0
  min: 0
EOF
  root node1 bash -es <<EOF
kubeadm init --config $kubeadm_config --skip-token-print
for try in \$(seq 180); do
  $kubectl get --raw /readyz >/dev/null && exit
  sleep 0.5
done
exit 1
EOF
}

bootstrap_token() { # prints one as soon as the control plane has signed cluster-info, which joining machines read first
  root node1 bash -es <<EOF
token=\$(kubeadm --kubeconfig /etc/kubernetes/admin.conf token create --ttl 30m)
for try in \$(seq 120); do
  if [ "\$($kubectl get configmap cluster-info -n kube-public -o "jsonpath={.data.jws-kubeconfig-\${token%%.*}}")" ]; then
    echo "\$token"
    exit
  fi
  sleep 0.5
done
exit 1
EOF
}

join() { # NODE: kubeadm does not wait until the API server knows it
  root "$1" bash -es <<EOF
umask 077
cat > /etc/kubernetes/join.yaml <<CONFIG
apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
nodeRegistration:
  name: $1
  criSocket: unix:///run/containerd/containerd.sock
  ignorePreflightErrors:
  - SystemVerification
discovery:
  bootstrapToken:
    apiServerEndpoint: lb.kubesphere.local:6443
    token: $token
    caCertHashes:
    - $ca_hash
timeouts:
  controlPlaneComponentHealthCheck: 5m0s
  kubeletHealthCheck: 5m0s
  etcdAPICall: 2m0s
  tlsBootstrap: 5m0s
  discovery: 5m0s
CONFIG
kubeadm join --config /etc/kubernetes/join.yaml
rm /etc/kubernetes/join.yaml
EOF
}

# --- Network ---------------------------------------------------------------------------------------------------------

bridge() { # RANGE: prints the configuration of a bridge for a node's pods
  cat <<EOF
{
  "cniVersion": "0.4.0",
  "name": "bridge",
  "plugins": [
    {
      "type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false, "hairpinMode": true,
      "ipam": {
        "type": "host-local",
        "ranges": [[{"subnet": "$1"}]],
        "routes": [{"dst": "0.0.0.0/0"}]
      }
    },
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
EOF
}

network() { # NODE: routes to the pods of the others, and the bridge for its own
  local node=$1 here=$folder/$1-network each
  mkdir -p "$here"/etc/{cni/net.d,systemd/system} "$here/usr/local/lib/kubernetes"
  bridge "${range[$node]}" >"$here/etc/cni/net.d/10-bridge.conflist"
  {
    echo '#!/bin/sh -eu'
    for each in "${nodes[@]}"; do
      [ "$each" = "$node" ] || echo "ip route replace ${range[$each]} via ${address[$each]}"
    done
    echo "iptables -w 10 -t nat -A POSTROUTING -s ${range[$node]} ! -d $pods -j MASQUERADE"
    echo "iptables -w 10 -A FORWARD -s $pods -j ACCEPT"
    echo "iptables -w 10 -A FORWARD -d $pods -j ACCEPT"
  } >"$here/usr/local/lib/kubernetes/pod-routes"
  chmod 755 "$here/usr/local/lib/kubernetes/pod-routes"
  cat >"$here/etc/systemd/system/pod-routes.service" <<'EOF'
[Unit]
Description=Routes to the pods of other nodes
After=network-online.target
Wants=network-online.target
Before=kubelet.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/lib/kubernetes/pod-routes

[Install]
WantedBy=multi-user.target
EOF
  tar -C "$here" --owner=root --group=root -c . | root "$node" tar -x --no-overwrite-dir -C /
  root "$node" "sh -c 'systemctl daemon-reload && systemctl enable -q --now pod-routes'" </dev/null
}

first_bridge() { # DNS may run on the control plane while the others join
  local name cidr
  ranges 1 | while read -r name cidr; do
    bridge "$cidr" | root "$name" install -D -m 0644 /dev/stdin /etc/cni/net.d/10-bridge.conflist
  done
}

ranges() { # COUNT: waits until COUNT nodes have a range of pod addresses, then prints them
  root node1 bash -es <<EOF
for try in \$(seq 240); do
  found=\$($kubectl get nodes -o jsonpath='{range .items[*]}{.metadata.name} {.spec.podCIDR}{"\n"}{end}')
  if [ "\$(echo "\$found" | grep -c /)" = $1 ]; then
    echo "\$found"
    exit
  fi
  sleep 0.5
done
exit 1
EOF
}

# --- DNS -------------------------------------------------------------------------------------------------------------

watch_dns() { # probes DNS pods every two seconds; the time until they count as not ready stays the same
  local probe='"readinessProbe": {"periodSeconds": 2, "failureThreshold": 15}'
  root node1 bash -es <<EOF
$kubectl patch deployment coredns -n kube-system --type strategic \
  -p '{"spec": {"template": {"spec": {"containers": [{"name": "coredns", $probe}]}}}}'
EOF
}

spread_dns() { # moves a DNS pod when all of them are on one node, so that DNS survives the loss of a machine
  local each='{{range .items}}{{if not .metadata.deletionTimestamp}}{{.metadata.name}} {{.spec.nodeName}}{{"\n"}}{{end}}{{end}}'
  root node1 bash -es <<EOF
placed() {
  $kubectl get pods -n kube-system -l k8s-app=kube-dns -o go-template='$each' | grep ' node'
}
nodes() {
  placed | cut -d ' ' -f 2 | sort -u | wc -l
}
[ "\$(nodes)" = 1 ] || exit 0
$kubectl delete pod -n kube-system --wait=false "\$(placed | tail -n 1 | cut -d ' ' -f 1)"
for try in \$(seq 120); do
  [ "\$(nodes)" = 1 ] || exit 0
  sleep 0.5
done
exit 1
EOF
}

# --- From bare machines to a working cluster -------------------------------------------------------------------------

prepare node2 &
workers=($!)
prepare node3 &
workers+=($!)
prepare node1
phase prepared

init
phase control-plane

watch_dns &
first=($!)
first_bridge &
first+=($!)
token=$(bootstrap_token)
ca_hash=sha256:$(root node1 cat /etc/kubernetes/pki/ca.crt </dev/null |
  openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | sha256sum | cut -d ' ' -f 1)
all_of "${workers[@]}"
on join node2 node3
all_of "${first[@]}"
declare -A range
while read -r name cidr; do
  range[$name]=$cidr
done < <(ranges ${#nodes[@]})
phase joined

root node1 "$kubectl label node node2 node3 node-role.kubernetes.io/worker=" </dev/null
on network "${nodes[@]}"
phase network

root node1 "$kubectl wait --for=condition=Ready node --all --timeout=180s" </dev/null
spread_dns
root node1 "$kubectl rollout status deployment/coredns -n kube-system --timeout=120s" </dev/null
root node1 cat /etc/kubernetes/admin.conf </dev/null |
  sed "s/lb.kubesphere.local/${address[node1]}/" >"$folder/admin.conf"
phase ready
