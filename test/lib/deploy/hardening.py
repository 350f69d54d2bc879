# SPDX-License-Identifier: MIT
"""What each resource of a template must have beyond what AWS asks for."""

import ipaddress
import json
import re

from lib.deploy import iam, times

# Memory in MiB that Fargate gives with so much CPU: least, most, step.
FARGATE = {'256': (512, 2048, 512), '512': (1024, 4096, 1024), '1024': (2048, 8192, 1024),
           '2048': (4096, 16384, 1024), '4096': (8192, 30720, 1024)}
LOG_OPTIONS = {'awslogs-group', 'awslogs-region', 'awslogs-stream-prefix'}
MORE_LOG_OPTIONS = {'mode', 'max-buffer-size', 'awslogs-multiline-pattern'}
# Metrics, with the dimensions that each of them is kept by. Those without a namespace are
# the program's own, whose namespace is a stack's name.
METRICS = {
    None: {**dict.fromkeys(('Due', 'Running', 'Daemons', 'OldestDueAge', 'TasksStarted',
                            'TaskFailures'), {'Service'}),
           **dict.fromkeys(('Runs', 'Duration'), {'Service', 'Status'})},
    'AWS/Lambda': {'Errors': {'FunctionName'}, 'Invocations': {'FunctionName'}},
    'AWS/RDS': {'CheckpointLag': {'DBInstanceIdentifier'}},
    'AWS/Redshift': dict.fromkeys(('CPUUtilization', 'DatabaseConnections', 'HealthStatus',
                                   'PercentageDiskSpaceUsed'), {'ClusterIdentifier'}),
    'AWS/SQS': {'ApproximateNumberOfMessagesVisible': {'QueueName'}}}
VALUES = {'Service': {'reportd'},
          'Status': {'COMPLETED', 'FAILED', 'CANCELLED', 'RETRY', 'RELEASED'}}
# Classes of S3, each colder than those before it.
CLASSES = ['STANDARD_IA', 'INTELLIGENT_TIERING', 'ONEZONE_IA', 'GLACIER_IR', 'GLACIER',
           'DEEP_ARCHIVE']
# Commands of a query for lines of the log.
COMMANDS = {'SOURCE', 'dedup', 'display', 'fields', 'filter', 'limit', 'parse', 'sort', 'stats'}
PUBLIC = '0.0.0.0/0', '::/0'


def faults_of(name, resource, resources):
    """The faults of one resource, whose conditions are decided, among all."""
    check = CHECKS.get(resource['Type'])
    return list(check(name, resource, resource.get('Properties', {}), resources)) if check else []


def of_type(resources, kind):
    return [one.get('Properties', {}) for one in resources.values() if one['Type'] == kind]


def tls_only(document, wanted):
    """Whether a policy denies everything that does not come by TLS."""
    return any(one.get('Effect') == 'Deny' and one.get('Principal') == '*'
               and one.get('Condition') == {'Bool': {'aws:SecureTransport': 'false'}}
               and all(part in iam.listed(one['Resource']) for part in wanted)
               for one in document['Statement'])


def bucket(name, resource, own, resources):
    if resource.get('DeletionPolicy') != 'Retain' or \
            resource.get('UpdateReplacePolicy') != 'Retain':
        yield 'DeletionPolicy and UpdateReplacePolicy must be Retain: it holds data'
    if 'BucketEncryption' not in own:
        yield 'has no BucketEncryption'
    block = own.get('PublicAccessBlockConfiguration', {})
    if [str(block.get(key)).lower() for key in (
            'BlockPublicAcls', 'BlockPublicPolicy', 'IgnorePublicAcls',
            'RestrictPublicBuckets')] != ['true'] * 4:
        yield 'PublicAccessBlockConfiguration must block in all four ways'
    if own.get('OwnershipControls') != {'Rules': [{'ObjectOwnership': 'BucketOwnerEnforced'}]}:
        yield 'OwnershipControls must be BucketOwnerEnforced'
    if own.get('VersioningConfiguration') != {'Status': 'Enabled'}:
        yield 'must keep versions'
    rules = [rule for rule in own.get('LifecycleConfiguration', {}).get('Rules', [])
             if rule['Status'] == 'Enabled']
    for wanted in 'AbortIncompleteMultipartUpload', 'NoncurrentVersionExpiration':
        if not any(wanted in rule for rule in rules):
            yield f'no rule of its life cycle has {wanted}'
    if not any({'Transitions', 'ExpirationInDays'} & set(rule) for rule in rules):
        yield 'no rule of its life cycle moves or deletes what is old'
    for rule in rules:
        classes = [CLASSES.index(one['StorageClass']) for one in rule.get('Transitions', [])]
        if classes != sorted(classes):
            yield 'moves what is old to a warmer class'
    takes_logs = any(
        one.get('LoggingConfiguration', {}).get('DestinationBucketName') == {'Ref': name}
        for one in of_type(resources, 'AWS::S3::Bucket'))
    if 'LoggingConfiguration' not in own and not takes_logs:
        yield 'has no access log'
    wanted = {'Fn::GetAtt': [name, 'Arn']}, {'Fn::Sub': '${%s.Arn}/*' % name}
    if not any(policy['Bucket'] == {'Ref': name} and tls_only(policy['PolicyDocument'], wanted)
               for policy in of_type(resources, 'AWS::S3::BucketPolicy')):
        yield 'no policy denies what does not come by TLS'


def queue(name, resource, own, resources):
    if str(own.get('SqsManagedSseEnabled')).lower() != 'true' and 'KmsMasterKeyId' not in own:
        yield 'is not encrypted'
    if not any({'Ref': name} in policy['Queues'] and tls_only(
            policy['PolicyDocument'], [{'Fn::GetAtt': [name, 'Arn']}])
            for policy in of_type(resources, 'AWS::SQS::QueuePolicy')):
        yield 'no policy denies what does not come by TLS'


def topic(name, resource, own, resources):
    if not any({'Ref': name} in policy['Topics'] and tls_only(
            policy['PolicyDocument'], [{'Ref': name}])
            for policy in of_type(resources, 'AWS::SNS::TopicPolicy')):
        yield 'no policy denies what does not come by TLS'


def log_group(name, resource, own, resources):
    if 'RetentionInDays' not in own:
        yield 'keeps everything for ever: RetentionInDays is missing'


def repository(name, resource, own, resources):
    if own.get('ImageTagMutability') != 'IMMUTABLE':
        yield 'ImageTagMutability must be IMMUTABLE'
    if str(own.get('ImageScanningConfiguration', {}).get('ScanOnPush')).lower() != 'true':
        yield 'ScanOnPush must be true'
    text = own.get('LifecyclePolicy', {}).get('LifecyclePolicyText')
    rules = json.loads(text).get('rules') if text else None
    if not rules:
        yield 'LifecyclePolicy is missing'
    for rule in rules or []:
        if rule['selection']['countType'] not in ('imageCountMoreThan', 'sinceImagePushed') or \
                not isinstance(rule['rulePriority'], int) or rule['action'] != {'type': 'expire'}:
            yield 'LifecyclePolicy: a rule cannot be read'
    yield from policy_faults(own.get('RepositoryPolicyText'), 'RepositoryPolicyText', True)


def policy_faults(document, at, resource_policy):
    found = []
    if document is not None:
        iam.check_policy(document, at, found, resource_policy)
    return found


def role(name, resource, own, resources):
    if own.get('ManagedPolicyArns'):
        yield 'ManagedPolicyArns are wider than what is needed'
    yield from policy_faults(own['AssumeRolePolicyDocument'], 'AssumeRolePolicyDocument', True)
    for policy in own.get('Policies', []):
        yield from policy_faults(policy['PolicyDocument'], policy['PolicyName'], False)


def managed_policy(name, resource, own, resources):
    yield from policy_faults(own['PolicyDocument'], 'PolicyDocument', False)


def named(value):
    """The resources of a template that a value names."""
    if isinstance(value, dict):
        for key, one in value.items():
            if key == 'Ref':
                yield one
            elif key == 'Fn::GetAtt':
                yield one[0]
            elif key == 'Fn::Sub':
                yield from re.findall(r'\$\{(\w+)[.}]', str(one))
            else:
                yield from named(one)
    elif isinstance(value, list):
        for one in value:
            yield from named(one)


def resource_policy(name, resource, own, resources):
    owners = set(named([own.get(key) for key in ('Bucket', 'Queues', 'Topics')]))
    for statement in own['PolicyDocument'].get('Statement', []):
        if set(named(statement.get('Resource'))) - owners:
            yield 'names another resource than the one it is the policy of'
    yield from policy_faults(own['PolicyDocument'], 'PolicyDocument', True)


def security_group(name, resource, own, resources):
    if 'SecurityGroupEgress' not in own:
        yield 'without SecurityGroupEgress everything may be reached'
    for way in 'SecurityGroupIngress', 'SecurityGroupEgress':
        for rule in own.get(way, []):
            yield from rule_faults(rule, way)


def ingress(name, resource, own, resources):
    yield from rule_faults(own, 'SecurityGroupIngress')


def rule_faults(rule, way):
    if str(rule['IpProtocol']) not in ('tcp', 'udp') or 'FromPort' not in rule:
        yield f'{way}: a rule must name protocol and ports'
    if str(rule.get('FromPort')).isdigit() and str(rule.get('ToPort')).isdigit() and \
            int(rule['FromPort']) > int(rule['ToPort']):
        yield f'{way}: FromPort is above ToPort'
    if isinstance(rule.get('CidrIp'), str):
        try:
            ipaddress.ip_network(rule['CidrIp'])
        except ValueError as e:
            yield f'{way}: {e}'
    everybody = rule.get('CidrIp') in PUBLIC or rule.get('CidrIpv6') in PUBLIC
    if everybody and way == 'SecurityGroupIngress':
        yield f'{way}: everybody may come in'
    if everybody and str(rule.get('FromPort')) + str(rule.get('ToPort')) != '443443':
        yield f'{way}: everywhere is for port 443 alone'


def task_definition(name, resource, own, resources):
    if own.get('NetworkMode') != 'awsvpc' or own.get('RequiresCompatibilities') != ['FARGATE']:
        yield 'must be for FARGATE, with NetworkMode awsvpc'
    for wanted in 'TaskRoleArn', 'ExecutionRoleArn', 'Cpu', 'Memory':
        if wanted not in own:
            yield f'{wanted} is missing'
    least, most, step = FARGATE.get(str(own.get('Cpu')), (1, 0, 1))
    if int(own.get('Memory', 0)) not in range(least, most + 1, step):
        yield f'Fargate has no {own.get("Memory")} MiB with Cpu {own.get("Cpu")}'
    if own.get('TaskRoleArn') == own.get('ExecutionRoleArn'):
        yield 'the task and ECS must have roles of their own'
    volumes = {volume.get('Name') for volume in own.get('Volumes', [])}
    for container in own.get('ContainerDefinitions', []):
        for text in container_faults(container, volumes):
            yield f'container {container["Name"]}: {text}'


def container_faults(own, volumes):
    if str(own.get('ReadonlyRootFilesystem')).lower() != 'true':
        yield 'ReadonlyRootFilesystem must be true'
    if not re.fullmatch(r'[1-9]\d*(:[1-9]\d*)?', str(own.get('User', ''))):
        yield 'User must be a number that is not 0'
    if str(own.get('Essential')).lower() != 'true':
        yield 'Essential must be true, or its task goes on without it'
    if str(own.get('Privileged', False)).lower() != 'false':
        yield 'Privileged must not be on'
    capabilities = own.get('LinuxParameters', {}).get('Capabilities', {})
    if capabilities.get('Drop') != ['ALL'] or capabilities.get('Add'):
        yield 'must drop ALL capabilities and add none'
    stop = own.get('StopTimeout')
    if stop is None or int(stop) > 120:
        yield 'StopTimeout must be there; 120 is the most that Fargate takes'
    else:
        yield from times.stop_faults('StopTimeout', int(stop), {
            one['Name']: one['Value'] for one in own.get('Environment', [])
            if isinstance(one.get('Name'), str) and isinstance(one.get('Value'), str)})
    if own.get('HealthCheck', {}).get('Command', [''])[0] != 'CMD':
        yield 'HealthCheck must have a command that needs no shell (CMD)'
    if own.get('LogConfiguration', {}).get('LogDriver') != 'awslogs':
        yield 'LogConfiguration must be awslogs'
    else:
        values = own['LogConfiguration'].get('Options', {})
        options = set(values)
        if values.get('mode', 'blocking') not in ('blocking', 'non-blocking') or \
                not re.fullmatch(r'\d+[kmg]', str(values.get('max-buffer-size', '1m'))):
            yield 'LogConfiguration: mode or max-buffer-size cannot be read'
        if not LOG_OPTIONS <= options <= LOG_OPTIONS | MORE_LOG_OPTIONS:
            yield 'LogConfiguration: Options must be ' + ', '.join(sorted(LOG_OPTIONS))
    if isinstance(own['Image'], str) and '@sha256:' not in own['Image']:
        yield 'Image must be named by its digest'
    names = [one['Name'] for one in own.get('Environment', []) if 'Name' in one]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f'the variable {name} stands twice'
    for mount in own.get('MountPoints', []):
        if mount.get('SourceVolume') not in volumes:
            yield f'there is no volume {mount.get("SourceVolume")}'


def service(name, resource, own, resources):
    if own.get('AvailabilityZoneRebalancing') != 'DISABLED':
        yield 'AvailabilityZoneRebalancing must be DISABLED, or ECS stops tasks that work'


def function(name, resource, own, resources):
    image = own.get('PackageType', 'Zip') == 'Image'
    if image != ('ImageUri' in own['Code']) or image == ('Handler' in own) \
            or image == ('Runtime' in own):
        yield 'PackageType Image has ImageUri; Zip has Handler, Runtime and code'
    if 'ZipFile' in own['Code']:
        if len(own['Code']['ZipFile']) > 4096:
            yield 'ZipFile holds 4096 characters at most'
        try:
            compile(own['Code']['ZipFile'], name, 'exec')
        except SyntaxError as e:
            yield f'ZipFile: {e}'
        file, _, handler = own['Handler'].partition('.')
        if file != 'index' or f'def {handler}(' not in own['Code']['ZipFile']:
            yield 'Handler must be index. and a function of ZipFile'
    for wanted, least, most in (('Timeout', 1, 900), ('MemorySize', 128, 10240),
                                ('ReservedConcurrentExecutions', 1, 10)):
        if not least <= int(own.get(wanted, 0)) <= most:
            yield f'{wanted} must be {least} to {most}'
    for name_of in own.get('Environment', {}).get('Variables', {}):
        if not re.fullmatch('[A-Za-z][A-Za-z0-9_]+', name_of) or \
                name_of.startswith(('AWS_', 'LAMBDA_', '_')):
            yield f'the variable {name_of} is reserved, or no name'
    if 'LogGroup' not in own.get('LoggingConfig', {}):
        yield 'LoggingConfig.LogGroup is missing: Lambda would make one that nobody removes'
    if not any(one['FunctionName'] == {'Ref': name}
               for one in of_type(resources, 'AWS::Lambda::EventInvokeConfig')):
        yield 'has no EventInvokeConfig: a failed call would be made twice more'


def permission(name, resource, own, resources):
    if own['Principal'] not in iam.SERVICES or own['Action'] not in iam.ACTIONS:
        yield 'Principal or Action is not known'
    if 'SourceArn' not in own:
        yield 'SourceArn is missing: anybody could have that service call the function'


def route(name, resource, own, resources):
    if own.get('AuthorizationType', 'NONE') == 'NONE':
        yield 'AuthorizationType must not be NONE: everybody could start tasks'
    method, _, path = own['RouteKey'].partition(' ')
    if not any(one['Principal'] == 'apigateway.amazonaws.com' and str(
            one.get('SourceArn')).rstrip("'}").endswith(f'/{method}{path}')
            for one in of_type(resources, 'AWS::Lambda::Permission')):
        yield 'no Permission lets the route call the function'


def stage(name, resource, own, resources):
    if 'ThrottlingRateLimit' not in own.get('DefaultRouteSettings', {}):
        yield 'has no limit of calls'


def rate_faults(name, expression):
    if expression != 'rate(1 minute)':
        yield f'{name} must be rate(1 minute): what is due waits for the next call'


def schedule(name, resource, own, resources):
    target = own['Target']
    yield from rate_faults('ScheduleExpression', own['ScheduleExpression'])
    if own['FlexibleTimeWindow']['Mode'] != 'OFF':
        yield 'FlexibleTimeWindow must be OFF'
    if 'DeadLetterConfig' not in target or 'RetryPolicy' not in target:
        yield 'Target must have RetryPolicy and DeadLetterConfig'


def metric(namespace, name, dimensions):
    """The faults of a metric that is asked for. namespace None: that of a stack."""
    if METRICS.get(namespace, {}).get(name) != set(dimensions):
        yield f'there is no metric {name} by {", ".join(sorted(dimensions))}'
    for key, value in dimensions.items():
        if key in VALUES and value not in VALUES[key]:
            yield f'{key} is never {value}'


def shown(widget):
    """(namespace, name, dimensions) of each metric of a widget, written out."""
    row = []
    for one in widget['properties'].get('metrics', []):
        words = [word for word in one if isinstance(word, str)]
        if words[0] == '...':
            row = [*row[:len(row) - len(words) + 1], *words[1:]]
        else:
            row = [row[i] if word == '.' else word for i, word in enumerate(words)]
        yield None if '${' in row[0] else row[0], row[1], dict(zip(row[2::2], row[3::2], strict=True))


def alarm(name, resource, own, resources):
    missing = [wanted for wanted in (
        'TreatMissingData', 'AlarmDescription', 'MetricName', 'Namespace', 'Threshold',
        'ComparisonOperator', 'EvaluationPeriods', 'Statistic', 'Dimensions') if wanted not in own]
    if missing:
        yield ', '.join(missing) + ' missing'
        return
    yield from metric(own['Namespace'] if isinstance(own['Namespace'], str) else None,
                      own['MetricName'],
                      {one['Name']: one['Value'] for one in own['Dimensions']})
    if int(own['EvaluationPeriods']) * int(own.get('Period', 0)) > 86400:
        yield 'looks back for more than a day'
    if not own.get('AlarmActions'):
        yield 'nobody hears of it: AlarmActions is missing'
    if int(own.get('DatapointsToAlarm', 1)) > int(own['EvaluationPeriods']):
        yield 'DatapointsToAlarm is more than EvaluationPeriods'
    period = int(own.get('Period', 0))
    if period not in (10, 20, 30) and (period == 0 or period % 60):
        yield 'Period must be 10, 20, 30 or a multiple of 60'
    # A metric that a dead sender stops must alarm by its silence; a metric that comes only when it
    # fails is well when it is silent.
    less = own['ComparisonOperator'].startswith('LessThan')
    if less and not isinstance(own['Namespace'], str) and own['Statistic'] != 'SampleCount':
        yield 'Statistic must be SampleCount: nothing to do is no fault, and nobody there is one'
    if less and own.get('TreatMissingData') != 'breaching':
        yield 'too few: TreatMissingData must be breaching, as none is too few'
    if not less and own.get('TreatMissingData') not in ('notBreaching', 'ignore'):
        yield 'too many: TreatMissingData must be notBreaching or ignore'


def dashboard(name, resource, own, resources):
    body = own['DashboardBody']
    if isinstance(body, dict):
        body = body.get('Fn::Sub', body)
        body = body[0] if isinstance(body, list) else body
    try:
        widgets = json.loads(body)['widgets']
    except (TypeError, ValueError, KeyError) as e:
        yield f'DashboardBody is not JSON with widgets: {e}'
        return
    for one in widgets:
        for text in widget_faults(one, widgets):
            yield f'the widget {one.get("properties", {}).get("title")!r} {text}'
        if set(one) != {'type', 'x', 'y', 'width', 'height', 'properties'} or \
                one['x'] + one['width'] > 24:
            yield f'a widget {one.get("properties", {}).get("title")!r} has not its place'
        elif one['type'] == 'metric' and not one['properties'].get('metrics'):
            yield f'the widget {one["properties"].get("title")!r} shows nothing'
        for wanted in shown(one):
            yield from metric(*wanted)


def widget_faults(one, widgets):
    own = one['properties']
    if one['type'] not in ('metric', 'log', 'text') or own.get('view', 'table') not in (
            'bar', 'pie', 'singleValue', 'table', 'timeSeries'):
        yield 'has no known type or view'
    if own.get('region') != '${AWS::Region}':
        yield 'is of another region'
    words = [command.split()[0] for command in own.get('query', 'SOURCE').split('|')]
    if set(words) - COMMANDS:
        yield 'asks by unknown commands'
    stats = [own.get('stat', 'Sum'), *(part['stat'] for metric in own.get('metrics', [])
                                       for part in metric if isinstance(part, dict)
                                       and 'stat' in part)]
    if not all(re.fullmatch(r'SampleCount|Average|Sum|Minimum|Maximum|p(\d\d?(\.\d+)?|100)', stat)
               for stat in stats):
        yield 'has an unknown statistic'
    if any(other is not one and other['x'] < one['x'] + one['width']
           and one['x'] < other['x'] + other['width'] and other['y'] < one['y'] + one['height']
           and one['y'] < other['y'] + other['height'] for other in widgets):
        yield 'lies on another one'


CHECKS = {
    'AWS::ApiGatewayV2::Route': route,
    'AWS::ApiGatewayV2::Stage': stage,
    'AWS::CloudWatch::Alarm': alarm,
    'AWS::CloudWatch::Dashboard': dashboard,
    'AWS::EC2::SecurityGroup': security_group,
    'AWS::EC2::SecurityGroupIngress': ingress,
    'AWS::ECR::Repository': repository,
    'AWS::ECS::Service': service,
    'AWS::ECS::TaskDefinition': task_definition,
    'AWS::IAM::ManagedPolicy': managed_policy,
    'AWS::IAM::Role': role,
    'AWS::Lambda::Function': function,
    'AWS::Lambda::Permission': permission,
    'AWS::Logs::LogGroup': log_group,
    'AWS::S3::Bucket': bucket,
    'AWS::S3::BucketPolicy': resource_policy,
    'AWS::SNS::Topic': topic,
    'AWS::SNS::TopicPolicy': resource_policy,
    'AWS::SQS::Queue': queue,
    'AWS::SQS::QueuePolicy': resource_policy,
    'AWS::Scheduler::Schedule': schedule,
}
