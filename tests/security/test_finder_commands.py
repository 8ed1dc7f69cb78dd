"""Secrets that are typed at prompts, printed into files and pipes, or given to agents; and lines that only sound so."""

from __future__ import annotations

import pytest

from clusters.config.secret import MASK
from clusters.config.secret_finder import hidden, hidden_text
from tests.security.pumps import seconds

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
def test_a_comment_that_tells_something_about_a_secret_is_shown(comment: str) -> None:
    for each in (comment, f"echo a\n{comment}\n", f"a: b  {comment}\n"):
        assert hidden_text(each) == each == shell(each)


@pytest.mark.parametrize("form", SECRET_COMMENTS)
def test_a_secret_behind_words_that_are_harmless_is_hidden(form: str) -> None:
    assert X not in hidden_text(form.format(X)) and X not in shell(f"echo a\n{form.format(X)}\n")


@pytest.mark.parametrize("form", STILL_SECRETS)
def test_a_name_that_is_close_to_a_harmless_one_still_hides_its_value(form: str) -> None:
    for word in (X, "swordfish"):
        assert hidden({"x": f"{form.format(word)}\n"}, mask=True)["x"] == f"{form.format(MASK)}\n"


@pytest.mark.parametrize(
    "unit",
    ['send "a', 'expect "password:" send "a\\r" ', "<(echo a) ", "--password <(echo a) ", "$(echo a ",
     "TOKEN=$(echo a) ", "PASS: a ", '"password:" ', '"password:" {', "# token: one per ", "user = a:b curl ",
     "keyctl add user a ", "INSTALL_K3S_EXEC='agent -t a' ", "sh -s - agent -t a ", "echo a | ", "expect\nsend -- a",
     "PASS: tests "],
)  # fmt: skip
def test_a_text_eight_times_as_long_is_searched_in_about_eight_times_the_time(unit: str) -> None:
    def took(length: int, key: str) -> float:
        text = (unit * length)[:length]
        return min(seconds(lambda: hidden({key: text}, mask=True)) for _ in range(3))

    for key in ("bash", "x"):
        assert took(80_000, key) < 24 * max(took(10_000, key), 0.008)
