# SPDX-License-Identifier: MIT
"""An example of examples/, run as a new user runs it, in a folder of the test's own."""

import contextlib
import subprocess

from lib.paths import BIN, ROOT, environ
from lib.wait import wait_for

# What stands for AWS takes these; what stands for an API, any token.
KEYS = {'AWS_ACCESS_KEY_ID': 'test:tester', 'AWS_SECRET_ACCESS_KEY': 'testing', 'API_TOKEN': 'example'}


class Example:
    """`home` is the folder; `more` goes into the environment of its script."""

    def __init__(self, name, home, **more):
        self.script, self.home = ROOT / 'examples' / name / 'run', home
        self.env = environ(REPORTD_BIN_DIR=str(BIN), **more)

    def run(self, *verb):
        return subprocess.run([self.script, *verb, self.home], env=self.env, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=600)

    def psql(self, database, query):
        """Rows as texts."""
        done = subprocess.run(
            ['psql', '-XAt', '-v', 'ON_ERROR_STOP=1', '-h', self.home / 'cluster', '-d', database,
             '-c', query], text=True, capture_output=True, check=True)
        return [line.split('|') for line in done.stdout.splitlines()]

    def ctl(self, *args):
        return subprocess.run([BIN / 'reportctl', '-c', self.home / 'reportd.conf', *args],
                              env={**self.env, **KEYS}, text=True, capture_output=True, check=True).stdout

    @contextlib.contextmanager
    def daemon(self, **more):
        """A daemon by the settings that the script has written."""
        daemon = subprocess.Popen([BIN / 'reportd', '-c', self.home / 'reportd.conf'],
                                  env={**self.env, **KEYS, **more}, stderr=subprocess.DEVNULL)
        try:
            yield daemon
        finally:
            daemon.terminate()
            status = daemon.wait(30)
        assert status == 0

    def break_steps(self):
        """Breaks the SQL of each report, each in its own stage, and runs each alone. Returns
        {key: error} when all have ended, and when those who are to be told have been told."""
        broken = 'select * from broken'
        (began,), = self.psql('reportd', 'select now()')
        self.psql('reportd', f"""
            select reportd.change(config_id, case
                when export_sql is not null then jsonb_build_object('export_sql', '{broken}',
                    'output_options', case output_format when 'TABLE' then output_options
                        else '{{"snapshot": false}}' end, 'inputs', null, 'checks', null,
                    'output_path', regexp_replace(
                        output_path, '[{{](section|partition)[}}]', 'broken', 'g'))
                when prep_sql is not null then jsonb_build_object('prep_sql', '{broken}')
                when result_sql is not null then jsonb_build_object('result_sql', '{broken}')
                else jsonb_build_object('checks', '[{{"name": "broken", "sql": "select 1"}}]'::jsonb)
                end) from reportd.report_config;
            select reportd.run_now(config_id) from reportd.report_config""")
        with self.daemon():
            # A schedule may ask for more meanwhile, which waits for what has failed.
            wait_for(lambda: self.psql('reportd', f"""
                select not exists (select from reportd.report_config c
                    where not exists (select from reportd.v_requests q where
                        q.config_id = c.config_id and q.status = 'FAILED' and ended_at >= '{began}'))
                and not exists (select from reportd.v_notifications
                    where state in ('PENDING', 'SENDING'))""") == [['t']], 60, lambda: self.psql(
                        'reportd', 'select report_key, status, waits_for from reportd.v_requests '
                        "where status not in ('COMPLETED', 'FAILED')"))
        return dict(self.psql('reportd', """
            select distinct on (c.report_key) c.report_key, split_part(r.error_message, E'\\n', 1)
            from reportd.report_run r join reportd.report_config c using (config_id)
            order by c.report_key, r.run_id desc"""))
