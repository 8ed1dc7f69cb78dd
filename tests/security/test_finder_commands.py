"""Secrets typed at prompts, printed to files and pipes, or given to agents; and lines that only look like it."""

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
    r"""expect -c 'spawn ssh h; expect "assword:"; send "{}\r"; interact'""",
    r"""expect -c 'expect "*?assword*" {{ send "{}\r" }}'""",
    r"""expect -c "expect \"password:\"; send \"{}\r\"" """,
    "expect <<EOF\nspawn ssh h\nexpect \"Password: \"\nsend \"{}\\r\"\nexpect eof\nEOF",
    'expect <<EOF\nexpect {{\n "yes/no" {{ send "yes\\r"; exp_continue }}\n "*assword*" {{ send -- "{}\\r" }}\n}}\nEOF',
    "cat > x.exp <<'EOF'\nset timeout 5\nexpect \"passphrase\"\nsend -- {}\\r\nEOF",
    'expect "New password:"; send "{}\\r"; expect "Retype:"; send "{}\\r"; expect "#"; send "exit\\r"',
    "spawn ssh h; expect word: {{send {{{}\\r}}}}",
    'expect "*: "; send "{}\\r"; expect "$ "; send "ls -la\\r"',
    "#!/usr/bin/expect\nset password {}\nspawn ssh h\n",
    "python3 -c 'child.expect(\"password:\"); child.sendline(\"{}\")'",
    "python3 - <<EOF\nimport pexpect\nc = pexpect.spawn('ssh h')\nc.expect('assword:')\nc.sendline('{}')\nEOF",
    "python3 -c 'print(\"password:\", \"{}\")'",
    "tool --password-file <(echo {})",
    "tool --password-file <(printf '%s' {}) --v 2",
    "tool --password-file=<(echo {}) --v 2",
    "tool --token-file <(printf %s \"{}\" | base64)",
    "cryptsetup open -d <(echo -n {}) /dev/sdb x",
    "sshpass -f <(echo {}) ssh h",
    "openssl enc -pass file:<(echo {}) -in x",
    "wg set wg0 peer x preshared-key <(echo {})",
    "kubectl create secret generic x --from-file=a=<(echo {})",
    "kubectl create secret generic x --from-file=a=/dev/stdin <<< {}",
    "passwd --stdin root < <(echo {})",
    "chpasswd < <(echo root:{})",
    "sudo -S true < <(echo {})",
    "curl -K <(echo 'user = me:{}') https://x.example",
    "curl -K - https://x.example <<EOF\nuser = \"me:{}\"\nEOF",
    "TOKEN=$(echo {} | base64 -d)",
    "export API_TOKEN=$(printf %s {} | base64 -d)",
    "tool --password $(echo {} | base64 -d) --v 2",
    "passwd --stdin root <<< {}",
    "docker login -u me --password-stdin registry.example <<< {}",
    "docker login --password-stdin <<<'{}' registry.example",
    "vault login - <<< {}",
    "gh auth login --with-token <<< {}",
    "echo {} | gh auth login --with-token",
    "read -r DB_PASSWORD <<< {}",
    "podman secret create a - <<< {}",
    "echo {} | docker secret create a -",
    "echo {} | htpasswd -ni me",
    "echo {} | openssl passwd -6 -stdin",
    "echo {} | kubeseal --raw --name x",
    "echo {} | zfs load-key p/d",
    "echo {} | base64 -d | passwd --stdin root",
    "keyctl add user name {} @u",
    "keyctl add logon app:0 '{}' @s",
    "keyctl update 12345 {}",
    "keyctl padd user name @u <<< {}",
    "echo -n {} | keyctl padd user name @u",
    "rke2 server -t {}",
    "rke2 agent --server https://h:9345 -t={}",
    "/usr/local/bin/k3s agent -s https://h:6443 -t {}",
    "ExecStart=/usr/local/bin/k3s server -t {}",
    "k3s token rotate -t {} --new-token {}",
    "curl -sfL https://get.k3s.io | sh -s - server -t {}",
    "curl -sfL https://get.k3s.io | INSTALL_K3S_EXEC='agent -t {}' sh -",
    "k0s worker {}",
    "microk8s join 10.0.0.1:25000/{}",
    "consul agent -encrypt={}",
    "etcdctl user add root:{}",
    "mosquitto_passwd -b f me {}",
    "rclone config create a b pass {}",
]  # fmt: skip

SECRET_ARGUMENTS = [
    "mysqladmin -u root password {}", "docker login -u me -p={} r", "podman login -u me -p={} r",
    "cat <<E | chpasswd\nroot:{}\nE", "cat <<'E' | sudo chpasswd\nroot:{}\nE",
    "cat << E | passwd --stdin root\n{}\nE", "cat <<E | docker login --password-stdin r\n{}\nE",
    "cat <<E | ssh node1 sudo chpasswd -e\nroot:{}\nE", "cat <<E | base64 -d | chpasswd\nroot:{}\nE",
    "cat <<E > /root/.pgpass\nh:5432:db:u:{}\nE", "cat <<E | tee /root/password.txt\n{}\nE",
    "curl --oauth2-bearer {} h", "curl --oauth2-bearer={} h", 'curl -b "session={}" h',
    'curl --cookie "session={}" h', "curl -b session={} h", 'su - a <<< "{}"', "su -c id <<< {}", "http -a me:{} h",
    "https -a me:{} h", "http -A bearer -a {} h", "xh -a me:{} h", "ceph auth add client.a key={}",
    "ceph auth import -i x --key={}", "rbd map a --key {}", "mount -t ceph a:/ /b -o name=admin,secret={}",
    'pwsh -c "ConvertTo-SecureString {} -AsPlainText"', "ConvertTo-SecureString '{}' -AsPlainText -Force",
    "ConvertTo-SecureString -String {} -AsPlainText", "ConvertTo-SecureString -AsPlainText {} -Force",
    "sqlplus a/{}@db", "sqlplus -s a/{}@db @x.sql", 'sqlplus -S "a/{}@//h:1521/x"', "sqlplus a/{}",
    'wget --header "X-Api-Key: {}" h', 'wget --header="Authorization: Bearer {}" h', "wget --http-password={} h",
    "wget --http-password {} h", "wget --ftp-password={} h", "aws configure set aws_secret_access_key {}",
    "aws configure set aws_session_token {} --profile x", "aws configure set profile.x.aws_secret_access_key {}",
    "mysql --password={} -u a", "mysql -p{} -u a", 'mysql --password "{}"', "mysql -uroot -p'{}' -e 'select 1'",
    "mariadb --password={}", "MYSQL_PWD={} mysql", "PGPASSWORD={} psql -h h", 'psql "postgresql://a:{}@h/db"',
    "ldapsearch -x -D cn=a -w {} -b dc=x", "ldapsearch -xw {} -b dc=x", "ldapsearch -w '{}'",
    "ldappasswd -s {} uid=a", "smbclient -U u%{} //h/x", "smbclient -Uu%{} //h/x", "smbclient --user=u%{} //h/x",
    "smbclient --user u%{} //h/x", "smbclient //h/x {} -U u", "rclone obscure {}",
    "rclone config create a s3 secret_access_key={}", "openssl rsa -passin pass:{}",
    "openssl pkcs12 -password pass:{} -in x", "openssl enc -aes-256-cbc -pass pass:{}", "openssl enc -k {} -in x",
    "gpg --passphrase {} -d x", "gpg --batch --passphrase={} -d x", "gpg --passphrase '{}' -c x", "7z a -p{} x.7z y",
    "7z x -p'{}' x.7z", "zip -P {} a.zip b", "zip -rP {} a.zip b", "unzip -P {} a.zip",
    "ansible-vault encrypt_string {}", "ansible-vault encrypt_string '{}' --name x",
    "ansible-vault encrypt_string --name x {}", "ansible-vault encrypt_string --vault-id a@b {}",
    "echo {} | ansible-vault encrypt_string --stdin-name x", "kubectl create secret generic a --from-literal=k={}",
    "kubectl create secret generic a --from-literal k={}", "kubectl config set-credentials a --token={}",
    "kubectl config set-credentials a --token {}", "kubectl config set-credentials a --username=b --password={}",
    "kubectl --token={} get pods", "helm install a b --set auth.password={}",
    "helm upgrade a b --set image.tag=1,auth.rootPassword={},x=1", "helm install a b --set-string auth.password={}",
    "helm repo add a h --username u --password {}", "vault login {}",
    "vault login -method=userpass username=a password={}", "vault kv put a/b k={}", "vault kv put a/b k={} l={}",
    "vault kv put -mount=x a k={}", "vault kv patch a/b k={}", "vault write a/b value={}",
    "vault write auth/userpass/users/a password={}", "redis-cli -a {} ping", "redis-cli -h h -a '{}'",
    "redis-cli --pass {} ping", "mongo -u a -p {}", "mongosh -u a -p{} h", "mongo --password {} h",
    "mongodump -u a -p '{}'", "influx -t {}", "influx bucket list -t {}", "influx auth list --token {}",
    "influx -username a -password {}", "influx setup -u a -p {} -f", "etcdctl --user u:{} get a",
    "etcdctl --user=u:{} get a", "etcdctl --user u --password {} get a", "etcdctl user add u:{}",
    "ipmitool -I lanplus -H h -U a -P {} power status", "ipmitool user set password 2 {}", "snmpwalk -v3 -A {} h",
    "net use x /user:a {}", "virsh secret-set-value --base64 {}", "virsh secret-set-value a --base64 {}",
    "curl -u me:{} h", "curl --user me:{} h", "curl -U p:{} h", "curl --proxy-user p:{} h", "curl --pass {} h",
    "curl -F password={} h", 'curl --data-urlencode "password={}" h', 'curl "https://h/?token={}"',
    "docker login --password={} r", "docker run -e DB_PASSWORD={} x", "docker run --env DB_PASSWORD={} x",
    "docker build --build-arg TOKEN={} .", "podman secret create a <(echo {})",
    "printf '%s' {} | docker secret create a -", "printf {} | vault login -", "kinit a <<< {}",
    "psql -c \"ALTER USER a PASSWORD '{}'\"", "mysql -e \"CREATE USER a IDENTIFIED BY '{}'\"",
    "net ads join -U a%{}", "rpcclient -U a%{} h", "mount.cifs //h/x /y -o user=a,pass={}", "sshpass -p{} ssh h",
    "argocd login h --username a --password {}", "gh auth login --with-token <<< {}",
    "az login --service-principal -u a -p {} --tenant t", "gcloud auth activate-service-account --password {}",
    "s3cmd --secret_key={} ls", "mc alias set a http://h AK {}", "mc config host add a http://h AK {}",
    "consul kv put app/password {}", "consul acl set-agent-token default {}", "etcdctl put /app/password {}",
    "nomad var put a password={}", "jfrog config add --password={}", "jf c add --access-token={}",
    "curl -b 'sid={}' -c jar h", "curl -sb sid={} h", "net use x: \\\\h\\y {} /user:a",
]  # fmt: skip
HONEST_ARGUMENTS = [
    "mysqladmin -u root status", "mysqladmin -u root password", 'mysqladmin password "$PW"',
    "docker login -u me -p=$PW r", "docker run -p 80:80 x", "cat <<E | sort\nroot:x\nE",
    "cat <<E | tee /etc/hosts\n10.0.0.1 node1\nE", "cat <<E | kubectl apply -f -\nkind: Pod\nmetadata: {name: a}\nE",
    "cat <<E | bash\necho a:b\nE", "cat <<E | grep x || passwd -l root\na: b\nE",
    "cat <<E | sort; chpasswd < f\na:b\nE", "curl -b cookies.txt h", "curl -b /tmp/jar -c /tmp/jar h",
    'curl -b "session=$SID" h', 'curl --oauth2-bearer "$T" h', "curl -b '' h", "curl -c jar h", 'su - a -c "ls"',
    "su - a <<E\nls\nE", 'su -c id <<< "$PW"', "echo ls | sh", "http h a=b", 'http -a "$A" h', "http -v GET h",
    "ceph auth add client.a mon 'allow r'", "ceph auth get-key client.a", "ceph auth add client.a -i key.ring",
    "ConvertTo-SecureString $pw -AsPlainText -Force", "sqlplus / as sysdba", "sqlplus /nolog", "sqlplus a@db",
    "sqlplus a/$PW@db", "sqlplus -s / as sysdba @/opt/x.sql", "sqlplus -s $U/$PW@db @a/b.sql",
    'wget --header "Accept: text/html" h', 'wget --header="Content-Type: application/json" h',
    "aws configure set region eu-west-1", "aws configure set default.output json", "aws configure list",
    "mysql -u root -P 3306 -h h db", "psql -p 5432 -U a -w db", "psql -W -h h", "ldapsearch -x -W -D cn=a",
    "smbclient -U u //h/x", "smbclient -L //h -N", "smbclient //h/x -c 'ls'", "smbclient //h/x -U u -c ls",
    "rclone copy a b", "openssl rsa -passin env:PW", "openssl rsa -passin file:/x", "openssl req -new -key a.key",
    "gpg --passphrase-file x -d y", "gpg --passphrase-fd 0 x", "7z x a.7z -oout", "7z a -t7z x.7z y",
    "zip -r a.zip b", "tar -P -xf x", "ansible-vault view x.yml", "ansible-vault encrypt_string --stdin-name x",
    "ansible-vault encrypt x.yml", "kubectl create secret generic a --from-file=k=f",
    "kubectl config set-credentials a --client-certificate=x", "kubectl config set-context a --user=b",
    "helm install a b --set image.tag=1", "vault login -method=oidc", "vault login -method=userpass username=a",
    "vault kv get a/b", "vault kv put a/b @data.json", "vault kv put a/b k=@f.txt", "vault kv put a/b k=$V",
    "vault kv put a/b -", "vault write auth/kubernetes/config kubernetes_host=https://h",
    "vault write -f transit/keys/a", "vault read a/b", "redis-cli -h a -p 6379 ping", "redis-cli -n 1 get a",
    "mongo --port 27017", "mongod -p", "influx -host h -port 8086", "influx bucket list -o org",
    "etcdctl --user u get a", "etcdctl get a:b", "etcdctl user get root", 'ipmitool -P "" power status',
    "ipmitool user set name 2 admin", "ipmitool user list 1", "ipmitool -I lanplus power status",
    "snmpget -v2c -c public h", "nc -z h 80", 'nc <<< "GET /"', "net use x: //h/y", "virsh secret-list",
    "virsh secret-define x.xml", "curl -sS -o x h", "curl -X POST -d a=b h", "consul kv put app/replicas 3",
    "etcdctl put /app/replicas 3", "kubectl -n a get secret",
]  # fmt: skip
HONEST_LINES = [
    "PASS: all tests", "PASS: 12 checks", "PASS: 3", "secretBackend: vault", "secret_store: vault-prod",
    "secretManager: aws", "secretsEngine: kv-v2", "tokenTTL: 24h", "tokenPolicies: [a, b]", "tokenSource: account",
    "tokenKind: jwt", "tokenPrefix: Bearer", "tokensPerSecond: 100", "tokenNumUses: 0", "tokenStatus: valid",
    "passwordPolicy: strict", "passwordStrategy: random", "passwordHistory: 5", "passwordSource: vault",
    "passwordField: pw", "passwordHashing: bcrypt", "passwordExpiresAt: 2030-01-01", "passwordRules: strict",
    "passes: 3", "pass_rate: 0.97", "passThreshold: 80", "numberOfSecrets: 3", "secrets: 3", "secretKind: Opaque",
    "secretScope: cluster", "secretReplicas: 2", "secretFileMode: 0400", "secretName: x", "existingSecret: my-secret",
    "existingSecretKey: password", "usernameKey: user", "credentialsStore: desktop", "credentialHelper: ecr-login",
    "auth: jwt", "auth: serviceaccount", "key: value-less", "keySize: 4096", "password: TBD", "token: N/A",
    "password: '***'", "certKey: tls.crt", "privateKey: {algorithm: RSA, encoding: PKCS1, size: 2048}",
]  # fmt: skip
HONEST_SCRIPTS = [
    'echo "PASS: all tests passed"', "echo 'PASS: 12'", "echo 'PASS: 12, FAIL: 0'",
    'expect "$ "; send "ls -la\\r"; expect "y/n"; send "yes\\r"', 'expect "Password:"; send "$pw\\r"',
    'expect "Token:" { send "$token\\r" }', "diff <(echo a) <(echo b)", "tool --config-file <(echo a)",
    "VERSION=$(echo v1.2 | tr -d v)", "TOKEN=$(echo \"$JSON\" | jq -r .token)", "PASSWORD=$(cat x) mysql -u root",
    "tool --password-file <(cat /run/key)", "read -r NAME <<< ops", "docker login -p $(cat x) registry.example",
    "cat <<< open", "keyctl add trusted name 'new 32' @u", "keyctl add user name \"$X\" @u", "keyctl show @u",
    "k3s kubectl exec -t pod1 -- sh", "k3s server --token-file /run/x", "bash x.sh -t 5", "sh -s - install -t 5",
    "k0s worker --token-file /run/x", "docker exec -i db psql <<< 'select 1'", "echo a | sort | tee x",
]  # fmt: skip
HONEST_COMMENTS = [
    "# PASS: all tests", "# tokens: 3 per node", "# tokens: one for each node", "# secrets: 3",
    "# password: at least 12 characters", "# password: not needed", "# password: from the vault",
    "# password: set in the wizard", "# password: the same as on node1", "# token: valid for 24 hours",
    "# token: expires after 24h", "# token lifetime: 24h", "# token format: id.secret", "# secret backends: vault, aws",
    "# password policy: strict", "# password length: 12", "# secret rotation: every 90 days", "# the pass is over",
    "# passwords: hashed with bcrypt", "# secrets: mounted as files, mode 0400", "# auth: basic", "# password: (none)",
]  # fmt: skip
SECRET_COMMENTS = [
    "# password: from the vault {}", "# password: not set; {}", "# second pass: {}", "# password for path: {}",
    "# token lifetime: 24h, token: {}", "# PASS: {}", "# password: 3 {}", "# the token for the mode: {}",
]  # fmt: skip
STILL_SECRETS = [
    "PASS: {}", "tests-pass: {}", "secretBackendPassword: {}", "tokenRefresh: {}", "passwordStoreKey: {}",
    "vault-password: {}", "tokens: {}", "secrets: {}", "secretId: {}", "privateKey: {}", "auth: {}", "userKey: {}",
]  # fmt: skip


def shell(text: str) -> str:
    return str(hidden({"bash": text}, mask=True)["bash"])


@pytest.mark.parametrize("form", SECRET_SCRIPTS)
def test_a_secret_in_a_script_is_hidden_and_all_else_is_not(form: str) -> None:
    words = [X] * form.count("{}")
    assert shell(form.format(*words)) == form.format(*[MASK] * len(words))
    assert X not in hidden_text(form.format(*words))


@pytest.mark.parametrize("form", SECRET_ARGUMENTS)
def test_a_secret_among_the_words_of_a_command_is_hidden_and_all_else_is_not(form: str) -> None:
    words = [X] * form.count("{}")
    assert shell(form.replace("{}", X)) == form.replace("{}", MASK)
    assert X not in hidden_text(form.format(*words)) and X not in shell(f"sudo {form.replace('{}', X)} || exit 1\n")


@pytest.mark.parametrize("text", HONEST_ARGUMENTS)
def test_a_command_beside_those_with_a_secret_is_shown(text: str) -> None:
    for each in (text, f"{text}\n"):
        assert hidden({"x": each}, mask=True)["x"] == each == shell(each)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"curl -b 'sid={X}; theme=dark' h", f"curl -b 'sid={MASK}' h"),
        (f"mysqladmin -u root -pold1 password {X}", f"mysqladmin -u root -p{MASK} password {MASK}"),
        (f"sudo -S true <<E\n{X}\nopen\nE", f"sudo -S true <<E\n{MASK}\nopen\nE"),
        ("su - a <<< 'createdb open'", "su - a <<< 'createdb open'"),
    ],
)
def test_text_beside_a_secret_is_hidden_only_if_it_may_belong_to_it(text: str, masked: str) -> None:
    assert shell(text) == masked


@pytest.mark.parametrize("sign", ["P@ss;w)0{rd", "a b}c", "x'y z"])
def test_a_password_that_expect_sends_is_hidden_whatever_signs_are_in_it(sign: str) -> None:
    assert shell(f'expect "assword" {{ send "{sign}\\r" }}') == f'expect "assword" {{ send "{MASK}\\r" }}'


@pytest.mark.parametrize(
    "words", [["k3s", "server", "-t", X], ["rke2", "agent", f"-t={X}"], ["keyctl", "update", "1", X]]
)
def test_a_list_of_arguments_hides_the_same(words: list[str]) -> None:
    assert hidden(words, mask=True) == [word.replace(X, MASK) for word in words]


@pytest.mark.parametrize("text", HONEST_LINES)
def test_a_line_that_only_sounds_like_a_secret_is_shown(text: str) -> None:
    for each in (text, f"{text}\n"):
        assert hidden({"x": each}, mask=True)["x"] == each == shell(each)


@pytest.mark.parametrize("text", HONEST_SCRIPTS)
def test_a_command_that_only_looks_like_one_with_a_secret_is_shown(text: str) -> None:
    for each in (text, f"{text}\n"):
        assert hidden({"x": each}, mask=True)["x"] == each == shell(each)


@pytest.mark.parametrize("comment", HONEST_COMMENTS)
def test_a_comment_about_a_secret_is_shown(comment: str) -> None:
    for each in (comment, f"echo a\n{comment}\n", f"a: b  {comment}\n"):
        assert hidden_text(each) == each == shell(each)


@pytest.mark.parametrize("form", SECRET_COMMENTS)
def test_a_secret_behind_words_that_are_harmless_is_hidden(form: str) -> None:
    assert X not in hidden_text(form.format(X)) and X not in shell(f"echo a\n{form.format(X)}\n")


@pytest.mark.parametrize("form", STILL_SECRETS)
def test_a_name_that_is_close_to_a_harmless_one_still_hides_its_value(form: str) -> None:
    for word in (X, "swordfish"):
        assert hidden({"x": f"{form.format(word)}\n"}, mask=True)["x"] == f"{form.format(MASK)}\n"


@pytest.mark.sampled(9)
@pytest.mark.parametrize(
    "unit",
    ['send "a', 'expect "password:" send "a\\r" ', "<(echo a) ", "--password <(echo a) ", "$(echo a ",
     "TOKEN=$(echo a) ", "PASS: a ", '"password:" ', '"password:" {', "# token: one per ", "user = a:b curl ",
     "keyctl add user a ", "INSTALL_K3S_EXEC='agent -t a' ", "sh -s - agent -t a ", "echo a | ", "expect\nsend -- a",
     "PASS: tests ", "vault kv put a k=a ", "sqlplus a/b@", "sqlplus a/b ", "net use /user:a a ", "http -a a:b ",
     "ansible-vault encrypt_string a ", "cat <<E | ", "cat <<E | chpasswd\na:b\n", "su <<< a "],
)  # fmt: skip
def test_a_text_eight_times_as_long_is_searched_in_about_eight_times_the_time(unit: str) -> None:
    def search(key: str, size: int) -> Callable[[], object]:
        return partial(hidden, {key: (unit * size)[:size]}, mask=True)

    for key in ("bash", "x"):
        assert at_most(24, partial(search, key), (10_000, 80_000), 0.008, LONGEST_SEARCH)
