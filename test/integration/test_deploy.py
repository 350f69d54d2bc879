# SPDX-License-Identifier: MIT
"""What the deployment files say of reportd is so: settings, commands, times, memory, rights,
metrics, SQL, and what the manual says of them."""

import json
import re
import subprocess
import sys

import psycopg
import pytest
from lib.deploy import hardening, hcl, iam, times, yamlfile
from lib.deploy.cloudformation import Template
from lib.deploy.evaluate import Stack
from lib.deploy.files import GIVEN, manifests, read_manifests
from lib.deploy.kubernetes import pod_of
from lib.deploy.settings import Settings
from lib.paths import REPORTCTL, REPORTD, ROOT, environ

from test_docs import known_settings, section, table_rows

pytestmark = pytest.mark.shipped

TEMPLATES = {path.stem: Template(path.read_text())
             for path in (ROOT / 'deploy/cloudformation').glob('*.yaml')}
WORKFLOW = (ROOT / '.github/workflows/deploy.yml').read_text()
README = (ROOT / 'deploy/README.md').read_text()
PAGE = (ROOT / 'docs/deployment.md').read_text()
SECRET = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:%s-AbCdEf'
DATABASE = 'host=db.example dbname=reports'
NEEDED = {
    'daemon': {'Image': 'registry/reportd@sha256:' + '0' * 64, 'Vpc': 'vpc-1',
               'DatabaseSecurityGroup': 'sg-1', 'QueueConninfo': DATABASE,
               'QueueSecretArn': SECRET % 'queue', 'ReaderConninfo': DATABASE,
               'ReaderSecretArn': SECRET % 'reader'},
    'scale': {'Image': 'registry/reportd@sha256:' + '0' * 64, 'Subnets': ['subnet-1', 'subnet-2'],
              'QueueConninfo': DATABASE, 'QueueSecretArn': SECRET % 'queue'}}
ALL = {'WarehouseConninfo': 'host=dwh.example port=5439 dbname=sales',
       'WarehouseSecretArn': SECRET % 'warehouse', 'WarehouseSecurityGroup': 'sg-2',
       'HttpConninfo': DATABASE, 'HttpSecretArn': SECRET % 'http', 'SecretsKeyArn': 'arn:aws:kms:x',
       'AlarmEmail': 'ops@example.com'}


def task(more=()):
    stack = Stack(TEMPLATES['daemon'], {**NEEDED['daemon'], **dict(more)})
    assert stack.missing() == []
    return stack.properties('TaskDefinition')


def task_settings(more=()):
    container, = task(more)['ContainerDefinitions']
    return {one['Name']: one['Value'] for one in container['Environment']}


def function(name):
    return Stack(TEMPLATES['scale'], NEEDED['scale']).properties(name)


def pods(way):
    """(pod, its container, its settings) of each workload."""
    documents = read_manifests(manifests(ROOT, way))
    data, = (one['data'] for one in documents if one['kind'] == 'ConfigMap')
    for one in documents:
        if one['kind'] in ('Deployment', 'ScaledJob'):
            pod = pod_of(one)[0]['spec']
            container, = pod['containers']
            yield pod, container, {**data, **{variable['name']: variable['value']
                                              for variable in container.get('env', [])}}


def workflow_settings():
    return dict(re.findall(r'"?(REPORTD_(?!URL)[A-Z_]+)=([^"\n\\]*)', WORKFLOW))


def terraform(value, name=''):
    """A value of the sample with its names filled in."""
    samples = {'conninfo': DATABASE, 'arn': SECRET % 'queue', 'subnets': 'subnet-1,subnet-2',
               'id': 'sg-1', 'max_tasks': '10', 'bucket': 'company-reports'}
    if isinstance(value, hcl.Name):
        last = value.parts[-1]
        return samples.get(last, samples.get(last.rpartition('_')[2], 'reportd'))
    if isinstance(value, hcl.Call):
        return terraform(value.arguments[1])
    if isinstance(value, hcl.Text):
        return ''.join(one if isinstance(one, str) else terraform(one) for one in value.parts)
    return value


def terraform_settings():
    """Of the task and of the scaler."""
    blocks = [block for path in (ROOT / 'deploy/terraform').glob('*.tf')
              for block in hcl.parse(path.read_text()).blocks]
    container, = (block.attributes['container'] for block in blocks
                  if 'container' in block.attributes)
    scaler, = (block for block in blocks if block.labels[:1] == ['aws_lambda_function'])
    return ({one['name']: terraform(one['value']) for one in container['environment']},
            {name: terraform(one) for name, one in
             scaler.of('environment')[0].attributes['variables'].items()})


SETTINGS = {
    'task': task_settings(), 'task with all': task_settings(ALL),
    'scaler': function('Scaler')['Environment']['Variables'],
    'wake-up': function('Wake')['Environment']['Variables'],
    **{way: settings for way in ('daemon', 'keda') for _, _, settings in pods(way)},
    'workflow': workflow_settings(),
    **dict(zip(('terraform task', 'terraform scaler'), terraform_settings()))}


def keys_of(settings):
    """(section, key) of each variable that is a setting."""
    sections = {name for name, _ in known_settings()}
    for name in settings:
        if not name.startswith('REPORTD_'):
            continue
        words = name.removeprefix('REPORTD_').lower().split('_')
        own = words[2:] if words[0] in ('source', 'target') else words[1:]
        assert words[0] in sections, name
        yield words[0], '_'.join(own)


@pytest.mark.parametrize('which', SETTINGS)
def test_variables_are_settings_of_the_program(which):
    found = set(keys_of(SETTINGS[which]))
    assert len(found) >= 3
    assert found <= set(known_settings())


@pytest.mark.parametrize('which', ['task', 'task with all', 'scaler', 'daemon', 'keda',
                                   'terraform task', 'terraform scaler'])
def test_the_program_takes_these_settings(which):
    more = {'REPORTD_REPORTD_OUTPUT': 's3://company-reports/{request_id}.{ext}'} \
        if which.endswith('scaler') else {}
    done = subprocess.run([REPORTD, '--check-config'], capture_output=True, text=True,
                          env=environ(**SETTINGS[which], **more))
    assert done.returncode == 0, done.stderr


def test_a_wrong_setting_would_be_found():
    wrong = {**SETTINGS['task'], 'REPORTD_REPORTD_WORKER_MEMORY': '64'}
    done = subprocess.run([REPORTD, '--check-config'], capture_output=True, text=True,
                          env=environ(**wrong))
    assert done.returncode == 3
    with pytest.raises(AssertionError):
        list(keys_of({'REPORTD_SCALING_MAX': '1'}))


def test_the_check_knows_the_settings_that_the_program_knows():
    known = {}
    for name, key in known_settings():
        known.setdefault(name, set()).add(key)
    found = Settings(ROOT).keys
    for own in 'source', 'target':  # one table for both
        assert known.pop(own) <= found.pop(own)
    assert found == known


# ---- times and memory ----

def test_a_daemon_ends_before_it_is_killed():
    for name, value in times.DEFAULTS.items():
        section, _, key = name.removeprefix('REPORTD_').lower().partition('_')
        assert known_settings()[section, key] == value, name
    assert times.stop_takes({}) == 55
    container, = task()['ContainerDefinitions']
    assert times.stop_takes(SETTINGS['task']) < container['StopTimeout'] <= 120
    for way in 'daemon', 'keda':
        for pod, _, settings in pods(way):
            assert times.stop_takes(settings) < pod['terminationGracePeriodSeconds']
    job = Template((ROOT / 'deploy/kubernetes/keda/scaledjob.yaml').read_text()).body
    longest = times.seconds({}, 'REPORTD_REPORTD_JOB_TIMEOUT')
    assert job['spec']['jobTargetRef']['activeDeadlineSeconds'] > longest


def test_terraform_says_what_cloudformation_says():
    task, scaler = SETTINGS['terraform task'], SETTINGS['terraform scaler']
    own = {'REPORTD_REPORTD_OUTPUT', 'REPORTD_INPUTS_BUCKETS', 'REPORTD_SNS_TOPICS'}
    for name, value in SETTINGS['task'].items():
        if name not in own and 'CONNINFO' not in name and 'SECRET' not in name:
            assert task[name] == value, name
    assert set(SETTINGS['task']) - set(task) == own - {'REPORTD_REPORTD_OUTPUT'}
    assert set(scaler) <= set(SETTINGS['scaler'])


def test_the_size_is_the_one_that_was_measured():
    size, = (row[1] for row in table_rows(section(README, "The daemon's task"))
             if row[0] == 'size')
    assert size.startswith('0.5 vCPU and 1 GiB ')
    measured = dict(re.findall(r'`(REPORTD_\w+)=(\w+)`', size))
    assert set(measured) == {'REPORTD_REPORTD_WORKERS', 'REPORTD_REPORTD_WORKER_MEMORY'}
    assert (task()['Cpu'], task()['Memory']) == ('512', '1024')
    for way in 'daemon', 'keda':
        for _, container, _ in pods(way):
            assert container['resources']['requests'] == {'cpu': '500m', 'memory': '1Gi'}
    for which in 'task', 'terraform task', 'daemon', 'keda':
        for name, value in measured.items():
            assert SETTINGS[which][name] == value


# ---- commands ----

def test_commands_exist():
    usage = subprocess.run([REPORTD, '--help'], capture_output=True, text=True).stdout
    commands = subprocess.run([REPORTCTL, '--help'], capture_output=True, text=True).stdout
    container, = task()['ContainerDefinitions']
    lines = [container['Command'], *(one.get('args', []) for way in ('daemon', 'keda')
                                     for _, one, _ in pods(way))]
    for word in (word for line in lines for word in line if word.startswith('--')):
        assert re.search(rf'{word}\b', usage), word
    scaler = function('Scaler')['ImageConfig']
    for program, *words in (container['HealthCheck']['Command'][1:],
                            scaler['EntryPoint'] + scaler['Command']):
        assert program == '/usr/bin/reportctl'
        assert re.search(rf'^  {words[0]} ', commands, re.M)


def test_the_user_is_that_of_the_image():
    image = (ROOT / 'deploy/Containerfile').read_text()
    user = re.search(r'^USER (\S+)$', image, re.M)[1]
    volumes = re.search(r'^VOLUME (.*)$', image, re.M)[1].split()
    container, = task()['ContainerDefinitions']
    assert container['User'] == user
    for mount in container['MountPoints']:
        assert mount['ContainerPath'] in volumes
    for way in 'daemon', 'keda':
        for pod, _, _ in pods(way):
            context = pod['securityContext']
            assert f'{context["runAsUser"]}:{context["runAsGroup"]}' == user


# ---- rights ----

def test_rights_are_those_that_the_manual_asks_for():
    manual = README + ''.join((ROOT / 'docs' / name).read_text() for name in (
        'credentials.md', 's3.md', 'redshift.md', 'inputs.md'))
    # Names of ECS and Lambda themselves.
    own = re.compile(r'ecr:|logs:|ec2:|sqs:SendMessage|s3:DeleteObject')

    def actions(value):
        if isinstance(value, dict):
            if value.get('Effect') == 'Allow' and 'Principal' not in value:
                found = value['Action']
                yield from [found] if isinstance(found, str) else found
            for one in value.values():
                yield from actions(one)
        elif isinstance(value, list):
            for one in value:
                yield from actions(one)
    found = {action for one in TEMPLATES.values() for action in actions(one.resources)}
    assert {'ecs:RunTask', 's3:PutObject', 'secretsmanager:GetSecretValue'} <= found
    assert {one for one in found if f'`{one}`' not in manual and f'"{one}"' not in manual
            and not own.match(one)} == set()


RIGHTS = {
    'ExecutionRole': 'ecr:BatchCheckLayerAvailability ecr:BatchGetImage ecr:GetAuthorizationToken '
                     'ecr:GetDownloadUrlForLayer logs:CreateLogStream logs:PutLogEvents',
    'TaskRole': 'kms:Decrypt s3:AbortMultipartUpload s3:DeleteObject s3:GetObject s3:ListBucket '
                's3:ListBucketMultipartUploads s3:ListMultipartUploadParts s3:PutObject '
                'secretsmanager:GetSecretValue sns:GetTopicAttributes sns:Publish',
    'StartTasks': 'ecs:DescribeTasks ecs:ListTasks ecs:RunTask iam:PassRole',
    'ScalerRole': 'ec2:AssignPrivateIpAddresses ec2:CreateNetworkInterface '
                  'ec2:DeleteNetworkInterface ec2:DescribeNetworkInterfaces ec2:DescribeSubnets '
                  'ec2:UnassignPrivateIpAddresses kms:Decrypt logs:CreateLogStream '
                  'logs:PutLogEvents secretsmanager:GetSecretValue',
    'WakeRole': 'logs:CreateLogStream logs:PutLogEvents',
    'SchedulerRole': 'lambda:InvokeFunction sqs:SendMessage',
    'DatabaseRole': 'lambda:InvokeFunction'}


def test_each_role_has_these_rights_and_no_other():
    found = {}
    for one in TEMPLATES.values():
        for name, resource in one.resources.items():
            if not resource['Type'].startswith('AWS::IAM::'):
                continue
            own = resource['Properties']
            for policy in [own['PolicyDocument']] if 'PolicyDocument' in own else [
                    policy['PolicyDocument'] for policy in own['Policies']]:
                for statement in (inner for part in policy['Statement']
                                  for inner in iam.alternatives(part)):
                    if statement['Effect'] == 'Allow':
                        found.setdefault(name, set()).update(iam.listed(statement['Action']))
    assert found == {name: set(actions.split()) for name, actions in RIGHTS.items()}
    start = TEMPLATES['scale'].resources['StartTasks']['Properties']['Roles']
    assert start == [{'Ref': 'ScalerRole'}, {'Ref': 'WakeRole'}]


# ---- metrics ----

def test_alarms_and_dashboard_show_metrics_that_there_are():
    rows = table_rows(section(README, 'Metrics'))
    metrics = {name for row in rows for name in re.findall(r'`(\w+)`', row[0])}
    statuses = set(re.findall(r'`([A-Z]+)`', section(README, 'Metrics').split('`Status` is')[1]
                              .split('Alarms')[0]))
    assert metrics == set(hardening.METRICS[None]) and statuses == hardening.VALUES['Status']
    stack = Stack(TEMPLATES['monitoring'], {})
    for name, one in TEMPLATES['monitoring'].resources.items():
        own = stack.properties(name)
        if one['Type'] == 'AWS::CloudWatch::Alarm' and own['Namespace'] == 'reportd':
            dimensions = {part['Name']: part['Value'] for part in own['Dimensions']}
            assert own['MetricName'] in metrics
            assert dimensions.pop('Service') == 'reportd'
            assert set(dimensions) <= {'Status'} and set(dimensions.values()) <= statuses
    widgets = json.loads(stack.properties('Dashboard')['DashboardBody'])['widgets']
    assert {'Duration', 'Runs', 'Due', 'TasksStarted', 'CheckpointLag', 'CPUUtilization'} <= {
        name for widget in widgets for _, name, _ in hardening.shown(widget)}


def test_the_scaler_sends_the_metric_whose_absence_is_an_alarm():
    alarm = Stack(TEMPLATES['monitoring'], {}).properties('NobodyLooks')
    assert SETTINGS['scaler']['REPORTD_REPORTD_LOG_METRICS'] == alarm['Namespace']
    assert SETTINGS['task']['REPORTD_REPORTD_LOG_METRICS'] == alarm['Namespace']
    assert function('Schedule')['ScheduleExpression'] == 'rate(1 minute)'


def test_the_dashboard_asks_for_lines_of_the_log():
    body = Stack(TEMPLATES['monitoring'], {}).properties('Dashboard')['DashboardBody']
    lines = re.findall(r"'([a-z ]+)'", re.search(r'filter msg in \[(.*?)\]', body)[1])
    page = section((ROOT / 'docs/operations.md').read_text(), 'The log')
    assert len(lines) == 3
    for line in lines:
        assert f'`{line}`' in page


# ---- SQL ----

def test_the_login_of_keda_may_ask_its_query_and_nothing_else(db, submit):
    page = section((ROOT / 'docs/scaling.md').read_text(), 'Other schedulers')
    trigger = Template((ROOT / 'deploy/kubernetes/keda/scaledjob.yaml').read_text()).body[
        'spec']['triggers'][0]['metadata']
    role = trigger['userName']
    try:
        db.execute(re.search(r'```sql\n(.*?)```', page, re.S)[1])
        submit(db)
        with psycopg.connect(f'{db.conninfo} user={role}', autocommit=True) as conn:
            assert conn.execute(trigger['query']).fetchone()[0] == 1
            for sql in ('select * from reportd.report_config', 'select * from reportd.report_run',
                        "select reportd.submit('x', 'select 1')"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    conn.execute(sql)
    finally:
        db.execute(f'drop owned by {role} cascade; drop role {role}')


# ---- the manual ----

def test_the_index_names_every_file():
    index = README.split('## ')[0]
    for path in (ROOT / 'deploy').iterdir():
        if path.name != 'README.md':
            assert f'`{path.name}`' in index, path.name


def test_the_page_deploys_stacks_by_parameters_that_there_are():
    commands = re.findall(r'aws cloudformation deploy (.*?)(?=\n *```|\n *\$ )',
                          PAGE.replace('\\\n', ' '), re.S)
    deployed = {}
    for command in commands:
        stem = re.search(r'deploy/cloudformation/(\w+)\.yaml', command)[1]
        deployed[stem] = set(re.findall(r'"?\b([A-Z]\w+)=', command.split('--parameter-overrides')[-1])) \
            if '--parameter-overrides' in command else set()
        needed = {name for name, one in TEMPLATES[stem].parameters.items() if 'Default' not in one}
        assert needed <= deployed[stem] <= set(TEMPLATES[stem].parameters), stem
        iam = any(one['Type'].startswith('AWS::IAM') for one in TEMPLATES[stem].resources.values())
        assert iam == ('CAPABILITY_IAM' in command)
    assert deployed.keys() == TEMPLATES.keys()
    stacks = dict(re.findall(r'--stack-name (\S+) +--template-file deploy/cloudformation/(\w+)',
                             PAGE.replace('\\\n', ' ')))
    assert stacks == {'reportd-storage': 'storage', 'reportd': 'daemon', 'reportd-scale': 'scale',
                      'reportd-monitoring': 'monitoring'}
    for stem, parameter in (('scale', 'DaemonStack'), ('daemon', 'StorageStack'),
                            ('monitoring', 'ScaleStack')):
        assert stacks[TEMPLATES[stem].parameters[parameter]['Default']] in (
            'daemon', 'storage', 'scale')


def test_the_page_names_what_there_is():
    words = set(re.findall(r'`([A-Z][A-Za-z]+)`', PAGE))
    known = {name for one in TEMPLATES.values()
             for part in (one.parameters, one.resources, one.outputs) for name in part}
    assert words - {'REGISTRY', 'REPOSITORY', 'STACK'} <= known
    alarms = {name for name, one in TEMPLATES['monitoring'].resources.items()
              if one['Type'] == 'AWS::CloudWatch::Alarm'}
    assert alarms <= words


def test_the_page_names_files_and_secrets_that_there_are():
    for path in re.findall(r'\b((?:deploy|\.github|test)/[\w./-]+\w)', PAGE):
        assert (ROOT / path).exists(), path
    for name in re.findall(r'apply -k (\S+)', PAGE):
        assert (ROOT / name / 'kustomization.yaml').exists()
    assert {('Secret', name) for name in re.findall(r'create secret generic (\S+)', PAGE)} == GIVEN
    logins = re.search(r'with the sections (.*?)\.\n', PAGE)[1]
    services = {value.removeprefix('service=') for way in ('daemon', 'keda')
                for _, _, settings in pods(way) for value in settings.values()
                if value.startswith('service=')}
    assert services == set(re.findall(r'`(\w+)`', logins))


def test_the_page_has_the_variables_of_the_workflow():
    used = set(re.findall(r'\bvars\.([A-Z_]+)', WORKFLOW))
    listed = {name for row in table_rows(section(PAGE, 'By a workflow'))
              for name in re.findall(r'`([A-Z_]+)`', row[0])}
    assert used == listed


def test_life_cycles_are_those_of_the_manual():
    stack = Stack(TEMPLATES['storage'], {})
    for bucket in 'Reports', 'Landing':
        rules = stack.properties(bucket)['LifecycleConfiguration']['Rules']
        assert [(one['StorageClass'], one['TransitionInDays']) for one in rules[0]['Transitions']] \
            == [('STANDARD_IA', 30), ('GLACIER_IR', 90)]
        assert rules[1]['AbortIncompleteMultipartUpload'] == {'DaysAfterInitiation': 7}
        assert rules[1]['NoncurrentVersionExpiration'] == {'NoncurrentDays': 7}
    logs = stack.properties('AccessLogs')['LifecycleConfiguration']['Rules']
    assert logs[0]['ExpirationInDays'] == 90
    for days in 'after 30 days', 'after 90', 'after 7 days':
        assert days in PAGE


# ---- the command ----

def test_the_command_checks_a_whole_tree(tmp_path):
    command = [sys.executable, ROOT / 'test/deploy']
    assert subprocess.run(command, capture_output=True, text=True).stdout == ''
    (tmp_path / 'common').symlink_to(ROOT / 'common')
    for path in ('deploy', '.github'):
        subprocess.run(['cp', '-r', ROOT / path, tmp_path / path], check=True)
    for path, old, new in (('deploy/cloudformation/daemon.yaml', 'StopTimeout', 'StopTimeOut'),
                           ('deploy/kubernetes/keda/scaledjob.yaml', 'gradual', 'immediate'),
                           ('.github/workflows/deploy.yml', '# v4.2.2', ''),
                           ('deploy/kubernetes/common/settings.yaml', 'S3_PART_SIZE', 'S3_PARTSIZE'),
                           ('deploy/cloudformation/scale.yaml', 'SCALE_PER_TASK', 'SCALE_PER_Task'),
                           ('deploy/terraform/scale.tf', 'REPORTD_SCALE_MAX', 'REPORTD_SCALE_MOST')):
        file = tmp_path / path
        file.write_text(file.read_text().replace(old, new))
    done = subprocess.run([*command, tmp_path], capture_output=True, text=True)
    assert done.returncode == 1
    for text in ('StopTimeOut: unknown', 'rollout.strategy must be gradual', 'names its version',
                 'REPORTD_S3_PARTSIZE: [s3] has no such key',
                 'REPORTD_SCALE_PER_Task: capitals alone are read',
                 'scale.tf: REPORTD_SCALE_MOST: [scale] has no such key'):
        assert text in done.stdout


def test_what_is_not_yaml_1_2_is_text():
    assert yamlfile.documents("on: [yes, 2012-10-17, true]") == [{'on': ['yes', '2012-10-17', True]}]
