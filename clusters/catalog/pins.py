"""What archives, manifests and charts must be: the SHA-256 of each, for projects that publish none beside the file.

Sources: Calico: computed from `manifests/` at the release's tag in projectcalico/calico, which is what the address
serves. Cilium, Kube-OVN, Hybridnet: the `digest` in the `index.yaml` of their chart repositories; those of Cilium and
Kube-OVN were compared with the archives themselves; of Hybridnet only the chart at its tag was at hand. A release that
is added to `config/plugins/` needs its line here; a test insists. Docker: KubeKey 3.1's table; cri-dockerd:
kubespray's.
"""

from __future__ import annotations

PINS: dict[str, dict[str, str]] = {
    "docker": {
        "v24.0.9/amd64/docker-24.0.9.tgz": "692ecfc28333485d184f628b74c25b2894cee9495a51a5418ba60ef95bf733ca",
        "v24.0.9/arm64/docker-24.0.9.tgz": "7e999590330a15469de20ac37051407d222ea73c71c10c05d61666d42c5922d1",
    },
    "cri-dockerd": {
        "v0.3.21/cri-dockerd-0.3.21.amd64.tgz": "6c35838bc4b1aef74f9113670e114ca729a5f295f9457b226791e18e86e91698",
        "v0.3.21/cri-dockerd-0.3.21.arm64.tgz": "35de6b1e8eba11d8ba6d71fa7499cb3d610a1e7b866c9d43b7f87029e3a769cd",
    },
    "calico": {
        "v3.24.5/calico.yaml": "1e8825b3bc56bd1b2a7565783630a97a09a4fd9f92767d013e4201cf8f88812c",
        "v3.24.5/calico-typha.yaml": "f1adec1a87b043e47e4b6b8cf798f4ddcfedb3cdd1c52a3a6612bfc1940fab47",
        "v3.27.4/calico.yaml": "53250439641223c04f25035d9855f980b640baa73cde99bcfac5457b242fc51f",
        "v3.27.4/calico-typha.yaml": "553c859a554ad74978a045be91f8707d9e68faac45e77c46dbc20341656fd897",
        "v3.30.7/calico.yaml": "ed105288f27c7ba4cae143bcaa3f6425f02d84fa94a4786cc8e3d371412c1a36",
        "v3.30.7/calico-typha.yaml": "a11fc074d2f7197e38af5fefdc58697e881da8eadc0778f2493a18a0a5908cfd",
        "v3.31.7/calico.yaml": "d6d8a489a4ed8e5b8efd8b339047b496ca657b55ee2e3618e791507b0a853e8d",
        "v3.31.7/calico-typha.yaml": "86bdaabf6098f98320773a257f3408f70a8654e9ccf26a48e717ef2d028d71b7",
        "v3.32.1/calico.yaml": "a1df919d9721cf667accdc3e72848911b0cb25cfab7d2478ad0c996302c95744",
        "v3.32.1/calico-typha.yaml": "7ecc42a5ca2bd47764384f5c52b89b007c06cbf907fd3214c1cf4abc75ead76f",
    },
    "cilium": {
        "v1.14.19/cilium-1.14.19.tgz": "fc402d6f21ad6bb203e050c86bf96bdb894e6349a90d310594f8e57b037bc697",
        "v1.15.19/cilium-1.15.19.tgz": "fd1c33af55d62c0954fe302d603295cf6aead24b715e92ee75b7be06c5a8b591",
        "v1.17.18/cilium-1.17.18.tgz": "6a9a929a4bfa7a7cbb1fbb429514dde61fdf70622aac3adfd0bed8a4b09e34e9",
        "v1.19.6/cilium-1.19.6.tgz": "21c43cf53841f9ab0375047d95aa4c64051ea52bbd2c679416e6408f5f1c9179",
        "v1.20.0/cilium-1.20.0.tgz": "c5f013912360d1a334f44ef25f36da59ba3414cdb48f466ee12d0c4fdff27883",
    },
    "kubeovn": {
        "v1.13.15/kube-ovn-v1.13.15.tgz": "a89e6374c89a3d9d1dab9ebb2219d8759eccd769ff99f775724596c2ea60f75a",
        "v1.15.24/kube-ovn-v1.15.24.tgz": "585124ea50b23d3216bd47f9b1df48a6d026e4954f2177609f191c2231b561b1",
    },
    "hybridnet": {
        "v0.6.8/hybridnet-0.6.8.tgz": "e95f774828dd482be37035150678af62f6c157db979b4ff3ad1291548d276823",
    },
}
"""Component -> `version/file` -> SHA-256."""
