"""Secrets that shells, installers, databases and less common programs are given; and what is harmless beside them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from clusters.config.secret import MASK
from clusters.config.secrets.finder import hidden, hidden_text
from tests.security.pumps import LONGEST_SEARCH, at_most

if TYPE_CHECKING:
    from collections.abc import Callable

X = "Hid-6x"

SECRET_SCRIPTS = [
    "PASSWORD+={}", 'export DB_PASSWORD+="{}"', "PASSWORD=${1:-{}}", 'PASSWORD="${1:-{}}"', "TOKEN=${TOKEN_IN-{}}",
    "PASSWORD=${PW:={}}", "PASSWORD=${1:+{}}", "PASS=( {} )", "PASS=({})", "PASS=({} '{}')", "setenv PASSWORD {}",
    "setenv DB_PASSWORD '{}'", "set -x PASSWORD {}", "set -gx PASSWORD {}", "set --global --export API_TOKEN '{}'",
    "set -Ux PASSWORD {}; and echo", "printf -v PASSWORD %s {}", "printf -v PASSWORD '%s' '{}'",
    "ssh h echo {} | passwd --stdin root", "ssh -o BatchMode=yes root@h echo '{}' | passwd --stdin root",
    "kubectl exec a -- echo root:{} | chpasswd",
    'echo "a a/root_password password {}" | debconf-set-selections',
    "debconf-set-selections <<< 'mysql-server mysql-server/root_password password {}'",
    "debconf-set-selections <<E\nmysql-server mysql-server/root_password password {}\nE",
    "mysql -e \"SET PASSWORD FOR u = PASSWORD('{}')\"", "mysql -e \"SET PASSWORD FOR 'u'@'%' = '{}'\"",
    "mysql -e \"SET PASSWORD = PASSWORD('{}')\"",
    "mysql -e \"UPDATE mysql.user SET authentication_string=PASSWORD('{}') WHERE user='root'\"",
    "mysql -e \"ALTER USER a IDENTIFIED BY '{}'\"", "mysql -e \"ALTER USER 'a'@'%' IDENTIFIED BY '{}';\"",
    "mysql -e \"GRANT ALL ON *.* TO a IDENTIFIED BY '{}'\"", "mongosh --eval 'db.auth(\"a\",\"{}\")'",
    "mongo <<E\ndb.auth('a', '{}')\nE", "mongosh --eval \"db.changeUserPassword('a', '{}')\"",
    """kubectl patch secret b -p '{"stringData":{"foo":"{}"}}'""",
    """kubectl -n a patch secret/b --type=merge -p '{"data":{"foo":"{}","a.b":"{}"}}'""",
    """kubectl patch secrets b --patch='{"stringData":{"foo":"{}"}}'""",
    """oc patch secret b --patch "{\\"stringData\\":{\\"foo\\":\\"{}\\"}}" """,
    """kubectl patch secret b --type=json -p='[{"op":"replace","path":"/data/foo","value":"{}"}]'""",
    "vault operator unseal {}", "vault operator unseal -migrate {}", "vault token create -id={}",
    "vault token create -policy=a -id {}", "vault token lookup {}", "vault token revoke {}",
    "kubeadm token create {}", "kubeadm token create --ttl 0 {}",
    "etcdctl user passwd root <<< {}", "echo {} | etcdctl user passwd root --interactive=false",
    "nomad acl bootstrap {}", "echo {} | nomad acl bootstrap -",
    "ssh-keygen -t rsa -N {} -f x", "ssh-keygen -p -P {} -N {} -f x", "ssh-keygen -N '{}' -f x", "ssh-keygen -N{}",
    "mount -t cifs -o user=a%{} //h/x /y", "mount -o ro,username=a%{},vers=3 //h/x /y",
    "mount.cifs //h/x /y -o user=a%{}",
    "winexe -U a%{} //h cmd", "winexe -U 'D/a%{}' //h cmd", "net user bob {} /add", "net user bob '{}' /add /y",
    "net user bob {}", "regctl registry login r -u a -p {}", "regctl registry login r -u a --pass {}",
    "racadm -r h -u root -p {} getsysinfo", "racadm set iDRAC.Users.2.Password {}",
    "pcs cluster auth a b -u hacluster -p {}", "pcs host auth a -u hacluster -p {}",
    "fence_ipmilan -a h -l a -p {} -o status", "fence_ipmilan --ip=h --password={}",
    "twine upload -u __token__ -p {} dist/x", "rabbitmqadmin -u a -p {} list queues",
    "cypher-shell -u neo4j -p {} 'RETURN 1'", "esxcli -s h -u root -p {} system version get",
    "ncftpput -u a -p {} h / x", "rdesktop -u a -p {} h", "dsconf -D cn=a -w {} ldap://h backend list",
    "ipa-server-install -a {} -p {} -U", "doveadm pw -s SHA512-CRYPT -p {}", "swaks --to a -au a -ap {}",
    "sendemail -f a -xu a -xp {}", "sendEmail -f a -xu a -xp {}", "snmpwalk -v2c -c {} h", "snmpget -c {} -v 1 h x",
    "dig -y hmac-sha256:k:{} @h example.org", "dig @h -y k:{} x", "nsupdate -y hmac-sha256:k:{}",
    "grafana-cli admin reset-admin-password {}", "grafana cli admin reset-admin-password {}",
    "grafana-cli --homepath /x admin reset-admin-password {}", "neo4j-admin set-initial-password {}",
    "neo4j-admin dbms set-initial-password {} --require-password-change", "bw unlock {}", "bw login a@b.c {}",
    "bw unlock --raw '{}'", "echo {} | saslpasswd2 -p -c a", "echo {} | vncpasswd -f > /root/.vnc/passwd",
    "echo {} | openconnect --passwd-on-stdin -u a h", "echo {} | elasticsearch-keystore add -x bootstrap.a",
    "echo {} | /usr/share/elasticsearch/bin/elasticsearch-keystore add --stdin a",
    "elasticsearch-keystore add -x a <<< {}", "curl https://api.telegram.org/bot123456:{}/sendMessage",
]  # fmt: skip

SECRET_TEXTS = [
    "d-i passwd/root-password password {}\n", "d-i passwd/root-password-again password {}\nd-i a/b string open\n",
    "d-i\tpasswd/user-password-crypted\tpassword {}\n", "mysql-server mysql-server/root_password password {}\n",
    "d-i netcfg/wireless_wep string {}\nd-i passwd/user-password password {}\n", "rocommunity {}\n",
    "rocommunity {} 10.0.0.0/8\n", "rwcommunity {} default\n", "rocommunity6 {}\n", "com2sec a default {}\n",
    "createUser a SHA {}\n", "createUser a SHA {} AES {}\n", 'createUser a MD5 "{}" DES\n',
    'key "k" {\n  algorithm hmac-sha256;\n  secret "{}";\n};\n', "key k { algorithm hmac-md5; secret {}; };\n",
    "https://api.telegram.org/bot123456789:{}/sendMessage\n", "see bot123456789:{} there\n",
    "SET PASSWORD FOR u = PASSWORD('{}');\n", "ALTER USER a IDENTIFIED BY '{}';\n", 'db.auth("a","{}")\n',
    'db.auth({user: "a", pwd: "{}"})\n', "UPDATE user SET authentication_string=PASSWORD(\"{}\");\n",
]  # fmt: skip

HONEST_SCRIPTS = [
    'read -s -p "Password: " PASSWORD', 'read -rsp "Password: " PASSWORD', "read -p 'Token: ' TOKEN; echo",
    'read -s -p "Password: " PASSWORD && echo', "docker build --secret id=npm,src=/x .",
    "docker buildx build --secret=id=npm,src=/x .", "docker build --secret id=npm,env=NPM .",
    'echo "token: ok"', "echo 'password: ok'", "echo token: failed",
    "sed -i 's/pam_pwquality.so.*/pam_pwquality.so minlen=12 retry=3/' /etc/pam.d/common-password",
    "sed -i '/^password.*pam_pwquality/ s/$/ minlen=12/' /etc/pam.d/common-password",
    "sed -i 's/^password.*requisite.*/password requisite pam_pwquality.so minlen=12/' /etc/pam.d/x",
    "secretariat: x", "curl -b \"lang=en\" h", "curl -b lang=en h", "curl -b 'theme=dark' h",
    "curl -sb 'lang=en; tz=x' h", "net user delete bob", "echo y | etcdctl member add x",
    "N+=1", "FILES=( a b )", "PASS=()", "PASSWORDS=( $A \"$B\" )", "PASSWORD+=$1", 'PASSWORD=${1:-$PW}',
    "PASSWORD=${1:-}", "PASSWORD=${1:?is missing}", "PASSWORD=${1}", "PASSWORD=${A:-$(cat x)}", "setenv EDITOR vi",
    "setenv PASSWORD $PW", "set -x EDITOR vi", "set -x", "set -ex\nPASSWORD=$1",
    "set -x PASSWORD $PW", "set -euo pipefail",
    "set -e PASSWORD", "printf -v NAME %s x", "printf -v PASSWORD %s $1", "printf -v PASSWORD '%s-%s' $A $B",
    "ssh h echo x | sort", "ssh h echo $PW | passwd --stdin root", "ssh h cat x | passwd --stdin root",
    "d-i passwd/root-login boolean true", "d-i passwd/user-fullname string Ubuntu", "d-i passwd/root-password password",
    "echo 'a a/b boolean true' | debconf-set-selections", "debconf-set-selections < x", "mysql -e 'select 1'",
    "mysql -e \"SET NAMES 'utf8'\"", "mongosh --eval 'db.stats()'", "mongosh --eval 'db.auth(u, p)'",
    """kubectl patch node a -p '{"spec":{"unschedulable":true}}'""",
    """kubectl patch secret b -p '{"metadata":{"labels":{"foo":"bar"}}}'""",
    """kubectl patch configmap b -p '{"data":{"foo":"bar"}}'""", "kubectl patch secret b --patch-file x.yaml",
    """kubectl patch secret b -p '{"data":{"foo":null}}'""", """kubectl patch secret b -p "$PATCH" """,
    "vault operator unseal", "vault operator unseal $KEY", "vault operator seal", "vault operator init -key-shares=5",
    "vault token create -policy=a -ttl=1h", "vault token lookup", "kubeadm token create --print-join-command",
    "kubeadm token create --ttl 2h", "kubeadm token list", "etcdctl user add root", "etcdctl user grant-role root root",
    "nomad acl bootstrap", "nomad acl bootstrap -json", "ssh-keygen -t ed25519 -N '' -f x", 'ssh-keygen -q -N "" -f x',
    "ssh-keygen -R h", "ssh-keygen -p -f x", "mount -o ro,noatime /dev/sdb1 /y", "mount -o user /y",
    "mount -o user=a //h/x /y", "winexe -U a //h cmd", "net user bob", "net user bob /delete",
    "net user", "net user bob *",
    "net user bob /active:no", "regctl tag ls r/a", "racadm getsysinfo", "racadm set iDRAC.NIC.Enable 1",
    "pcs status", "pcs resource create a b", "fence_ipmilan -a h -o status", "twine upload dist/x",
    "rabbitmqadmin list queues", "cypher-shell 'RETURN 1'", "esxcli system version get", "ncftpput h / x",
    "rdesktop -g 800x600 h", "dsconf a backend list", "ipa-server-install -U -r EXAMPLE.ORG", "doveadm pw -l",
    "swaks --to a --server h", "sendemail -f a -t b", "snmpwalk -v3 -l authPriv h", "snmpwalk -v2c -c public h",
    "snmpwalk -v2c -c $C h", "dig +short x", "dig -k /x @h", "grafana-cli plugins install x",
    "neo4j-admin server report", "bw unlock --passwordfile /x/y", "bw list items", "vncpasswd -f < x",
    "echo x | openconnect h", "echo x | elasticsearch-keystore list", "robot123: x", "bot: a",
]  # fmt: skip
HONEST_TEXTS = [
    "secretariat: x\n", "rocommunity public\n", "createUser a\n", "secret: {name: x}\n",
    "password requisite pam_pwquality.so retry=3 minlen=12\n", "password  required  pam_unix.so sha512 shadow\n",
    "d-i passwd/make-user boolean false\n", "bot123: x\n", "lang=en\n",
]  # fmt: skip
HONEST_COMMENTS = [
    "# secret is read-only", "# secret is base64-encoded", "# secret is case-sensitive", "# secret is root-only",
    "# secret is not-set", "# the password is not-set", "# token is url-safe", "# the token is short-lived",
]  # fmt: skip
SECRET_COMMENTS = [
    "# secret is {}", "# the password is read-only-{}", "# token is swordfish",
    "# the password is correct-horse-staple",
    "# the password is tango-delta",
]  # fmt: skip


def shell(text: str) -> str:
    return str(hidden({"bash": text}, mask=True)["bash"])


@pytest.mark.parametrize("form", SECRET_SCRIPTS)
def test_a_secret_in_a_script_is_hidden_and_all_else_is_not(form: str) -> None:
    text = form.replace("{}", X)
    assert shell(text) == form.replace("{}", MASK)
    assert X not in hidden_text(text) and X not in shell(f"sudo true\n  {text} || exit 1\necho b")


@pytest.mark.parametrize("form", SECRET_TEXTS)
def test_a_secret_in_a_text_is_hidden_and_all_else_is_not(form: str) -> None:
    text = form.replace("{}", X)
    assert hidden({"x": text}, mask=True)["x"] == form.replace("{}", MASK) == hidden_text(text)
    assert X not in shell(f"cat > x <<E\n{text}E\n")


@pytest.mark.parametrize("text", HONEST_SCRIPTS + HONEST_TEXTS)
def test_a_text_beside_those_with_a_secret_is_shown(text: str) -> None:
    for each in (text, f"{text}\n"):
        assert hidden({"x": each}, mask=True)["x"] == each == shell(each)


@pytest.mark.parametrize("comment", HONEST_COMMENTS)
def test_a_comment_that_describes_a_secret_is_shown(comment: str) -> None:
    for each in (comment, f"echo a\n{comment}\n", f"a: b  {comment}\n"):
        assert hidden_text(each) == each == shell(each)


@pytest.mark.parametrize("form", SECRET_COMMENTS)
def test_a_comment_that_gives_a_secret_away_is_not(form: str) -> None:
    assert MASK in hidden_text(form.format(X)) and X not in hidden_text(form.format(X))


@pytest.mark.parametrize(
    "words",
    [["net", "user", "bob", X, "/add"], ["ssh-keygen", "-N", X], ["vault", "operator", "unseal", X],
     ["bw", "unlock", X], ["setenv", "PASSWORD", X], ["printf", "-v", "PASSWORD", "%s", X], ["dig", "-y", f"k:{X}"]],
)  # fmt: skip
def test_a_list_of_arguments_hides_the_same(words: list[str]) -> None:
    assert hidden(words, mask=True) == [word.replace(X, MASK) for word in words]


@pytest.mark.sampled(9)
@pytest.mark.parametrize(
    "unit",
    ["<(", "<( ", "$(", "a <(b ", "PASS=( ", "PASS=(a ", "PASS+=a ", "PASSWORD=${1:-", "${1:-a} ", "setenv PASSWORD a ",
     "set -x PASSWORD a ", "printf -v PASSWORD a ", "ssh h echo a | passwd ", "a/password password a ", "d-i ",
     "debconf-set-selections ", "SET PASSWORD FOR ", "SET PASSWORD = PASSWORD(", "IDENTIFIED BY ", "db.auth(",
     'db.auth("a",', "kubectl patch secret a -p '{\"data\":{\"a\":\"", 'kubectl patch secret a -p {"data":{', "-p '{",
     "vault operator unseal ", "net user a ", "rocommunity a ", "createUser a SHA ", "createUser ", 'secret "a";',
     "bot1:", "bot1234567:a", "read -s -p 'Password: ' ", "--secret id=a,", "token: ok ",
     "# secret is a-", "curl -b a=b "],
)  # fmt: skip
def test_a_text_eight_times_as_long_is_searched_in_about_eight_times_the_time(unit: str) -> None:
    def search(key: str, size: int) -> Callable[[], object]:
        return partial(hidden, {key: (unit * size)[:size]}, mask=True)

    for key in ("bash", "x"):
        assert at_most(24, partial(search, key), (10_000, 80_000), 0.008, LONGEST_SEARCH)
