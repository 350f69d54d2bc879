# SPDX-License-Identifier: MIT
"""The workflow is sound, the check refuses what is not, and the script that it ends with
knows a daemon that is ready. Its own scripts run here, with stand-ins for what they call."""

import http.server
import os
import re
import shlex
import signal
import subprocess
import threading

import pytest
from lib import awscommand
from lib.deploy import workflow, yamlfile
from lib.paths import BIN, ROOT, environ
from lib.ports import free_port
from lib.server import Server

pytestmark = pytest.mark.shipped

TEXT = (ROOT / '.github/workflows/deploy.yml').read_text()


def test_workflow_is_sound():
    assert workflow.check(TEXT) == []


def test_workflow_builds_tests_scans_deploys_and_asks():
    for step in ('./run-tests unit integration lint', 'podman build ', 'debsecan ',
                 'podman push ', 'aws cloudformation deploy ', 'deploy/smoke-test '):
        assert step in TEXT
    deployed = set(re.findall(r'deploy_stack (\w+) ', TEXT))
    assert deployed == {path.stem for path in (ROOT / 'deploy/cloudformation').glob('*.yaml')}


SHA = '11bd71901bbe5b1630ceea73d27597364c9af683'
# A text of the workflow, the text that takes its place, and the complaint about it.
PLANTED = {
    'tag': (f'actions/checkout@{SHA} # v4.2.2', 'actions/checkout@v4 # v4.2.2', 'is not as'),
    'branch': (f'actions/checkout@{SHA} # v4.2.2', 'actions/checkout@main', 'is not as'),
    'no version': (f'{SHA} # v4.2.2', SHA, 'names its version'),
    'kept credentials': ('persist-credentials: false', 'persist-credentials: true', 'must be false'),
    'all rights': ('permissions: {}', 'permissions: write-all', 'must be an object'),
    'default rights': ('permissions: {}\n', '', 'permissions is missing'),
    'rights of a job': ('''    permissions:
      contents: read
    steps:''', '    steps:', 'permissions is missing'),
    'to write': ('      contents: read\n      id-token', '      contents: write\n      id-token', 'may write contents'),
    'a role for anybody': ('    environment: production\n', '', 'that guard it'),
    'a command from outside': ('run: podman build', 'run: echo ${{ github.event.head_commit.message }}; podman build', 'may become a command'),
    'a value from outside': ('VERSION: ${{ github.ref_name }}', 'VERSION: ${{ github.head_ref }}', 'not safe'),
    'trigger': ('  pull_request:\n', '  pull_request_target:\n', 'pull_request_target: unknown'),
    'need': ('needs: image', 'needs: images', 'is no job'),
    'circle': ('    runs-on: ubuntu-24.04\n    container', '    needs: deploy\n    runs-on: ubuntu-24.04\n    container', 'waits for itself'),
    'key': ('timeout-minutes: 120', 'timeout: 120', 'timeout: unknown'),
    'no end': ('    timeout-minutes: 120\n', '', 'timeout-minutes is missing'),
    'latest': ('runs-on: ubuntu-24.04', 'runs-on: ubuntu-latest', 'names no version'),
    'secret': ('AWS_REGION: ${{ vars.AWS_REGION }}', 'AWS_ACCESS_KEY_ID: AKIAIOSFODNN7EXAMPLE', 'holds a secret'),
    'token': ('      name: image\n', '      name: image\n          token: abcdef\n', 'token: unknown'),
    'host': ('${{ vars.REGISTRY }}', '123456789012.dkr.ecr.eu-west-1.amazonaws.com', 'names the host'),
    'shell': ('deploy_stack() {', 'deploy_stack() {{', 'bash: '),
    'output': ('${{ vars.REPORTD_URL }}', '${{ needs.image.outputs.url }}', 'not there'),
    'step': ('${{ vars.REPORTD_URL }}', '${{ steps.url.outputs.url }}', 'not there'),
    'expression': ('${{ vars.REPORTD_URL }}', '${{ vars.REPORTD_URL', 'has no end'),
    'input': ('persist-credentials: false', 'persist-credential: false', 'persist-credential: unknown'),
    'action': ('actions/upload-artifact@', 'someone/upload-artifact@', 'is not used here'),
    'artifact': ('          name: image\n          path', '          name: images\n          path', 'no job before it'),
    'variable': ('      REGISTRY: ${{ vars.REGISTRY }}\n', '', 'nobody gives $REGISTRY'),
    'no condition': ("    if: github.event_name == 'push' && github.ref_type == 'tag'\n", '', 'that guard it'),
    'no checkout': ('''    steps:
      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2
        with:
          persist-credentials: false
      - name: Build''', '    steps:\n      - name: Build', 'must begin with a checkout'),
    'nothing to do': ('        run: ./run-tests unit integration lint\n', '', 'must have run or uses'),
    'twice': ('    needs: test\n', '    needs: test\n    needs: []\n', 'stands twice'),
}


@pytest.mark.parametrize('name', PLANTED)
def test_a_planted_fault_is_refused(name):
    old, new, message = PLANTED[name]
    assert old in TEXT
    found = workflow.check(TEXT.replace(old, new))
    assert [text for text in found if message in text], found


# ---- its scripts ----

# A container is a process: `run` takes the variables and the program, and forgets the rest.
PODMAN = """#!/bin/bash
set -euo pipefail
verb=$1 program=reportd variables=() detached=
shift
case $verb in
logs) exec cat log ;;
stop) exec kill -TERM "$(<pid)" ;;
esac
while (($# > 0)); do
	case $1 in
	-e) variables+=("$2"); shift ;;
	--entrypoint) program=${2##*/}; shift ;;
	--name) shift ;;
	-d) detached=1 ;;
	reportd) shift; break ;;
	esac
	shift
done
mkdir -p out
run=(env "REPORTD_REPORTD_OUTPUT_ROOT=$PWD/out" "${variables[@]}" "$PROGRAMS/$program" "$@")
[[ -n $detached ]] || exec "${run[@]}"
setsid "${run[@]}" >log 2>&1 &
echo $! >pid
"""

# Answers the calls of the last step, in the order of its script.
AWS = """#!/bin/bash
echo "$*" >>calls
case "$1 $2" in
'cloudformation describe-stacks') echo reportd-scale-Wake-1 ;;
'ecs list-tasks') printf 'arn:1\\tarn:2\\n' ;;
'ecs describe-tasks') echo 10.0.0.7 ;;
esac
"""


def script(job, name):
    step, = (one for one in yamlfile.documents(TEXT)[0]['jobs'][job]['steps']
             if one.get('name') == name)
    return step['run']


def run_script(text, folder, programs, **variables):
    """Runs a script as the runner does, in a checkout, with stand-ins {name: text}."""
    (folder / 'bin').mkdir()
    for name, program in programs.items():
        (folder / 'bin' / name).write_text(program)
        (folder / 'bin' / name).chmod(0o755)
    for name in 'scripts', 'deploy':
        (folder / name).symlink_to(ROOT / name)
    return subprocess.run(
        ['bash', '--noprofile', '--norc', '-eo', 'pipefail', '-c', text], cwd=folder,
        capture_output=True, text=True,
        env=environ(PATH=f'{folder}/bin:{os.environ["PATH"]}', PROGRAMS=BIN, **variables))


def test_the_image_is_tried_against_a_database(tmp_path, wait_for):
    text = script('image', 'Try it')
    for port in '5433', '8080':
        assert port in text
        text = text.replace(port, str(free_port()))
    try:
        done = run_script(text, tmp_path, {'podman': PODMAN})
        assert done.returncode == 0, done.stdout + done.stderr
        assert 'is ready' in done.stdout
        pid = int((tmp_path / 'pid').read_text())
        wait_for(lambda: not os.path.exists(f'/proc/{pid}'))
    finally:
        if (tmp_path / 'pid').exists():
            try:
                os.kill(int((tmp_path / 'pid').read_text()), signal.SIGKILL)
            except ProcessLookupError:
                pass
        subprocess.run([ROOT / 'scripts/cluster', 'remove', tmp_path / 'db'], check=True)


def test_a_mended_weakness_ends_the_workflow(tmp_path):
    for number, (listed, status) in enumerate((('', 0), ('CVE-2026-1 libx (fixed)', 1))):
        folder = tmp_path / str(number)
        folder.mkdir()
        done = run_script(script('image', 'Scan it for known weaknesses'), folder, {
            'sudo': '#!/bin/sh\n', 'debsecan': f'#!/bin/sh\nprintf "%s" "{listed}"\n'})
        assert done.returncode == status, done.stderr


def test_the_task_that_was_woken_is_asked(tmp_path):
    smoke = '#!/bin/sh\necho "$@" >asked\n'
    text = script('deploy', 'Wake a task, and ask it whether it is ready')
    for number, (url, asked) in enumerate((('', 'http://10.0.0.7:8080 300\n'),
                                           ('https://reports.example', 'https://reports.example 300\n'))):
        folder = tmp_path / str(number)
        folder.mkdir()
        done = run_script(text.replace('deploy/smoke-test', 'smoke'), folder,
                          {'aws': AWS, 'smoke': smoke}, STACK='reportd', REPORTD_URL=url)
        assert done.returncode == 0, done.stderr
        assert (folder / 'asked').read_text() == asked
        calls = (folder / 'calls').read_text().splitlines()
        assert calls[1].startswith('lambda invoke --function-name reportd-scale-Wake-1 ')
        for service, name, *words in (shlex.split(call) for call in calls):
            waiting = name == 'wait'
            options = awscommand.options_of(words[waiting:])
            if waiting:
                awscommand.wait(service, words[0], options)
            else:
                awscommand.arguments(service, name, options)
        assert 'ecs wait tasks-running --cluster reportd --tasks arn:1 arn:2' in calls


def test_each_stack_is_deployed_with_the_image_that_was_pushed(tmp_path):
    done = run_script(script('deploy', 'Deploy the stacks'), tmp_path, {'aws': AWS},
                      STACK='reportd', IMAGE='registry/reportd@sha256:0')
    assert done.returncode == 0, done.stderr
    calls = (tmp_path / 'calls').read_text().splitlines()
    assert [re.search(r'--stack-name (\S+)', call)[1] for call in calls] == [
        'reportd-storage', 'reportd', 'reportd-scale', 'reportd-monitoring']
    assert [call.endswith('Image=registry/reportd@sha256:0') for call in calls] == [
        False, True, True, False]


# ---- deploy/smoke-test ----

def smoke(url, seconds=1):
    return subprocess.run([ROOT / 'deploy/smoke-test', url, str(seconds)],
                          capture_output=True, text=True)


def test_smoke_test_waits_for_a_daemon_and_knows_that_it_is_ready(db, tmp_path, daemon):
    one = Server(db, tmp_path)
    daemon(one.sections)
    done = smoke(f'http://127.0.0.1:{one.port}', 60)
    assert (done.returncode, done.stderr) == (0, '')
    assert 'is ready' in done.stdout


def test_smoke_test_fails_when_nobody_answers():
    done = smoke('http://127.0.0.1:9')
    assert done.returncode == 1
    assert '/readyz' in done.stderr


@pytest.mark.parametrize('status, body', [(503, '{"status":"ready"}'), (200, 'welcome'),
                                          (200, '{"status":"ok"}')])
def test_smoke_test_fails_on_any_other_answer(status, body):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args):
            pass
    with http.server.HTTPServer(('127.0.0.1', 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        done = smoke(f'http://127.0.0.1:{server.server_address[1]}')
        server.shutdown()
    assert done.returncode == 1
    assert body in done.stderr


def test_smoke_test_says_how_it_is_used():
    done = smoke('127.0.0.1:8080')
    assert done.returncode == 2
    assert 'usage: smoke-test URL' in done.stderr
