"""Lists of machines in common formats."""

from __future__ import annotations

import pytest

from clusters.config.load import load
from clusters.config.secret import Secret
from clusters.wizard.machines.additions import Common, preview, range_lines, with_machines
from clusters.wizard.machines.list_parser import MOST_LINES, read_list
from tests.conftest import SEED

WANTED = [("n1", "10.1.0.1", "192.168.0.1", 2222, "deploy", "p w"), ("n2", "10.1.0.2", "", 22, "root", "")]
HEADED = """\
Hostname,IP Address,Private IP,SSH Port,Username,Password
n1,10.1.0.1,192.168.0.1,2222,deploy,p w
n2,10.1.0.2,,,,
"""
TABLE = """\
| Name | Address  | Internal    | Port | User   | Password |
|------|----------|-------------|------|--------|----------|
| n1   | 10.1.0.1 | 192.168.0.1 | 2222 | deploy | p w      |
| n2   | 10.1.0.2 |             |      |        |          |
"""
INVENTORY = """\
[all]
# the first
n1 ansible_host=10.1.0.1 ip=192.168.0.1 ansible_port=2222 ansible_user=deploy ansible_password='pw'
n2 ansible_host=10.1.0.2
"""


def found(text: str) -> list[tuple[str, str, str, int, str, str]]:
    hosts = [listed.host for listed in read_list(text).machines]
    plain = [(host.name, host.address, host.internal_address, host.port, host.user) for host in hosts]
    words = [host.password.reveal() if host.password else "" for host in hosts]
    return [(*fields, word) for fields, word in zip(plain, words, strict=True)]


@pytest.mark.parametrize(
    "text",
    [HEADED, HEADED.replace(",", "\t"), HEADED.replace(",", ";"), TABLE],
    ids=["csv", "tsv", "semicolons", "table"],
)
def test_columns_are_known_by_their_names(text: str) -> None:
    assert found(text) == WANTED


def test_columns_may_stand_in_any_order_and_unknown_ones_are_left_out() -> None:
    listing = read_list("rack,password,ip,hostname\n7,pw1,10.1.0.1,n1\n")
    assert listing.columns == ("", "password", "address", "name")
    assert listing.machines[0].host.password == Secret("pw1")


def test_an_inventory_is_read() -> None:
    assert found(INVENTORY) == [("n1", "10.1.0.1", "192.168.0.1", 2222, "deploy", "pw"), WANTED[1]]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("n1 10.1.0.1", ("n1", "10.1.0.1", "", 22, "root", "")),
        ("10.1.0.1 n1", ("n1", "10.1.0.1", "", 22, "root", "")),
        ("n1 10.1.0.1 192.168.0.1 2222 deploy pw", ("n1", "10.1.0.1", "192.168.0.1", 2222, "deploy", "pw")),
        ("deploy@10.1.0.1:2222", ("", "10.1.0.1", "", 2222, "deploy", "")),
        ("10.1.0.1:2200", ("", "10.1.0.1", "", 2200, "root", "")),
        ("n1 n1.example.com", ("n1", "n1.example.com", "", 22, "root", "")),
        ("n1, 10.1.0.1, deploy", ("n1", "10.1.0.1", "", 22, "deploy", "")),
        ("n1", ("n1", "", "", 22, "root", "")),
    ],
)
def test_without_a_header_words_are_known_by_their_looks(line: str, wanted: tuple[object, ...]) -> None:
    assert found(line) == [wanted]


def test_architectures_key_files_and_roles_are_read() -> None:
    listing = read_list("name,ip,arch,key file,roles\nn1,10.1.0.1,aarch64,/keys/a,etcd+control-plane\n")
    listed = listing.machines[0]
    assert (listed.host.arch, listed.host.private_key_path) == ("arm64", "/keys/a")
    assert listed.roles == ("etcd", "master")


def test_an_unreadable_line_is_reported_with_its_number() -> None:
    listing = read_list("name,ip\nn1,10.1.0.1\n,\n;comment\n,,,8080\n")
    assert [line for line, _text in listing.problems] == [5]


@pytest.mark.parametrize("text", [SEED, SEED.split("spec:")[1].split("roleGroups")[0]], ids=["document", "hosts"])
def test_a_document_gives_its_machines(text: str) -> None:
    assert [listed.host.name for listed in read_list(text).machines] == ["node1", "node2", "node3"]
    assert read_list(text).machines[0].host.password == Secret("Qcloud@123")


@pytest.mark.parametrize("text", ["hosts: [", "hosts: 7\n", "- name: [1]\n", "name: n1\nspec: }\n"])
def test_invalid_yaml_is_reported_as_a_problem(text: str) -> None:
    listing = read_list(text)
    assert listing.problems and not listing.machines


def test_too_many_lines_are_refused() -> None:
    assert read_list("10.1.0.1\n" * (MOST_LINES + 1)).problems


def test_machines_that_are_there_already_stay_out_and_nameless_ones_get_a_free_name() -> None:
    document = load(SEED).document
    assert document is not None
    text = "node1 10.7.0.1\nnew 10.99.0.2\n10.7.0.3\n10.7.0.3\nfresh 10.7.0.4\n"
    found = preview(document, read_list(text), Common(user="deploy", password="shared"))
    assert [bool(each.why_not) for each in found] == [True, True, False, True, False]
    assert (found[2].listed.host.name, found[2].made_up) == ("node4", True)
    fresh = with_machines(document, [each.listed for each in found if not each.why_not])
    assert [host.name for host in fresh.hosts] == ["node1", "node2", "node3", "node4", "fresh"]
    assert (fresh.hosts[4].user, fresh.hosts[4].password) == ("deploy", Secret("shared"))


def test_a_lines_own_values_override_the_defaults() -> None:
    document = load(SEED).document
    assert document is not None
    text = "name,ip,user,port,password\na,10.7.0.1,me,2200,mine\nb,10.7.0.2,,,\n"
    hosts = [each.listed.host for each in preview(document, read_list(text), Common("all", "shared", 2022))]
    assert [(host.user, host.port, host.password) for host in hosts] == [
        ("me", 2200, Secret("mine")),
        ("all", 2022, Secret("shared")),
    ]


def test_roles_of_a_list_become_role_groups() -> None:
    document = load(SEED).document
    assert document is not None
    listing = read_list("name,ip,role\nw,10.7.0.1,worker\n")
    fresh = with_machines(document, [each.listed for each in preview(document, listing, Common())])
    assert fresh.role_groups.worker == ("node2", "node3", "w")


@pytest.mark.parametrize(
    ("names", "addresses", "wanted"),
    [
        ("n[1:3]", "10.1.2.11", "n1 10.1.2.11\nn2 10.1.2.12\nn3 10.1.2.13"),
        ("n[1:3]", "10.1.2.254", "n1 10.1.2.254\nn2 10.1.2.255\nn3 10.1.3.0"),
        ("n[1:3]", "10.1.2.11-13", "n1 10.1.2.11\nn2 10.1.2.12\nn3 10.1.2.13"),
        ("n[8:9]", "10.1.2.255-10.1.3.0", "n8 10.1.2.255\nn9 10.1.3.0"),
        ("n[1:2]", "", "n1\nn2"),
    ],
)
def test_a_range_is_written_out(names: str, addresses: str, wanted: str) -> None:
    assert range_lines(names, addresses) == (wanted, "")


@pytest.mark.parametrize(
    ("names", "addresses"),
    [
        ("n[3:1]", ""),
        ("n[1:3]", "10.1.2.11-12"),
        ("n[1:3]", "somewhere"),
        ("n[1:3]", "255.255.255.255"),
        ("n[1:9999]", ""),
    ],
)
def test_an_invalid_range_is_reported(names: str, addresses: str) -> None:
    text, wrong = range_lines(names, addresses)
    assert not text and wrong.endswith(".")


@pytest.mark.parametrize(
    ("text", "hops"),
    [
        ("name,ip,bastion\nn1,10.1.0.1,ops@jump.example:2222\n", "ops@jump.example:2222"),
        ("name;address;proxy jump\nn1;10.1.0.1;a,b\n", "a,b"),
        (
            "n1 ansible_host=10.1.0.1 ansible_ssh_common_args='-o ProxyJump=ops@jump.example:2222'",
            "ops@jump.example:2222",
        ),
        ("n1 ansible_host=10.1.0.1 ansible_ssh_common_args='-C -o ProxyJump=\"a,b@c\"' ansible_user=x", "a,b@c"),
        ('n1 ansible_host=10.1.0.1 ansible_ssh_extra_args="-J ops@jump.example"', "ops@jump.example"),
        ("n1 ansible_host=10.1.0.1 ansible_ssh_common_args='-o StrictHostKeyChecking=no'", ""),
    ],
)
def test_jump_hosts_are_read_from_columns_and_inventories(text: str, hops: str) -> None:
    (listed,) = read_list(text).machines
    assert (listed.host.name, listed.host.address, listed.host.jump_host.hops) == ("n1", "10.1.0.1", hops)


def test_the_jump_host_of_a_document_comes_with_its_machines() -> None:
    text = SEED.replace("  roleGroups:", "  jumpHost: {hops: bastion}\n  roleGroups:")
    text = text.replace('"Qcloud@123"', '"Qcloud@123", jumpHost: {hops: none}')
    assert [listed.host.jump_host.hops for listed in read_list(text).machines] == ["none", "bastion", "bastion"]
