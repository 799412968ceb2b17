#!/usr/bin/env python3
"""Ways to log in that need more than a password, against the real imapd 3.6.1 and ours: a client certificate (EXTERNAL), a
UNIX socket, and a ticket of a KDC of its own (GSSAPI; scripts/kerberos installs what that takes, and without it this part is
reported as skipped).

  cyradm_logins.py --bin DIR [--kerberos]
"""
import argparse
import os
import shutil
import subprocess
import sys
import time

import cyradm as shell
import golden
import oracle as real_cyrus

REALM = "EXAMPLE.ORG"
SERVICES = """START {{
  recover cmd="{programs}/ctl_cyrusdb -C {conf} -r"
}}
SERVICES {{
  imap cmd="{environment} {programs}/imapd -C {conf}" listen="127.0.0.1:{port}" prefork=0
  local cmd="{environment} {programs}/imapd -C {conf}" listen="{root}/run/imap" prefork=0
}}
"""


class Certificates:
    """An authority, the server's certificate and that of the administrator."""

    def __init__(self, folder):
        self.folder = folder
        self.make("ca", "/CN=Authority", ["-x509", "-days", "2"])
        for name, subject, more in (("server", "/CN=localhost", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
                                    ("admin", "/CN=cyrus", "extendedKeyUsage=clientAuth")):
            self.make(name, subject, [])
            with open(self.path("extensions"), "w", encoding="ascii") as f:
                f.write(more + "\n")
            self.openssl("x509", "-req", "-in", self.path(name), "-CA", self.path("ca"), "-CAkey", self.path("ca.key"), "-days", "2",
                         "-CAcreateserial", "-extfile", self.path("extensions"), "-out", self.path(name + ".pem"))
            with open(self.path(name + ".pem"), "a", encoding="ascii") as out, open(self.path(name + ".key"), encoding="ascii") as key:
                out.write(key.read())
        for name in os.listdir(folder):
            os.chmod(self.path(name), 0o644)

    def path(self, name):
        return os.path.join(self.folder, name)

    def make(self, name, subject, more):
        self.openssl("req", *more, "-newkey", "rsa:2048", "-nodes", "-subj", subject, "-keyout", self.path(name + ".key"),
                     "-out", self.path(name))

    @staticmethod
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True)


class Kdc:
    """A Kerberos realm that lives in a folder, on a loopback port; a context manager."""

    def __init__(self, folder):
        self.folder = folder
        self.port = real_cyrus.free_port()
        self.write("krb5.conf", """[libdefaults]
 default_realm = {realm}
 dns_lookup_kdc = false
 dns_canonicalize_hostname = false
 rdns = false
[realms]
 {realm} = {{
  kdc = 127.0.0.1:{port}
 }}
""")
        self.write("kdc.conf", """[realms]
 {realm} = {{
  database_name = {folder}/principal
  key_stash_file = {folder}/stash
  kdc_listen = 127.0.0.1:{port}
  kdc_tcp_listen = 127.0.0.1:{port}
 }}
""")
        self.environment = {**os.environ, "KRB5_CONFIG": self.path("krb5.conf"), "KRB5_KDC_PROFILE": self.path("kdc.conf"),
                            "PATH": os.environ["PATH"] + ":/usr/sbin"}
        self.run("kdb5_util", "create", "-s", "-P", "master", "-r", REALM)
        for words in ("addprinc -pw secret cyrus", "addprinc -pw secret nobody", "addprinc -randkey imap/localhost",
                      "ktadd -k %s imap/localhost" % self.path("keytab")):
            self.run("kadmin.local", "-r", REALM, "-q", words)
        os.chmod(self.path("keytab"), 0o644)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="ascii") as f:
            f.write(text.format(realm=REALM, port=self.port, folder=self.folder))

    def run(self, *words, text=""):
        return subprocess.run(words, input=text, env=self.environment, check=True, capture_output=True, text=True, timeout=60)

    def __enter__(self):
        self.process = subprocess.Popen(["krb5kdc", "-n"], env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for attempt in range(50):
            try:
                self.run("kinit", "-c", self.path("ticket"), "cyrus", text="secret\n")
                break
            except subprocess.CalledProcessError:
                if attempt == 49:
                    raise
                time.sleep(0.1)
        self.run("kinit", "-c", self.path("other"), "nobody", text="secret\n")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


class Login:
    """One site, with the real server or ours."""

    def __init__(self, scratch, folder, certificates, kdc, ours):
        self.name = "ours" if ours else "real"
        self.certificates, self.kdc = certificates, kdc
        more = ("servername: localhost", "tls_server_cert: %s" % certificates.path("server.pem"),
                "tls_server_key: %s" % certificates.path("server.pem"), "tls_client_ca_file: %s" % certificates.path("ca"),
                "sasl_mech_list: PLAIN SCRAM-SHA-1 EXTERNAL GSSAPI")
        self.site = shell.Site(scratch, os.path.join(folder, "cyradm"), "logins." + self.name, more)
        subprocess.run(["saslpasswd2", "-p", "-c", "-f", os.path.join(self.site.root, "etc/sasldb2"), "-u", "localhost", "cyrus"],
                       input=b"secret", check=True)
        self.site.oracle.hand_over(self.site.root)
        house = real_cyrus.Ours(scratch, folder) if ours else self.site.oracle
        self.site.server = real_cyrus.Server(house, self.site.root, self.services(house, ours))

    def services(self, house, ours):
        environment = ["/usr/bin/env"]
        if self.kdc:
            environment += ["KRB5_CONFIG=" + self.kdc.path("krb5.conf"), "KRB5_KTNAME=" + self.kdc.path("keytab")]
        if self.kdc and not ours:                        # its own plug-ins have no GSSAPI
            own = next(folder for folder, _, names in os.walk(os.path.join(house.home, "root/usr/lib")) if os.path.basename(folder) == "sasl2")
            environment.append("SASL_PATH=%s:%s" % (own, system_plugins()))
        return SERVICES.replace("{environment}", " ".join(environment)).replace("{root}", self.site.root)

    def check(self, name, condition, seen):
        shell.check("%s: %s" % (self.name, name), condition, seen)

    def run(self, *options, server=None, environment=None, password=False):
        """cyradm by the name that the certificate and the ticket are for."""
        words = [self.site.program, "--norc", "-u", "cyrus", *(["--password-file", self.site.password] if password else []), *options,
                 "-e", "lm -one-per-line user/*", *(server or ["localhost", str(self.site.server.port)])]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
                              cwd=self.site.work, env={**os.environ, "HOME": self.site.work, **(environment or {})}, start_new_session=True)
        return done.returncode, done.stdout, done.stderr

    def all(self):
        trust = ["--cafile", self.certificates.path("ca")]
        with self.site.server:
            code, _, err = self.site.run("--insecure", "--auth", "PLAIN", "-e", "cm user/bovik")
            self.check("a mailbox to see", code == 0, err)
            self.passwords(trust)
            self.external(trust)
            self.socket()
            if self.kdc:
                self.kerberos(trust)

    def good(self, name, seen):
        self.check(name, seen == (0, "user/bovik\n", ""), seen)

    def bad(self, name, reason, seen):
        self.check(name, seen[0] == 1 and not seen[1] and reason in seen[2], seen)

    def passwords(self, trust):
        self.good("the best of what is offered", self.run(*trust, password=True))
        self.good("a mechanism by name", self.run(*trust, "--auth", "SCRAM-SHA-1", password=True))
        bound = self.run(*trust, "--auth", "SCRAM-SHA-1-PLUS", password=True)
        if self.name == "ours":
            self.good("bound to the channel", bound)
        else:                                            # binds TLS 1.3 by other means than the standard
            self.bad("bound to the channel", "cannot authenticate to server with SCRAM-SHA-1-PLUS as cyrus", bound)

    def external(self, trust):
        own = ["--tlskey", self.certificates.path("admin.pem")]
        self.good("EXTERNAL", self.run(*trust, *own, "--auth", "EXTERNAL"))
        self.good("a password all the same", self.run(*trust, *own, "--auth", "PLAIN", password=True))
        self.bad("EXTERNAL without a certificate", "cannot authenticate to server with EXTERNAL as cyrus: the server does not offer EXTERNAL",
                 self.run(*trust, "--auth", "EXTERNAL"))
        self.bad("EXTERNAL without TLS", "does not offer EXTERNAL", self.run("--notls", "--auth", "EXTERNAL"))
        self.bad("a certificate that is none", "cannot connect to server: ", self.run(*trust, "--tlskey", self.site.password, "--auth", "EXTERNAL"))

    def socket(self):
        place = [os.path.join(self.site.root, "run/imap")]
        os.chmod(place[0], 0o777)
        self.good("PLAIN through a UNIX socket", self.run("--notls", "--auth", "PLAIN", server=place, password=True))
        self.good("TLS through a UNIX socket", self.run("--insecure", server=place, password=True))
        self.bad("no such socket", "cannot connect to server: ", self.run(server=[place[0] + "x"], password=True))

    def kerberos(self, trust):
        ticket = {"KRB5_CONFIG": self.kdc.path("krb5.conf"), "KRB5CCNAME": "FILE:" + self.kdc.path("ticket")}
        self.good("a ticket where there is one", self.run(*trust, environment=ticket))
        self.good("a password without a ticket", self.run(*trust, password=True, environment={
            **ticket, "KRB5CCNAME": "FILE:" + self.kdc.path("none")}))
        self.good("GSSAPI inside TLS", self.run(*trust, "--auth", "GSSAPI", environment=ticket))
        self.good("GSSAPI with a layer of its own", self.run("--notls", "--auth", "GSSAPI", environment=ticket))
        self.bad("no ticket", "cannot authenticate to server with GSSAPI as cyrus", self.run(
            *trust, "--auth", "GSSAPI", environment={**ticket, "KRB5CCNAME": "FILE:" + self.kdc.path("none")}))
        self.bad("somebody else's ticket", "cannot authenticate to server with GSSAPI as cyrus", self.run(
            *trust, "--auth", "GSSAPI", environment={**ticket, "KRB5CCNAME": "FILE:" + self.kdc.path("other")}))
        self.bad("a ticket for another host", "cannot authenticate to server with GSSAPI as cyrus", self.run(
            "--notls", "--auth", "GSSAPI", environment=ticket, server=["127.0.0.1", str(self.site.server.port)]))


def system_plugins():
    library = subprocess.run(["cc", "-print-multiarch"], capture_output=True, text=True, check=False).stdout.strip()
    return os.path.join("/usr/lib", library, "sasl2")


def can_kerberos():
    path = os.environ["PATH"] + ":/usr/sbin"
    programs = all(shutil.which(name, path=path) for name in ("krb5kdc", "kdb5_util", "kadmin.local", "kinit"))
    return programs and os.path.exists(os.path.join(system_plugins(), "libgssapiv2.so"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--kerberos", action="store_true", help="fail when there is no Kerberos")
    arguments = parser.parse_args()
    real_cyrus.gate()
    kerberos = arguments.kerberos or can_kerberos()
    with golden.Scratch() as scratch:
        folders = {name: os.path.join(scratch.top, name) for name in ("certificates", "kdc")}
        for folder in folders.values():
            os.makedirs(folder, mode=0o755)
        certificates = Certificates(folders["certificates"])
        kdc = Kdc(folders["kdc"]) if kerberos else None
        for ours in (False, True):
            login = Login(scratch, os.path.abspath(arguments.bin), certificates, kdc, ours)
            if kdc:
                with kdc:
                    login.all()
            else:
                login.all()
    print("%d failures%s" % (len(shell.FAILURES), "" if kerberos else "; skipped: GSSAPI (scripts/kerberos installs a KDC)"))
    return 1 if shell.FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())
