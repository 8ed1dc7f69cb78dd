"""Reading: both dialects, positions, and passwords that YAML would change."""

from __future__ import annotations

import pytest

from clusters.config.finding import format_finding
from clusters.config.load import load
from clusters.config.report import findings_of
from clusters.config.secret import MASK, Secret

HEAD = "apiVersion: kubekey.kubesphere.io/v1alpha2\nkind: Cluster\nmetadata: {name: a}\nspec:\n"


def _password(written: str) -> Secret | None:
    loaded = load(f"{HEAD}  hosts:\n  - name: node1\n    password: {written}\n")
    assert loaded.document is not None, loaded.findings
    return loaded.document.hosts[0].password


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("0123", "0123"),
        ("123456", "123456"),
        ("yes", "yes"),
        ("1e3", "1e3"),
        ("12:30:45", "12:30:45"),
        ("2024-01-01", "2024-01-01"),
        ("Qcloud@123", "Qcloud@123"),
        ("'it''s'", "it's"),
        ("!!str 1", "1"),
    ],
)
def test_a_password_is_the_text_that_was_written(written: str, meant: str) -> None:
    assert _password(written) == Secret(meant)


@pytest.mark.parametrize("written", ["|\n      S3 cret", ">\n      S3\n      cret", ">-\n      S3 cret"])
def test_the_line_break_at_the_end_of_a_block_is_not_in_a_password(written: str) -> None:
    assert _password(written) == Secret("S3 cret")


def test_the_line_break_at_the_end_of_a_block_is_not_in_a_one_line_text() -> None:
    text = f"""{HEAD}  hosts:
  - name: |
      node1
    address: >
      10.0.0.1
    privateKeyPath: |
      ~/.ssh/id
    privateKey: |
      -----BEGIN
    labels:
      zone: |
        a
  kubernetes:
    apiserverArgs:
    - |
      v=2
  addons:
  - {{name: a, namespace: b, sources: {{yaml: {{path: [], values: {{text: "x\\n"}}}}}}}}
"""
    loaded = load(text)
    assert loaded.document is not None, loaded.findings
    host = loaded.document.hosts[0]
    assert (host.name, host.address, host.private_key_path, host.labels) == (
        "node1",
        "10.0.0.1",
        "~/.ssh/id",
        {"zone": "a"},
    )
    assert host.private_key == Secret("-----BEGIN\n")
    assert loaded.document.kubernetes.apiserver_args == ("v=2",)
    assert not [each for each in findings_of(loaded) if each.id in ("text.control", "secret.line_break")]


def test_a_masked_entry_of_a_list_is_left_out() -> None:
    loaded = load(f"{HEAD}  extra:\n    passwords: [{MASK}, open]\n")
    assert loaded.document is not None and loaded.document.model_extra == {"extra": {"passwords": ["open"]}}
    assert [each.id for each in loaded.findings if each.id == "secret.masked"] == ["secret.masked"]


def test_a_line_break_that_is_written_in_quotes_stays() -> None:
    assert _password(r'"S3cret\n"') == Secret("S3cret\n")


@pytest.mark.parametrize("written", ['""', "", "~", "null"])
def test_an_empty_password_is_not_a_password(written: str) -> None:
    assert _password(written) is None


@pytest.mark.parametrize("port", ["8022", '"8022"', "'8022'"])
def test_numbers_may_be_quoted(port: str) -> None:
    loaded = load(f"{HEAD}  hosts:\n  - {{name: node1, port: {port}}}\n")
    assert loaded.document is not None
    assert loaded.document.hosts[0].port == 8022


@pytest.mark.parametrize("port", ["080", "22.0", "2_2", "0x16", "", '"22 33"', "[22]", "1" * 40])
def test_an_invalid_whole_number_is_not_guessed(port: str) -> None:
    loaded = load(f"{HEAD}  hosts:\n  - {{name: node1, port: {port or '{}'}}}\n")
    assert [each.id for each in loaded.findings if each.blocking] == ["type.int"]


def test_every_finding_has_its_place_and_a_rule_finds_its_key() -> None:
    text = f"{HEAD}  hosts:\n  - name: node1\n    address: 10.1.2.3\n    port: 70000\n"
    found = {each.id: each for each in findings_of(load(text))}
    assert (found["host.port_range"].line, found["host.port_range"].column) == (8, 5)
    assert (found["host.credentials_missing"].line, found["host.credentials_missing"].column) == (6, 5)
    line = format_finding(found["host.port_range"], file="a.yaml")
    assert line.startswith("a.yaml:8:5 spec.hosts.0.port - 70000 is not a valid SSH port")


def test_a_misspelled_key_is_stored_and_the_right_one_suggested() -> None:
    loaded = load(f"{HEAD}  hosts:\n  - {{name: node1, internalAdress: 10.1.2.3}}\n")
    assert loaded.document is not None
    assert loaded.document.hosts[0].model_extra == {"internalAdress": "10.1.2.3"}
    assert "Did you mean internalAddress?" in [each.hint for each in loaded.findings]


def test_pythons_spelling_of_a_key_is_not_read_as_kubekeys() -> None:
    loaded = load(f"{HEAD}  name: other\n  role_groups: {{etcd: [node1]}}\n  kubernetes: {{max_pods: 7}}\n")
    assert loaded.document is not None
    assert loaded.document.name == "a"
    assert loaded.document.role_groups.etcd == ()
    assert loaded.document.kubernetes.max_pods == 110
    assert [each.hint for each in loaded.findings if each.id == "key.unknown"][1:] == [
        "Did you mean roleGroups?",
        "Did you mean maxPods?",
    ]


def test_the_older_dialect_has_one_key_for_both_names() -> None:
    text = HEAD.replace("v1alpha2", "v1alpha1") + "  kubernetes: {clusterName: lab.local}\n"
    loaded = load(text)
    assert loaded.document is not None
    assert loaded.document.kubernetes.dns_domain == "lab.local"
    assert loaded.dialect == "v1alpha1"


def test_a_file_that_is_too_large_is_not_parsed() -> None:
    assert [each.id for each in load("a: b\n" * 300_000).findings] == ["yaml.too_large"]


def test_windows_line_ends_and_byte_order_marks_are_accepted() -> None:
    text = "\ufeff" + f"{HEAD}  hosts:\n  - name: node1\n    password: Testing\n".replace("\n", "\r\n")
    loaded = load(text)
    assert loaded.document is not None
    assert loaded.document.hosts[0].password == Secret("Testing")


@pytest.mark.parametrize(
    "row",
    [
        "{name: a, password: Hun,ter2}",
        "{name: a, password: *Hunter2}",
        "{name: a, password: &Hunter2}",
        "{name: a, password: !Hunter2}",
        "{name: a, password: [Hunter2]}",
        "{name: a, password: {Hunter2: x}}",
        "{name: a, password: Hunter2: x}",
        "{name: a, password: @Hunter2}",
        "{name: a, password: 'Hunter2}",
        '{name: a, password: "\\Hunter2"}',
        "{name: a, password: a,ter2,ter2}",
        "{name: a, password: x, pasword: Hunter2}",
        "Hunter2",
        "[Hunter2]",
    ],
)
def test_no_finding_repeats_a_broken_secret(row: str) -> None:
    for each in findings_of(load(f"{HEAD}  hosts:\n  - {row}\n")):
        line = format_finding(each, file="a.yaml")
        assert "ter2" not in line, line


def test_the_document_hides_its_secrets_in_its_own_repr() -> None:
    loaded = load(f"{HEAD}  hosts:\n  - {{name: node1, password: Hunter2}}\n")
    assert "Hunter2" not in repr(loaded)


BLOCK = f"{HEAD}  hosts:\n  - {{name: node1, port: 8022}}\n"


@pytest.mark.parametrize(
    "page",
    [
        f"```yaml\n{BLOCK}```\n",
        f"Text.\n\n```bash\nkk create cluster\n```\n\n```yaml\n{BLOCK}```\nMore.\n```\nkubectl get nodes\n```\n",
        f"~~~\n{BLOCK}~~~\n",
        "1. Like this:\n\n   ```yaml\n" + "".join(f"   {line}\n" for line in BLOCK.splitlines()) + "   ```\n",
        f"```yaml\n{BLOCK}",
        f"```yaml\r\n{BLOCK}```\r\n".replace("\n", "\r\n").replace("\r\r", "\r"),
    ],
)
def test_a_page_is_read_by_its_code_block(page: str) -> None:
    document = load(page).document
    assert document is not None
    assert document.hosts[0].port == 8022


def test_a_finding_in_a_page_has_the_pages_line() -> None:
    page = f"One.\nTwo.\n```yaml\n{BLOCK.replace('8022', 'ssh')}```\n"
    assert [each.line for each in load(page).findings if each.id == "type.int"] == [9]


def test_a_fence_within_a_document_is_text() -> None:
    text = f"{BLOCK}  system:\n    preInstall:\n    - name: a\n      bash: |\n        ```\n        echo\n        ```\n"
    document = load(text).document
    assert document is not None
    assert document.system.pre_install[0].bash == "```\necho\n```\n"


@pytest.mark.parametrize(
    ("written", "file", "values"),
    [
        ("values: big.yaml", "big.yaml", ()),
        ("values: [a=b]", "", ("a=b",)),
        ('values: ""', "", ()),
        ("values: [a=b], valuesFile: big.yaml", "big.yaml", ("a=b",)),
        ("values: a=b, valuesFile: big.yaml", "big.yaml", ("a=b",)),
    ],
)
def test_a_values_file_of_kubekey_1_0_is_the_values_file(written: str, file: str, values: tuple[str, ...]) -> None:
    loaded = load(f"{HEAD}  addons:\n  - {{name: a, sources: {{chart: {{name: a, {written}}}}}}}\n")
    assert loaded.document is not None
    chart = loaded.document.addons[0].sources.chart
    assert (chart.values_file, chart.values) == (file, values)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("10.10.11.0/22", "10.10.8.0/22"),
        ("10.72.19.7/16,fd12::9/64", "10.72.0.0/16,fd12::/64"),
        ("10.72.0.0/16", "10.72.0.0/16"),
        ("10.72.0.0/99", "10.72.0.0/99"),
    ],
)
def test_an_address_in_a_network_means_the_network(written: str, read: str) -> None:
    networks = "kubePodsCIDR: {0}, kubeServiceCIDR: {0}, kubeovn: {{joinCIDR: {0}}}".format(f"'{written}'")
    subnets = f"hybridnet: {{networks: [{{subnets: [{{cidr: '{written}'}}]}}]}}"
    loaded = load(f"{HEAD}  network: {{{networks}, {subnets}}}\n")
    assert loaded.document is not None
    network = loaded.document.network
    assert {network.kube_pods_cidr, network.kube_service_cidr, network.kubeovn.join_cidr} == {read}
    assert network.hybridnet.networks[0].subnets[0].cidr == read
    warned = [each.path for each in loaded.findings if each.id == "network.host_bits"]
    assert len(warned) == (4 if written != read else 0)


def test_a_section_in_another_section_is_named_with_its_place() -> None:
    found = load(f"{HEAD}  kubernetes:\n    network: {{plugin: flannel}}\n").findings
    (unknown,) = (each for each in found if each.id == "key.unknown")
    assert unknown.hint == "Is its indentation wrong? It belongs directly below spec, like kubernetes."


def test_a_document_of_another_kind_is_skipped_before_and_after_the_cluster() -> None:
    other = "apiVersion: v1\nkind: Secret\ndata: {}\n"
    for text, line in ((f"{other}---\n{HEAD}  hosts: []\n", 1), (f"{HEAD}  hosts: []\n---\n{other}", 7)):
        loaded = load(text)
        (found,) = (each for each in loaded.findings if each.id == "document.skipped")
        assert loaded.document is not None and found.line == line
        assert "'Secret'" in found.message


def test_a_document_without_a_kind_beside_the_cluster_is_the_one_that_is_refused() -> None:
    other = "apiVersion: v1\ndata: {}\n"
    for text, line in ((f"{other}---\n{HEAD}  hosts: []\n", 1), (f"{HEAD}  hosts: []\n---\n{other}", 7)):
        (found,) = load(text).findings
        assert (found.id, found.line) == ("yaml.documents", line)
