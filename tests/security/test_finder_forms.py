"""Secrets that were once shown, and harmless texts that were once hidden; Slipway's own files are harmless."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusters.config.defaults import starter_document
from clusters.config.dialects.render import DIALECTS, render
from clusters.config.document_masks.comments import secrets_in_comments
from clusters.config.load import load
from clusters.config.logins import note_for_kubekey
from clusters.config.schema import Host
from clusters.config.secret import MASK
from clusters.config.secrets.finder import hidden, hidden_text, secrets_in
from clusters.runs.documents import secrets_of
from clusters.wizard.document.editor import editor
from tests.config.documents import seed_document

GOLDEN = Path(__file__).parents[1] / "catalog"
IN_GOLDEN = ("abcdef.0123456789abcdef", '"hub-password"', r'"pass\"word"')
"""The secrets in the files that are compared, as they stand there."""
X = "Hid-6x"


def shell(text: str) -> str:
    return str(hidden({"bash": text}, mask=True)["bash"])


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("secrets", ["omit", "mask"])
def test_what_slipway_writes_into_a_file_has_no_mask_that_no_secret_is_behind(dialect: str, secrets: str) -> None:
    for document in (starter_document(), seed_document(hosts=(Host(name="node1", address="10.0.0.1"),))):
        text = render(document, dialect=dialect, secrets=secrets)
        assert hidden_text(text) == text
        assert list(secrets_in_comments(text)) == []
        read = load(text).document
        assert read is not None
        assert editor(read, text).text == text
        assert list(secrets_of(text)) == []


def test_a_file_with_logins_hides_those_and_nothing_else() -> None:
    for dialect in DIALECTS:
        text = render(seed_document(), dialect=dialect)
        assert list(secrets_in_comments(text)) == []
        assert [each.reveal() for each in secrets_in(seed_document())] == ["Testing123"]
    named = (Host(name="node1", address="10.0.0.1", credential="ops"),)
    note = note_for_kubekey(seed_document(hosts=named))
    assert note and hidden_text(note) == note


def test_the_files_that_machines_get_hide_their_few_secrets_and_nothing_else() -> None:
    files = [each for each in GOLDEN.rglob("golden/**/*") if each.is_file() and each.suffix not in (".py", ".pyc")]
    assert len(files) > 50
    for file in files:
        text = wanted = file.read_text()
        for secret in IN_GOLDEN:
            wanted = wanted.replace(secret, f'"{MASK}"' if '"' in secret else MASK)
        assert hidden_text(text) == wanted == hidden({"x": text}, mask=True)["x"], file.name
        assert shell(text) == wanted, file.name


@pytest.mark.parametrize(
    "comment",
    ["# KubeKey: text", "# KubeKey 3: as its sample has it", "# as KubeKey: v1.23.17", "# KubeKey's API: see its docs",
     "# written for KubeKey=3"],
)  # fmt: skip
def test_a_comment_on_kubekey_is_shown(comment: str) -> None:
    assert hidden_text(comment) == comment == shell(comment)


@pytest.mark.parametrize(
    ("name", "value"),
    [("MINIO_ROOT_PASSWORD", "1234567"), ("minioSecretKey", "123"), ("NUMA_TOKEN", "42"), ("PASS", "1234"),
     ("db_pass", "0"), ("maxPassword", "hidden"), ("tokens", "a1b2"), ("auth", "hidden"), ("passwordKey", "x1")],
)  # fmt: skip
def test_a_number_or_a_word_behind_the_name_of_a_secret_is_hidden(name: str, value: str) -> None:
    for text in (f"{name}: {{}}\n", f"{name}={{}}"):
        assert hidden({"x": text.format(value)}, mask=True)["x"] == text.format(MASK)


def test_other_names_that_end_as_a_key_does_count() -> None:
    for comment in ("# AdminKubeKey: {}", "# KUBE_KEY: {}", "# KubeKey's api_key: {}", "# KubeKey password: {}"):
        assert hidden_text(comment.format(X)) == comment.format(MASK)


SECRET_SCRIPTS = [
    "sudo sh -c \"echo 'root:{}' | chpasswd\"",
    "ssh h 'mysql -uroot -p{}'",
    'bash -c "mysql -p{}"',
    "(echo {}; echo {}) | passwd root",
    "{{ echo {}; echo {}; }} | passwd root",
    "curl -sSLu a:{} https://x.example",
    "cat > ~/.pgpass <<EOF\ndb.example:5432:app:me:{}\n*:*:*:me:{}\nEOF\nchmod 600 ~/.pgpass",
    "subscription-manager register --org=1 --activationkey={}",
    "subscription-manager register --org=1 --activationkey {} --force",
    "curl 'https://x.blob.example/a?sp=r&sig={}&se=2030'",
    "curl 'https://s3.example/a?X-Amz-Expires=60&X-Amz-Signature={}'",
    'su - postgres -c "psql -c \\"ALTER USER a PASSWORD \'{}\'\\""',
    "su -c 'echo root:{} | chpasswd'",
    "ssh -o BatchMode=yes root@h \"sudo bash -c 'redis-cli -a {} ping'\"",
    "docker exec db sh -c 'mysqladmin -p{} status'",
    "kubectl exec -it db -- bash -lc 'mongosh -u a -p {}'",
    "eval 'sshpass -p {} ssh h'",
    "bash -c '\n  mysql -uroot -p{}\n'",
    "printf '%s\\n' {} {} | passwd root",
    "echo {} |& sudo -S true",
    "echo 'bindpw {}' >> /etc/ldap.conf",
    "echo 'db:5432:app:me:{}' >> ~/.pgpass",
    "ldapsearch -x -D cn=a -xw {}",
    "zip -rP {} a.zip dir",
    "curl -kfu'a:{}' https://x.example",
    "wget 'https://x.example/a?token={}&b=2'",
    "ansible all -m shell -a 'sshpass -p {} ssh h'",
    "sudo -u postgres psql -c \"CREATE ROLE a LOGIN PASSWORD '{}'\"",
    "psql -c \"ALTER ROLE a WITH ENCRYPTED PASSWORD '{}';\"",
    "mysql -e \"CREATE USER a IDENTIFIED BY '{}'\"",
    "nmcli dev wifi connect home password {}",
    "echo {} | (sudo passwd --stdin root)",
    "timeout 5 bash -ec 'curl -u a:{} https://x'",
    "htpasswd -nbB admin {} > auth",
    "openssl passwd -6 {}",
    "crictl pull --creds a:{} h/x",
    "skopeo copy --dest-creds=a:{} docker://x docker://y",
    "gpg --passphrase-fd 0 -d x <<< {}",
    "echo {} | gpg --batch --passphrase-fd 0 -d x",
    "adcli join --stdin-password x <<< {}",
    "echo {} | realm join -U admin x",
    "sudo sh -c 'echo \"{}\" > /etc/x.password'",
    "echo {} > /etc/rabbitmq/password",
    "echo '{}' | sudo tee /root/password.txt",
    "sudo tee /etc/x.token <<< {}",
    "cat > /root/.password <<EOF\n{}\nEOF",
    "cat <<'EOF' | sudo tee /root/password.txt\n{}\nEOF",
    "ansible-vault encrypt_string '{}' --name x",
    "curl -sSLfku a:{} https://x.example",
    'bash -c "sshpass -p \\"{}\\" ssh h"',
    "bash -c 'mysql -u root -p\"{}\" -e x'",
    "kubectl create secret generic x --from-literal=a={} --from-literal=b={}",
    "curl 'https://x.example/a?a=1&password={}&b=2'",
    "sed -i 's/PASSWORD=.*/PASSWORD={}/' x",
    'sed -i "s/^password:.*/password: {}/" x',
    "sed -i 's|@TOKEN@|{}|' x",
    "iscsiadm -m node --op update -n node.session.auth.password -v {}",
    "ssh h sudo chpasswd <<< root:{}",
    "ssh h 'sudo chpasswd' <<EOF\nroot:{}\nEOF",
    "echo 'root:{}' | ssh h 'sudo chpasswd'",
    'echo "${{DB_PASSWORD:-{}}}"',
    'for n in a b; do ssh $n "mysql -p{} -e x"; done',
    "if true; then echo root:{} | chpasswd; fi",
    'systemd-run --property="ExecStart=curl -u a:{} https://x"',
    "wget --header='X-Api-Key: {}' https://x",
    "mysql --execute=\"ALTER USER a IDENTIFIED BY '{}'\"",
]
SECRET_TEXTS = [
    "bindpw {}\n",
    "vrrp_instance a {{\n  auth_type PASS\n  auth_pass {}\n}}\n",
    "bindpw: {}\n",
    "ldap:\n  bindPw: {}\n  other: open\n",
    "rootPw: {}\nother: open\n",
    "rootpw={}",
    "olcRootPW: {}\n",
    "url: https://x.blob.example/a?sv=1&sig={}\n",
    '{{"url": "https://s3.example/a?X-Amz-Signature={}"}}',
    "url: https://storage.example/a?X-Goog-Signature={}&b=1\n",
    "url: https://x.example/a?access_token={}&b=1\n",
    "tokenEndpoint: https://a:{}@id.example\n",
    "tokenReviewerSecret: {}\n",
    "tokenReview: {{password: {}}}\n",
    "{{passwords: {{class: {}}}}}\n",
    "PASS={}",
    "existingPassword: {}\n",
    "max_tokens_password: {}\n",
    "[Wifi]\npsk={}\n",
    "community_string: open\nsnmpAuthPassphrase: {}\n",
    "spring.datasource.password={}\nspring.name=open\n",
    '<add key="Password" value="{}"/>',
    "<password>{}</password>",
    "jdbc:mysql://h/db?user=a&password={}&ssl=true",
    "redis://:{}@h:6379/0",
    "amqp://me:{}@mq.example/%2f",
    "AccountName=a;AccountKey={};EndpointSuffix=x",
]
SECRET_COMMENTS = ["# bindpw: {}", "# PASS={}", "# run: ssh h 'mysql -p{}'", "# the pw of root is {}"]
HONEST = [
    "address: node01.internalregistry\n",
    "- node01.internalregistry\n",
    "repo: https://charts.platformteam2024/stable\n",
    "image: mirror.x1y2z3a4b5c6d7e8:5000/app\n",
    "https://abcde1.0a1b2c3d4e5f6a7b/x",
    "cat > /etc/x/token.conf <<EOF\nmode: open\nEOF",
    "max_tokens: 4096\n",
    "maxTokens: 128\n",
    "llm: {max_output_tokens: 4096}\n",
    "--max-tokens 4096",
    "tokenEndpoint: https://id.example/token\n",
    "token_url: https://id.example/token\n",
    "passwordEncryption: scram-sha-256\n",
    "password_encryption = scram-sha-256\n",
    "passwordHashAlgorithm: argon2id\n",
    "maxPasswordAge: 90\n",
    "PasswordAuthentication: prohibited\n",
    "sed -i 's/^#PasswordAuthentication.*/PasswordAuthentication no/' /etc/ssh/sshd_config",
    "tokenReview.group: authentication.k8s.io\n",
    "tokenReview: {retries: 3, group: authentication.k8s.io}\n",
    "PASS=0",
    "PASS=0\nFAIL=0\nPASS=$((PASS + 1))\n",
    "fingerprint of the secret key: see below",
    "secretKey: sha256:" + "0a" * 32,
    "ssh h 'mysql -p app'",
    "bash -c 'echo $PASSWORD | passwd --stdin root'",
    "(echo a; echo b) | sort",
    "{ echo a; echo b; } | tee x",
    "curl -sSLu $LOGIN https://x",
    "curl -sSLo a:b https://x",
    "cat <<EOF > hosts\n10.0.0.1:5432:app:me:x\nEOF",
    "https://x.example/?sig=$SIG",
    "tokenRequests: [{audience: vault}]\n",
    "token_expiration: 3600s\n",
    "credentialProvider: ecr\n",
    "secretProviderClass: azure\n",
    "passwordComplexity: high\n",
    "token-issuer: https://id.example\n",
    "secretVersion: v3\n",
    "minPasswordLength: 12\n",
    "ssh root@h 'systemctl restart kubelet'",
    "sh -c 'mkdir -p /opt/x && docker run -p 80:80 nginx'",
    "git config --global credential.helper store",
    "kubectl create secret generic x --from-file=a=/etc/a",
    "kubectl get secret x -o name",
    "token_type: Bearer\n",
    "passwordPolicy: strict\n",
    "accessKeyId is required",
    "sessionAffinity: ClientIP\n",
    "pass=true",
    "volumes: [{name: token, secret: {secretName: x}}]\n",
    "tokens_per_second: 100\n",
    "secretRotation: weekly\n",
    "grep -c password /etc/shadow",
    "TOKEN=`kubeadm token create`",
    'PASSWORD="$(openssl rand -hex 16)"',
    "PASSWORD=${PASSWORD:-$(cat x)}",
    "echo ${TOKEN:?is missing}",
    "gpg --keyserver hkp://keys.example --recv-keys ABCDEF0123456789",
    "helm install a b --set auth.existingSecret=mysecret",
    "userPasswordKey: user-password\n",
    "tokenLocation: header\n",
    "credentialsMode: Manual\n",
    "auth: basic\n",
    "secret:\n  create: false\n  annotations: {a: b}\n",
    "token:\n  audience: a\n  expirationSeconds: 3600\n",
    "passwordReset: disabled\n",
    "sed -i 's/PASS_MAX_DAYS.*/PASS_MAX_DAYS 90/' /etc/login.defs",
    "sed -i 's/token/name/' x",
    "openssl passwd -6 -stdin < file",
    "echo ops >> /etc/passwd",
    "echo $PASSWORD > /etc/x.password",
    "cat /run/secrets/token | docker login --password-stdin -u me h",
    "gpg --passphrase-fd 3 -d x 3< /run/key",
    "ldapsearch -x -s base -b cn=a",
    "ssh h 'cat /etc/passwd' | sort",
    "iscsiadm -m node -n node.startup -v automatic",
    "useradd -m -s /bin/bash ops && passwd -l ops",
    "--feature-gates=ServiceAccountTokenJTI=true,KubeletCredentialProviders=false",
    "--service-account-max-token-expiration=24h",
]


@pytest.mark.parametrize("form", SECRET_SCRIPTS)
def test_a_secret_in_a_script_is_hidden_and_all_else_is_not(form: str) -> None:
    words = [X] * form.count("{}")
    assert shell(form.format(*words)) == form.format(*[MASK] * len(words))


@pytest.mark.parametrize("form", SECRET_TEXTS)
def test_a_secret_in_a_text_is_hidden_and_all_else_is_not(form: str) -> None:
    assert hidden({"x": form.format(X)}, mask=True)["x"] == form.format(MASK)


@pytest.mark.parametrize("form", SECRET_COMMENTS)
def test_a_secret_in_a_comment_is_hidden(form: str) -> None:
    assert hidden_text(form.format(X)) == form.format(MASK)


HOSTS = """\
apiVersion: kubekey.kubesphere.io/v1alpha2
kind: Cluster
metadata: {name: sample}
spec:
  hosts: [{name: HOST, address: HOST, internalAddress: HOST}]
  roleGroups: {etcd: [HOST], master: [HOST], worker: [HOST]}
  registry: {registryMirrors: ["https://HOST"], insecureRegistries: [HOST], privateRegistry: HOST}
  controlPlaneEndpoint: {domain: HOST, address: ""}
  kubernetes: {version: v1.30.4, apiserverCertExtraSans: [HOST]}
  addons:
  - name: a
    sources:
      chart: {name: b, repo: "https://HOST", valuesFile: "host: HOST\\nmirrors:\\n- a.example\\n- HOST\\n"}
"""


@pytest.mark.parametrize("host", ["node01.internalregistry", "charts.platformteam2024", "node01.a2internalregist"])
def test_a_host_that_looks_like_a_token_of_kubeadm_is_shown(host: str) -> None:
    text = HOSTS.replace("HOST", host)
    document = load(text).document
    assert document is not None and list(secrets_of(text)) == []
    assert editor(document, text).text == text


@pytest.mark.parametrize(
    "form",
    ["kubeadm join 10.0.0.1:6443 --token {}", "token is {}", "echo {}", "kubeadm join: {}", "- {}", "a: {}",
     "mirrors: open\nx:\n- {}"],
)  # fmt: skip
def test_a_token_of_kubeadm_is_hidden_elsewhere(form: str) -> None:
    for token in ("abcdef.0123456789abcdef", "0a1b2c.x9y8z7w6v5u4t3s2"):
        assert hidden_text(form.format(token)) == form.format(MASK)
    assert hidden_text("the token abcde1.abcdefghijklmnop") == f"the token {MASK}"


@pytest.mark.parametrize("text", HONEST)
def test_an_honest_text_is_shown(text: str) -> None:
    assert hidden({"x": text}, mask=True)["x"] == text
    assert shell(text) == text
