# SPDX-License-Identifier: MIT
"""A Postfix in a folder of its own: one port takes STARTTLS and a password, another TLS
from the first byte; all mail arrives in one Maildir. Needs root and Debian's packages
postfix, sasl2-bin and libsasl2-modules, but no systemd."""

import email
import email.policy
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile

from lib.ports import free_ports
from lib.wait import wait_for

USER, PASSWORD = 'reporter@ci', 'secret'
TOOLS = '/usr/sbin:/usr/bin:/sbin:/bin'

MAIN = '''
compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = loopback-only
inet_protocols = ipv4
myhostname = mx.test
mydestination =
mynetworks =
alias_maps =
virtual_mailbox_domains = static:ALL
virtual_mailbox_maps = static:inbox/
virtual_mailbox_base = {dir}/mail
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_transport = virtual
default_transport = error:no mail leaves this machine
smtpd_tls_cert_file = {dir}/cert.pem
smtpd_tls_key_file = {dir}/key.pem
smtpd_tls_security_level = encrypt
smtpd_sasl_auth_enable = yes
smtpd_sasl_path = smtpd
cyrus_sasl_config_path = {dir}/etc/sasl
smtpd_sasl_local_domain = ci
smtpd_tls_auth_only = yes
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
smtpd_client_connection_rate_limit = 0
smtpd_helo_required = yes
smtpd_helo_restrictions = reject_invalid_helo_hostname,
    reject_non_fqdn_helo_hostname
message_size_limit = 12000000
maillog_file = {dir}/mail.log
maillog_file_prefixes = {dir}
'''

MASTER = '''
127.0.0.1:{port} inet n - n - - smtpd
127.0.0.1:{tls_port} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
pickup unix n - n 60 1 pickup
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
showq unix n - n - - showq
flush unix n - n 1000? 0 flush
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
'''

SASL = '''
pwcheck_method: auxprop
auxprop_plugin: sasldb
mech_list: PLAIN LOGIN CRAM-MD5
sasldb_path: {dir}/sasldb2
'''


def why_not():
    """Returns the reason why Postfix cannot run on this machine, or None."""
    if os.geteuid() != 0:
        return 'Postfix is started by root only'
    if not shutil.which('postfix', path=TOOLS) \
            or not shutil.which('saslpasswd2', path=TOOLS):
        return 'there is no Postfix here: scripts/install-deps test'
    return None


def make_certificate(folder, name='localhost'):
    """Makes a self-signed certificate; returns the paths (certificate, key)."""
    cert, key = folder / 'cert.pem', folder / 'key.pem'
    subprocess.run(
        ['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days',
         '30', '-subj', f'/CN={name}', '-addext', f'subjectAltName=DNS:{name}',
         '-keyout', key, '-out', cert], check=True, capture_output=True)
    return cert, key


class Postfix:
    def __init__(self):
        # Postfix's servers run as several users, who need access to the folder.
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix='reportd-mx-',
                                                 dir='/tmp'))
        self.dir.chmod(0o755)
        self.env = {'PATH': TOOLS, 'LANG': 'C'}
        self.port, self.tls_port = free_ports(2)
        self.cert, _ = make_certificate(self.dir)
        self.inbox = self.dir / 'mail/inbox/new'
        self.configure()
        self.run('postfix', '-c', self.dir / 'etc', 'start')
        wait_for(self.greets, 20, 'Postfix')

    def configure(self):
        owner = pwd.getpwnam('postfix')
        for name in 'etc/sasl', 'queue', 'data', 'mail':
            (self.dir / name).mkdir(parents=True)
        for name in 'data', 'mail':
            os.chown(self.dir / name, owner.pw_uid, -1)
        for name, text in [('main.cf', MAIN), ('master.cf', MASTER),
                           ('sasl/smtpd.conf', SASL)]:
            (self.dir / 'etc' / name).write_text(text.format(
                dir=self.dir, port=self.port, tls_port=self.tls_port,
                uid=owner.pw_uid, gid=owner.pw_gid))
        self.set_password(PASSWORD)

    def set_password(self, password):
        name, realm = USER.split('@')
        base = self.dir / 'sasldb2'
        self.run('saslpasswd2', '-p', '-c', '-f', base, '-u', realm, name,
                 input=password)
        os.chown(base, -1, pwd.getpwnam('postfix').pw_gid)
        base.chmod(0o640)

    def run(self, *args, **options):
        return subprocess.run([str(a) for a in args], check=True, text=True,
                              env=self.env, capture_output=True, **options)

    def greets(self):
        try:
            with socket.create_connection(('127.0.0.1', self.port), 2) as s:
                return s.recv(100).startswith(b'220')
        except OSError:
            return False

    def settings(self, **keys):
        """Returns the section [smtp] of the settings."""
        return {'host': 'localhost', 'port': self.port, 'user': USER,
                'password': PASSWORD, 'ca_file': self.cert,
                'from': 'Reports <reports@example.com>', **keys}

    def mails(self):
        """Returns the mails that have arrived, oldest first: (recipient, message, raw
        bytes)."""
        arrived = []
        if self.inbox.exists():
            for path in self.inbox.iterdir():
                arrived.append((path.stat().st_mtime_ns, path.read_bytes()))
        for _, raw in sorted(arrived):
            message = email.message_from_bytes(raw,
                                               policy=email.policy.default)
            yield message['Delivered-To'], message, raw

    def mails_to(self, recipient):
        return [message for to, message, _ in self.mails() if to == recipient]

    def wait_mail(self, recipient, timeout=30):
        """Waits for the only mail to the recipient and returns it."""
        wait_for(lambda: self.mails_to(recipient), timeout,
                 f'a mail to {recipient}')
        message, = self.mails_to(recipient)
        return message

    def log(self):
        return (self.dir / 'mail.log').read_text(errors='replace')

    def remove(self):
        master = self.dir / 'queue/pid/master.pid'
        if master.exists():
            pid = int(master.read_text())
            self.run('postfix', '-c', self.dir / 'etc', 'abort')
            wait_for(lambda: not pathlib.Path(f'/proc/{pid}').exists(), 20,
                     'Postfix to stop')
        shutil.rmtree(self.dir, ignore_errors=True)
