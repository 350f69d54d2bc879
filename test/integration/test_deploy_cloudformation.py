# SPDX-License-Identifier: MIT
"""The templates of deploy/cloudformation are sound, and the check refuses what is not."""

import json
import subprocess

import pytest
from lib import npm
from lib.deploy import cloudformation
from lib.deploy.cloudformation import Template, check_together
from lib.paths import ROOT, environ

pytestmark = pytest.mark.shipped

FOLDER = ROOT / 'deploy/cloudformation'
TEXTS = {path.stem: path.read_text() for path in sorted(FOLDER.glob('*.yaml'))}


def faults(changed=None):
    return check_together({stem: Template(text) for stem, text in
                           {**TEXTS, **(changed or {})}.items()})


def test_templates_are_sound():
    assert set(TEXTS) == {'storage', 'daemon', 'scale', 'monitoring'}
    assert faults() == []


# Template, what stands there, what takes its place, and what is said of it.
PLANTED = {
    # Properties and resources that do not exist.
    'property': ('daemon', 'StopTimeout: 120', 'StopTimeOut: 120', 'StopTimeOut: unknown'),
    'nested property': ('storage', 'SSEAlgorithm: AES256', 'SSEAlgoritm: AES256', 'SSEAlgoritm: unknown'),
    'missing property': ('scale', '      Role: !GetAtt WakeRole.Arn\n', '', 'Role is missing'),
    'type': ('scale', 'AWS::SQS::Queue\n', 'AWS::SQS::Que\n', 'its Type is unknown'),
    'Ref': ('daemon', '!Ref TaskLog\n', '!Ref TasksLog\n', 'there is no TasksLog'),
    'GetAtt': ('scale', '!GetAtt Scaler.Arn', '!GetAtt Scaller.Arn', 'there is no Scaller'),
    'attribute': ('scale', '!GetAtt DeadLetters.QueueName', '!GetAtt DeadLetters.Name', 'has no attribute Name'),
    'Sub': ('scale', 'log-group:${WakeLog}:*', 'log-group:${WakesLog}:*', 'there is no WakesLog'),
    'no Sub': ('scale', "TriggerUrl:\n    Value: !Sub '", "TriggerUrl:\n    Value: '", 'has ${...} without Sub'),
    'value of Sub': ('scale', '- Cluster: {', '- Clusters: {', 'Sub does not use Clusters'),
    'DependsOn': ('scale', 'DependsOn: StartTasks', 'DependsOn: StartTask', 'there is no StartTask'),
    'condition': ('daemon', 'Condition: HasWarehouse', 'Condition: HasWarehouses', 'there is no condition'),
    'import': ('scale', '${DaemonStack}-SecurityGroup', '${DaemonStack}-Group', 'daemon.yaml exports no Group'),
    'conditional': ('daemon', '    Value: !Ref Topic\n', '    Value: !Ref TopicMail\n', 'is there only if HasAlarmEmail'),
    'circle': ('scale', '    Type: AWS::SQS::Queue\n', '    Type: AWS::SQS::Queue\n    DependsOn: DeadLettersPolicy\n', 'waits for itself'),
    'function': ('daemon', '!If [HasHttp, !Ref HttpSecretArn,', '!Iff [HasHttp, !Ref HttpSecretArn,', 'Fn::Iff is unknown'),
    'unused parameter': ('scale', 'CAPACITY_PROVIDER: !Ref CapacityProvider', 'CAPACITY_PROVIDER: FARGATE', 'that nothing uses'),
    'alias': ('storage', '    Properties:\n      BucketEncryption:\n', '    Properties:\n      BucketEncryption: &e\n', 'knows no aliases'),
    'list': ('scale', 'SubnetIds: !Ref Subnets', 'SubnetIds: !Ref DaemonStack', 'gives no list'),
    'boolean': ('scale', 'SqsManagedSseEnabled: true', 'SqsManagedSseEnabled: maybe', 'is not a boolean'),
    'number': ('daemon', 'StopTimeout: 120', 'StopTimeout: 2min', 'is not a count'),
    'word': ('daemon', 'NetworkMode: awsvpc', 'NetworkMode: aws', 'is not one of'),
    'default': ('daemon', 'Default: 30\n', 'Default: 31\n', 'not one of AllowedValues'),
    'section': ('storage', 'Outputs:\n', 'Output:\n', 'no section'),
    'twice': ('daemon', '          Essential: true\n', '          Essential: true\n          Essential: false\n', 'stands twice'),
    'no YAML': ('daemon', 'Resources:\n', 'Resources:\n\t', 'YAML: '),
    'version': ('daemon', "'2010-09-09'", "'2012-10-17'", 'AWSTemplateFormatVersion: must be'),
    'name': ('scale', '  WakeLog:\n', '  Wake-Log:\n', 'a name has letters and digits'),
    'parameter': ('daemon', 'Type: AWS::EC2::VPC::Id', 'Type: AWS::EC2::VPC::ID', 'is not one of String'),
    'wrong kind': ('scale', '{Arn: !GetAtt DeadLetters.Arn}', '{Arn: !GetAtt Scaler.Arn}', 'Scaler is no AWS::SQS::Queue'),
    'negative': ('scale', 'ThrottlingBurstLimit: 10', 'ThrottlingBurstLimit: -10', 'is not a count'),
    'rate': ('scale', 'rate(1 minute)', 'rate(1 minutes)', 'is not as'),
    'runtime': ('scale', 'python3.13', 'python3', 'is not as'),
    'join': ('scale', "SUBNETS: !Join [',', !Ref Subnets]", "SUBNETS: !Join [',']", 'Join wants'),
    # Rights.
    'unknown action': ('daemon', 's3:PutObject, s3:GetObject, s3:Ab', 's3:PutObjects, s3:GetObject, s3:Ab', 'is no known action'),
    'unknown service': ('daemon', 'Principal: {Service: ecs-tasks.', 'Principal: {Service: ecs-task.', 'is no known service'),
    'wrong role': ('scale', 'Role: !GetAtt WakeRole.Arn', 'Role: !GetAtt SchedulerRole.Arn', 'does not trust lambda'),
    'any action': ('scale', 'Action: ecs:RunTask', 'Action: ecs:*', 'must be one action'),
    'any resource': ('scale', 'Resource: !GetAtt Wake.Arn', "Resource: '*'", 'name what it is allowed on'),
    'any ARN': ('scale', ':log-group:${WakeLog}:*', ':*', 'name what it is allowed on'),
    'everything but': ('daemon', 'Action: ecr:GetAuthorizationToken', 'NotAction: ecr:GetAuthorizationToken', 'NotAction: unknown'),
    'pass any role to anybody': ('scale', '''            Condition:
              StringEquals: {iam:PassedToService: ecs-tasks.amazonaws.com}
''', '', 'needs a condition on iam:PassedToService'),
    'list any cluster': ('scale', '''            Action: ecs:ListTasks
            Resource: '*'
            Condition:''', '''            Action: ecs:ListTasks
            Resource: '*'
          - Effect: Allow
            Action: ecs:StopTask
            Resource: !Ref Image
            Condition:''', 'ecs:ListTasks needs a condition on ecs:cluster'),
    'deputy': ('scale', '''              StringEquals: {aws:SourceAccount: !Ref AWS::AccountId}
              ArnEquals: {aws:SourceArn: !GetAtt ScheduleGroup.Arn}
''', "              Bool: {aws:SecureTransport: 'true'}\n", 'serves other accounts'),
    'anybody': ('storage', 'Principal: {Service: logging.s3.amazonaws.com}', "Principal: '*'", 'must name a service'),
    'managed policy': ('scale', '  WakeRole:\n    Type: AWS::IAM::Role\n    Properties:\n', '''  WakeRole:
    Type: AWS::IAM::Role
    Properties:
      ManagedPolicyArns: ['arn:aws:iam::aws:policy/AdministratorAccess']
''', 'wider than what is needed'),
    # Secrets.
    'password': ('daemon', '{Name: REPORTD_QUEUE_TIMEOUT, Value: 15s}', '{Name: REPORTD_SMTP_PASSWORD, Value: sesame}', 'holds a secret'),
    'password in conninfo': ('scale', 'REPORTD_QUEUE_CONNINFO: !Ref QueueConninfo', 'REPORTD_QUEUE_CONNINFO: host=db password=sesame', 'holds a secret'),
    'access key': ('scale', 'REPORTD_REPORTD_LOG_FORMAT: json', 'REPORTD_REPORTD_LOG_FORMAT: AKIAIOSFODNN7EXAMPLE', 'holds a secret'),
    # Properties that a resource must have.
    'root': ('daemon', "User: '10001:10001'", "User: '0'", 'User must be a number that is not 0'),
    'writable root': ('daemon', 'ReadonlyRootFilesystem: true', 'ReadonlyRootFilesystem: false', 'must be true'),
    'killed as it stops': ('daemon', 'StopTimeout: 120', 'StopTimeout: 30', 'together 115 s'),
    'slow to stop': ('daemon', 'SHUTDOWN_GRACE, Value: 90s', 'SHUTDOWN_GRACE, Value: 2min', 'together 145 s'),
    'seldom': ('scale', 'rate(1 minute)', 'rate(5 minutes)', 'must be rate(1 minute)'),
    'stop': ('daemon', 'StopTimeout: 120', 'StopTimeout: 600', 'the most that Fargate takes'),
    'shell': ('daemon', '[CMD, /usr/bin/reportctl, status]', "[CMD-SHELL, reportctl status]", 'needs no shell'),
    'capabilities': ('daemon', 'Drop: [ALL]', 'Drop: [NET_RAW]', 'must drop ALL'),
    'memory': ('daemon', "Memory: '1024'", "Memory: '512'", 'Fargate has no 512 MiB'),
    'log option': ('daemon', 'awslogs-region:', 'awslog-region:', 'Options must be'),
    'network': ('daemon', 'CidrIp: 0.0.0.0/0', 'CidrIp: 10.0.0.1/8', 'has host bits set'),
    'ports': ('daemon', 'FromPort: 443', 'FromPort: 4430', 'FromPort is above ToPort'),
    'time of a function': ('scale', 'Timeout: 30\n', 'Timeout: 3000\n', 'Timeout must be 1 to 900'),
    'open port': ('daemon', 'CidrIp: !Ref HttpClients', 'CidrIp: 0.0.0.0/0', 'everybody may come in'),
    'public bucket': ('storage', 'RestrictPublicBuckets: true', 'RestrictPublicBuckets: false', 'must block in all four ways'),
    'plain bucket': ('storage', '''      BucketEncryption:
        ServerSideEncryptionConfiguration:
          - ServerSideEncryptionByDefault: {SSEAlgorithm: AES256}
''', '', 'has no BucketEncryption'),
    'no access log': ('storage', '''      LoggingConfiguration:
        DestinationBucketName: !Ref AccessLogs
        LogFilePrefix: landing/
''', '', 'Landing: has no access log'),
    'no TLS': ('storage', "Resource: [!GetAtt Landing.Arn, !Sub '${Landing.Arn}/*']", 'Resource: [!GetAtt Landing.Arn]', 'does not come by TLS'),
    'no life cycle': ('storage', 'AbortIncompleteMultipartUpload: {DaysAfterInitiation: !Ref SweepAfter}', 'ExpirationInDays: 400', 'no rule of its life cycle has'),
    'deleted data': ('storage', '    DeletionPolicy: Retain\n', '', 'must be Retain'),
    'log for ever': ('scale', '      RetentionInDays: !Ref LogDays\n', '      KmsKeyId: !Ref SecretsKeyArn\n', 'RetentionInDays is missing'),
    'unsigned trigger': ('scale', 'AuthorizationType: AWS_IAM', 'AuthorizationType: NONE', 'everybody could start tasks'),
    'silent alarm': ('monitoring', 'TreatMissingData: breaching', 'TreatMissingData: notBreaching', 'none is too few'),
    'deaf alarm': ('monitoring', "TreatMissingData: ignore\n      AlarmActions: [{'Fn::ImportValue': !Sub '${DaemonStack}-TopicArn'}]\n", 'TreatMissingData: ignore\n', 'nobody hears of it'),
    'dashboard': ('monitoring', '{"widgets": [', '{"widgets": ,[', 'is not JSON'),
    'metric of Redshift': ('monitoring', '"CPUUtilization"', '"CpuUtilization"', 'there is no metric CpuUtilization by ClusterIdentifier'),
    'metric of RDS': ('monitoring', '"DBInstanceIdentifier"', '"DBInstance"', 'there is no metric CheckpointLag by DBInstance'),
    'metric of its own': ('monitoring', '[".", "Running", ".", "."]', '[".", "Runing", ".", "."]', 'there is no metric Runing by Service'),
    'status that is not': ('monitoring', '["...", "RETRY"]', '["...", "RETRIED"]', 'Status is never RETRIED'),
    'retries': ('scale', 'DeadLetterConfig: {Arn: !GetAtt DeadLetters.Arn}', 'Input: "{}"', 'RetryPolicy and DeadLetterConfig'),
    'mutable tags': ('storage', 'ImageTagMutability: IMMUTABLE', 'ImageTagMutability: MUTABLE', 'must be IMMUTABLE'),
    # Values that AWS refuses only when the stack is made, or never.
    'range': ('daemon', 'Interval: 30\n', 'Interval: 3\n', '3 is not a 5..300'),
    'default out of range': ('daemon', 'Default: 5432', 'Default: 543200', "may be 543200, which is not a port"),
    'one of the allowed': ('scale', '7, 14, 30, 90', '7, 14, 31, 90', 'LogDays may be 31'),
    'limits': ('scale', 'MinValue: 1\n    MaxValue: 10', 'MinValue: 10\n    MaxValue: 1', 'not from MinValue to MaxValue'),
    'pattern': ('daemon', '[0-9a-f]{64}', '[0-9a-f{64}', 'AllowedPattern: '),
    'name for an ARN': ('daemon', '!GetAtt TaskRole.Arn\n      Runtime', '!Ref TaskRole\n      Runtime', 'Ref of TaskRole is its name'),
    'list in a list': ('scale', 'SubnetIds: !Ref Subnets', 'SubnetIds: [!Ref Subnets]', 'Subnets is a list'),
    'YAML 1.1': ('scale', "Mode: 'OFF'", 'Mode: OFF', 'true or false to CloudFormation'),
    'text of Sub': ('scale', 'integrations/${', 'integration/${', "'integration/x' is not as"),
    'no permission': ('scale', "/*/POST/trigger'", "/*/POST/triggers'", 'no Permission lets the route'),
    'no topic': ('monitoring', '${DaemonStack}-TopicArn', '${DaemonStack}-TaskLog', 'TaskLog of daemon.yaml is no AWS::SNS::Topic'),
    'address of an alarm': ('monitoring', "AlarmActions: [{'Fn::ImportValue': !Sub '${DaemonStack}-TopicArn'}]", 'AlarmActions: [ops@example.com]', "'ops@example.com' is not as"),
    'reserved variable': ('scale', 'REPORTD_SCALE_MAX:', 'AWS_REGION:', 'AWS_REGION is reserved'),
    'goes on without': ('daemon', 'Essential: true', 'Essential: false', 'Essential must be true'),
    'value of a log option': ('daemon', 'mode: non-blocking', 'mode: nonblocking', 'mode or max-buffer-size'),
    'pass to others': ('scale', 'PassedToService: ecs-tasks.', 'PassedToService: ec2.', 'is no known service'),
    'anywhere but here': ('scale', 'ArnEquals:\n                ecs:cluster', 'ArnNotEquals:\n                ecs:cluster', 'ArnNotEquals is unknown'),
    'no ARN': ('daemon', '- !Ref ReaderSecretArn\n', '- !Ref ReaderConninfo\n', 'ReaderConninfo is no ARN'),
    'policy of another': ('storage', "Resource: !Sub '${AccessLogs.Arn}/*'", "Resource: !Sub '${Reports.Arn}/*'", 'than the one it is the policy of'),
    'warmer': ('storage', 'STANDARD_IA', 'DEEP_ARCHIVE', 'warmer class'),
    'images for ever': ('storage', 'imageCountMoreThan', 'imageCountMoreThen', 'a rule cannot be read'),
    'alarm at rest': ('monitoring', 'Statistic: SampleCount', 'Statistic: Sum', 'must be SampleCount'),
    'widgets': ('monitoring', '"x": 12, "y": 0', '"x": 6, "y": 0', 'lies on another one'),
    'statistic': ('monitoring', '"stat": "p50"', '"stat": "p500"', 'unknown statistic'),
    'query': ('monitoring', '| sort @', '| order @', 'unknown commands'),
    'broken function': ('scale', '          def handler(event, context):', '          def handler(event, context)', 'ZipFile: '),
}


@pytest.mark.parametrize('name', PLANTED)
def test_a_planted_fault_is_refused(name):
    stem, old, new, message = PLANTED[name]
    assert old in TEXTS[stem]
    found = faults({stem: TEXTS[stem].replace(old, new)})
    assert [text for text in found if message in text], found


def test_the_function_in_the_template_is_the_file():
    body = Template(TEXTS['scale']).resources['Wake']['Properties']['Code']['ZipFile']
    assert body == (ROOT / 'deploy/wake.py').read_text()


# AWS's own description of its resource types, reduced to the names of cloudformation.yaml.
COMPARE = '''
const db = require('@aws-cdk/aws-service-spec').loadAwsServiceSpecSync();
const table = JSON.parse(require('fs').readFileSync(0));
const faults = [], scalar = { string: 1, count: 1, port: 1, number: 1, boolean: 1 };
const range = /^\\d+\\.\\.\\d+$/, kinds = type => type.type === 'union' ? type.types.flatMap(kinds) : [type];
function compare(shape, type, at) {
	if (shape === 'any') return;
	const given = kinds(type), one = given.find(k =>
		Array.isArray(shape) ? k.type === 'array' : typeof shape === 'object' ?
		k.type === 'ref' || k.type === 'map' || k.type === 'tag' :
		range.test(shape) ? k.type === 'integer' || k.type === 'number' : scalar[shape] ? k.type === (shape === 'count' || shape === 'port' ? 'integer' : shape) || (shape === 'number' && k.type === 'integer') :
		k.type === 'string' || (/^[0-9 |]+$/.test(shape) && k.type === 'integer'));
	if (!one) return faults.push(`${at}: ${JSON.stringify(shape)} is ${given.map(k => k.type)}`);
	if (Array.isArray(shape)) compare(shape[0], one.element, at);
	else if (one.type === 'map') compare(shape['*'], one.element, at);
	else if (typeof shape === 'object')
		members(shape, db.get('typeDefinition', one.reference.$ref).properties, at);
}
function members(shape, spec, at) {
	for (const [key, inner] of Object.entries(shape)) {
		const name = key.replace(/!$/, '');
		if (!spec[name]) faults.push(`${at}.${name}: unknown`);
		else {
			compare(inner, spec[name].type, `${at}.${name}`);
		}
	}
	for (const [name, one] of Object.entries(spec))
		if (one.required && !((name + '!') in shape)) faults.push(`${at}.${name}: required`);
}
for (const [name, one] of Object.entries(table)) {
	const [spec] = [...db.lookup('resource', 'cloudFormationType', 'equals', name)];
	if (!spec) { faults.push(`${name}: unknown`); continue; }
	members(one.properties, spec.properties, name);
	for (const attribute of one.attributes)
		if (!spec.attributes[attribute]) faults.push(`${name}: no attribute ${attribute}`);
}
console.log(JSON.stringify(faults));
'''


@pytest.mark.skipif(not npm.available(), reason='there is no npm here')
def test_the_table_of_types_agrees_with_that_of_aws():
    modules = npm.install('@aws-cdk/aws-service-spec@0.1.216')
    done = subprocess.run(['node', '-e', COMPARE], input=json.dumps(cloudformation.TYPES),
                          capture_output=True, text=True, check=True,
                          env=environ(NODE_PATH=modules))
    assert json.loads(done.stdout) == []
