# SPDX-License-Identifier: MIT
"""Checks a workflow: its form, that what it uses is fixed and what it may do is little, and
that no text from outside becomes a command."""

import pathlib
import re
import shutil
import subprocess

import yaml
from lib.deploy import yamlfile
from lib.deploy.secrets import plain_secret
from lib.deploy.shape import Shapes, table

SHAPE = table(pathlib.Path(__file__).with_name('workflow.yaml'))['workflow']
# Members of `github` that nobody outside can choose; a tag or branch name goes through env.
GITHUB = {'ref', 'ref_name', 'ref_type', 'event_name', 'sha', 'run_id', 'repository', 'workflow'}
# The inputs of each action.
INPUTS = {'actions/checkout': {'persist-credentials', 'fetch-depth', 'ref'},
          'actions/upload-artifact': {'name', 'path', 'retention-days', 'if-no-files-found'},
          'actions/download-artifact': {'name', 'path'}}
# Variables that a runner gives; those of OpenID Connect with id-token: write alone.
RUNNER = {'GITHUB_ENV', 'GITHUB_OUTPUT', 'RUNNER_TEMP', 'PWD', 'HOME', 'PATH', 'SECONDS'}
TOKEN = {'ACTIONS_ID_TOKEN_REQUEST_TOKEN', 'ACTIONS_ID_TOKEN_REQUEST_URL'}
EXPRESSION = re.compile(r'\$\{\{(.*?)\}\}', re.S)
HOST = re.compile(r'\b[a-z0-9-]+(\.[a-z0-9-]+)*\.(com|org|io|net|dev|aws)\b')
# No registry: the audience of a token, and nobody's host.
HOSTS = {'sts.amazonaws.com'}


class Workflow:
    def __init__(self, text):
        self.text, self.faults, self.jobs = text, [], {}

    def fault(self, at, text):
        self.faults.append(f'{at}: {text}')

    def check(self):
        try:
            documents = yamlfile.documents(self.text)
        except yaml.YAMLError as e:
            self.fault('YAML', ' '.join(str(e).split()))
            return self.faults
        body = documents[0] if len(documents) == 1 else None
        Shapes(self.faults).hold(SHAPE, body, 'workflow')
        if self.faults:
            return self.faults
        self.jobs = body['jobs']
        if 'write' in body['permissions'].values():
            self.fault('permissions', 'a job that needs to write says so itself')
        self.check_texts(body, 'workflow', None, set())
        for name, job in self.jobs.items():
            self.check_job(name, job)
        self.check_order()
        for match in HOST.finditer(re.sub(r'#.*', '', self.text)):
            if match[0] not in HOSTS:
                self.fault('workflow', f'names the host {match[0]}; use a variable')
        return self.faults

    def needs(self, job):
        needs = job.get('needs', [])
        return needs if isinstance(needs, list) else [needs]

    def check_job(self, name, job):
        at = f'jobs.{name}'
        for other in self.needs(job):
            if other not in self.jobs:
                self.fault(at, f'needs {other}, which is no job')
        writes = [key for key, value in job['permissions'].items() if value == 'write']
        if set(writes) - {'id-token'}:
            self.fault(at, f'may write {", ".join(writes)}')
        if 'id-token' in writes and not {'environment', 'if', 'needs'} <= set(job):
            self.fault(at, 'gets a role without needs, if and an environment that guard it')
        first = job['steps'][0].get('uses', '') if job['steps'] else ''
        if not first.startswith('actions/checkout@') or job['permissions'].get('contents') != 'read':
            self.fault(at, 'must begin with a checkout, and may read contents')
        self.check_variables(job, at, TOKEN if 'id-token' in writes else set())
        self.check_artifacts(job, at)
        if job['runs-on'].endswith('-latest') or str(job.get('container', '')).endswith(':latest'):
            self.fault(at, 'names no version of what it runs on')
        ids = set()
        for number, step in enumerate(job['steps']):
            self.check_step(step, f'{at}.steps[{number}]', job, ids)
            ids.add(step.get('id'))

    def check_step(self, step, at, job, ids):
        if ('run' in step) == ('uses' in step):
            self.fault(at, 'must have run or uses')
            return
        if 'run' in step:
            if 'name' not in step:
                self.fault(at, 'has no name')
            if '${{' in step['run']:
                self.fault(at, 'an expression in a script may become a command; use env')
            self.check_script(step['run'], at)
        else:
            self.check_action(step, at)
        self.check_texts({key: one for key, one in step.items() if key != 'run'}, at, job, ids)

    def check_variables(self, job, at, token):
        """Each variable in capitals is given by the job, by a step before, or the runner."""
        known = {*RUNNER, *token, *job.get('env', {})}
        for number, step in enumerate(job['steps']):
            text = re.sub(r"'[^']*'", ' ', step.get('run', ''))
            known |= set(step.get('env', {})) | set(re.findall(r'\b([A-Z][A-Z0-9_]+)=', text))
            for name in re.findall(r'\$\{?([A-Z][A-Z0-9_]+)', text):
                if name not in known:
                    self.fault(f'{at}.steps[{number}]', f'nobody gives ${name}')

    def check_artifacts(self, job, at):
        uploaded = {step['with'].get('name') for other in self.needs(job)
                    for step in self.jobs.get(other, {}).get('steps', [])
                    if step.get('uses', '').startswith('actions/upload') and 'with' in step}
        for step in job['steps']:
            if step.get('uses', '').startswith('actions/download-artifact@') and \
                    step.get('with', {}).get('name') not in uploaded:
                self.fault(at, 'downloads what no job before it has uploaded')

    def check_action(self, step, at):
        action = step['uses']
        for name, value in step.get('with', {}).items():
            if name not in INPUTS.get(action.partition('@')[0], ()) or \
                    not isinstance(value, (str, int)):
                self.fault(at, f'{action} takes no {name}')
        if action.partition('@')[0] not in INPUTS:
            self.fault(at, f'{action} is not used here')
        if not re.search(re.escape(action) + r' # v\d+\.\d+\.\d+\n', self.text):
            self.fault(at, f'{action} lacks the comment that names its version')
        if action.startswith('actions/checkout@') and \
                step.get('with', {}).get('persist-credentials') is not False:
            self.fault(at, 'persist-credentials must be false')

    def check_script(self, text, at):
        done = subprocess.run(['bash', '-n'], input=text, text=True, capture_output=True)
        if done.returncode != 0:
            self.fault(at, done.stderr.strip())
        elif shutil.which('shellcheck'):
            done = subprocess.run(['shellcheck', '-s', 'bash', '-f', 'gcc', '-'], input=text,
                                  text=True, capture_output=True)
            for line in done.stdout.splitlines():
                self.fault(at, line)

    def check_texts(self, value, at, job, ids):
        """Expressions and secrets in all texts but scripts and, for the whole, jobs."""
        if isinstance(value, dict):
            for key, one in value.items():
                if job is None and key == 'jobs':
                    for name, other in one.items():
                        self.check_texts({k: v for k, v in other.items() if k != 'steps'},
                                         f'jobs.{name}', other, set())
                    continue
                if isinstance(one, str) and '${{' not in one and plain_secret(str(key), one) \
                        and key != 'id-token':
                    self.fault(f'{at}.{key}', 'holds a secret')
                self.check_texts(one, f'{at}.{key}', job, ids)
                if key == 'if' and isinstance(one, str):
                    self.check_expression(one, f'{at}.if', job, ids)
        elif isinstance(value, list):
            for number, one in enumerate(value):
                self.check_texts(one, f'{at}[{number}]', job, ids)
        elif isinstance(value, str):
            for match in EXPRESSION.finditer(value):
                self.check_expression(match[1], at, job, ids)
            if value.count('${{') != len(EXPRESSION.findall(value)):
                self.fault(at, 'an expression has no end')

    def check_expression(self, text, at, job, ids):
        bare = re.sub(r"'[^']*'", ' ', text)
        for path in re.findall(r'[A-Za-z_][\w.-]*', bare):
            head, *rest = path.split('.')
            good = {
                'github': rest and rest[0] in GITHUB and len(rest) == 1,
                'vars': len(rest) == 1,
                'secrets': len(rest) == 1 and job is not None and 'environment' in job,
                'env': len(rest) == 1,
                'runner': rest == ['temp'],
                'steps': len(rest) == 3 and rest[0] in ids and rest[1] == 'outputs',
                'needs': len(rest) == 3 and rest[1] == 'outputs' and job is not None
                and rest[0] in self.needs(job)
                and rest[2] in self.jobs[rest[0]].get('outputs', {}),
                'true': not rest, 'false': not rest, 'always': not rest, 'failure': not rest,
            }.get(head, False)
            if not good:
                self.fault(at, f'the expression names {path}, which is not there or not safe')

    def check_order(self):
        done = set()
        while True:
            ready = {name for name, job in self.jobs.items()
                     if name not in done and set(self.needs(job)) <= done}
            if not ready:
                break
            done |= ready
        for name in set(self.jobs) - done:
            self.fault(f'jobs.{name}', 'waits for itself, or for a job that is not there')


def check(text):
    return Workflow(text).check()
