"""Programs that are given a password: in which word of theirs it stands, and which read one from standard input."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Takes:
    """How programs take a secret. `after` are options before it, `joined` options that it follows without a blank.

    `subcommand` has to be among the words. Of a value with `mark` in it the secret begins behind that, unless what is
    before it is one of `harmless`. `switches` are letters that may stand before an option in one word: `-sSLu`.
    """

    programs: str
    after: tuple[str, ...] = ()
    joined: tuple[str, ...] = ()
    subcommand: str = ""
    mark: str = ""
    switches: str = ""
    harmless: tuple[str, ...] = ()


COOKIES = ("lang", "language", "locale", "theme", "timezone", "tz", "currency", "country", "region", "consent")
"""Cookies without a secret."""
TAKES = (
    Takes("sshpass", after=("-p",), joined=("-p",), switches="v"),
    Takes("mysql mysqldump mysqladmin mysqlimport mysqlshow mysqlcheck mysqlpump mariadb mariadb-dump mariadb-admin",
          joined=("-p",)),
    Takes("mysqladmin mariadb-admin", after=("password", "old-password")),
    Takes("docker podman nerdctl buildah skopeo oras crane helm oc az regctl", after=("-p",), joined=("-p",),
          subcommand="login"),
    Takes("docker podman nerdctl buildah skopeo oras crane helm", joined=("-p=",), subcommand="login"),
    Takes("mongo mongosh mongodump mongorestore mongoexport mongoimport", after=("-p",), joined=("-p",)),
    Takes("usermod useradd", after=("-p",)),
    Takes("redis-cli", after=("-a",)),
    Takes("ldappasswd", after=("-s", "-a")),
    Takes("ldapsearch ldapadd ldapmodify ldapdelete ldapwhoami ldappasswd", after=("-w",), joined=("-w",),
          switches="xvnZcCMQL"),
    Takes("zip unzip sqlcmd ipmitool bcp", after=("-P",), joined=("-P",), switches="rqjmoe9"),
    Takes("7z 7za 7zr rar unrar", joined=("-p",)),
    Takes("curl", after=("-u", "-U"), joined=("-u", "-U"), mark=":", switches="sSfLkgGiIvnNaj0123456#qBRJOl"),
    Takes("curl", after=("-b", "--cookie"), joined=("-b",), mark="=", switches="sSfLkgGiIvnNaj0123456#qBRJOl",
          harmless=COOKIES),
    Takes("curl", after=("--oauth2-bearer",), joined=("--oauth2-bearer=",)),
    Takes("http https xh xhs", after=("-a",), joined=("-a",), mark=":"),
    Takes("http https xh xhs", after=("-a",), subcommand="bearer"),
    Takes("ceph", joined=("key=",), subcommand="auth"),
    Takes("ceph rbd rados ceph-fuse", after=("--key",), joined=("--key=",)),
    Takes("influx", after=("-t",), joined=("-t=",)),
    Takes("influx", after=("-p",), joined=("-p=",), subcommand="setup"),
    Takes("influx", after=("-p",), joined=("-p=",), subcommand="user"),
    Takes("virsh", after=("--base64",), joined=("--base64=",), subcommand="secret-set-value"),
    Takes("crictl skopeo podman buildah", after=("--creds", "--src-creds", "--dest-creds"),
          joined=("--creds=", "--src-creds=", "--dest-creds="), mark=":"),
    Takes("nmcli", after=("password", "wifi-sec.psk", "802-11-wireless-security.psk")),
    Takes("smbclient rpcclient net winexe smbget smbcacls wmic", after=("-U", "--user"), joined=("-U", "--user="),
          mark="%"),
    Takes("lftp", after=("-u",), mark=","),
    Takes("openssl", after=("-passin", "-passout", "-pass"), mark="pass:"),
    Takes("openssl", after=("-k", "-K")),
    Takes("k3s rke2", after=("-t", "--new-token"), joined=("-t=",), subcommand="server"),
    Takes("k3s rke2", after=("-t", "--new-token"), joined=("-t=",), subcommand="agent"),
    Takes("k3s rke2", after=("-t", "--new-token"), joined=("-t=",), subcommand="token"),
    Takes("k0s", after=("worker", "controller")),
    Takes("microk8s", after=("join",), mark="/"),
    Takes("consul nomad serf", after=("-encrypt",), joined=("-encrypt=",)),
    Takes("etcdctl", after=("add",), mark=":", subcommand="user"),
    Takes("netbird", after=("-k",)),
    Takes("gitlab-runner", after=("-r",), subcommand="register"),
    Takes("cloudflared", after=("install",), subcommand="service"),
    Takes("ngrok", after=("authtoken", "add-authtoken")),
    Takes("rclone", after=("obscure", "pass", "password", "secret_access_key")),
    Takes("mosquitto_pub mosquitto_sub", after=("-P",)),
    Takes("cqlsh", after=("-p",)),
    Takes("xfreerdp rdesktop", joined=("/p:",)),
    Takes("kadmin ipa-client-install ipa-replica-install", after=("-w",)),
    Takes("snmpget snmpwalk snmpset snmpgetnext snmpbulkget snmpbulkwalk snmptable snmptrap", after=("-A", "-X")),
    Takes("vault", after=("login",)),
    Takes("vault", after=("-id",), joined=("-id=",), subcommand="token"),
    Takes("nomad", after=("bootstrap",), subcommand="acl"),
    Takes("ssh-keygen", after=("-N", "-P"), joined=("-N", "-P")),
    Takes("racadm pcs fence_ipmilan fence_idrac fence_ilo4 fence_ilo5 fence_apc fence_vmware_soap fence_vmware_rest"
          " fence_virsh twine rabbitmqadmin cypher-shell esxcli ncftp ncftpput ncftpget rdesktop", after=("-p",)),
    Takes("dsconf dsctl dsidm", after=("-w",)),
    Takes("ipa-server-install", after=("-a", "-p")),
    Takes("doveadm", after=("-p",), subcommand="pw"),
    Takes("swaks", after=("-ap",)),
    Takes("sendemail sendEmail", after=("-xp",)),
    Takes("grafana-cli grafana", after=("reset-admin-password",)),
    Takes("neo4j-admin", after=("set-initial-password",)),
    Takes("kubectl oc", after=("--from-literal",), joined=("--from-literal=",), subcommand="secret", mark="="),
)  # fmt: skip
BY_PROGRAM: dict[str, tuple[Takes, ...]] = {
    name: tuple(each for each in TAKES if name in each.programs.split())
    for name in {name for each in TAKES for name in each.programs.split()}
}
READERS = ("chpasswd", "passwd", "smbpasswd", "cryptsetup", "kinit", "realm", "secret-tool", "grub-mkpasswd-pbkdf2",
           "saslpasswd2", "vncpasswd")  # fmt: skip
"""Programs that read a password from standard input."""
CARRIERS = ("ssh", "su", "runuser", "chroot", "nsenter", "docker", "podman", "nerdctl", "kubectl", "crictl")
"""Programs that start another, somewhere else or as somebody else, and give it their standard input."""
READING = ("-S", "--stdin", "--password-stdin", "--passphrase-fd", "--stdin-password", "--with-token")
"""Options with which others do."""
READING_WITH = {
    "keyctl": ("padd", "pupdate", "pinstantiate"),
    "docker": ("secret",),
    "podman": ("secret",),
    "vault": ("login",),
    "openssl": ("-stdin", "stdin"),
    "pass": ("insert",),
    "htpasswd": ("-i", "-ni", "-in", "-niB", "-nBi", "-Bi", "-iB"),
    "kubeseal": ("--raw",),
    "zfs": ("load-key", "change-key"),
    "systemd-creds": ("encrypt",),
    "ansible-vault": ("encrypt_string",),
    "mysql_config_editor": ("set",),
    "etcdctl": ("user",),
    "nomad": ("bootstrap",),
    "openconnect": ("--passwd-on-stdin",),
    "elasticsearch-keystore": ("add",),
    "read": (),
}
"""Programs that do with one of these words."""
PRINTERS = ("echo", "printf", "yes")
BEFORE = ("sudo", "env", "exec", "then", "do", "else", "if", "!", "{", "time", "nohup", "command")
LAST = ("htpasswd", "mosquitto_passwd", "wpa_passphrase")
"""Programs whose last word is a password."""
OTHERS = ("rabbitmqctl", "sed", "iscsiadm", "su")
NAMES_IN_URLS = ("http", "https")
"""Programs of these names count only with a blank behind them."""
SETS = ("set", "change_password", "add_user", "passwd")
