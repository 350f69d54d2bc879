# SPDX-License-Identifier: MIT
"""Checks policies of IAM: each statement names what it allows, and on what."""

import re

# Every action that may be allowed, so that a misspelt one is found. Add what is new.
ACTIONS = {f'{service}:{name}' for service, names in {
    'ec2': 'AssignPrivateIpAddresses CreateNetworkInterface DeleteNetworkInterface '
           'DescribeNetworkInterfaces DescribeSubnets UnassignPrivateIpAddresses',
    'ecr': 'BatchCheckLayerAvailability BatchGetImage GetAuthorizationToken GetDownloadUrlForLayer',
    'ecs': 'DescribeTasks ListTasks RunTask StopTask UpdateService',
    'execute-api': 'Invoke',
    'iam': 'PassRole',
    'kms': 'Decrypt GenerateDataKey',
    'lambda': 'InvokeFunction',
    'logs': 'CreateLogStream PutLogEvents',
    'redshift': 'GetClusterCredentials GetClusterCredentialsWithIAM',
    'redshift-serverless': 'GetCredentials',
    's3': 'AbortMultipartUpload DeleteObject GetObject ListBucket ListBucketMultipartUploads '
          'ListMultipartUploadParts PutObject PutObjectTagging',
    'secretsmanager': 'GetSecretValue',
    'sns': 'GetTopicAttributes Publish',
    'sqs': 'SendMessage',
    'sts': 'AssumeRole',
}.items() for name in names.split()}
SERVICES = {name + '.amazonaws.com' for name in (
    'apigateway', 'cloudwatch', 'ecs-tasks', 'lambda', 'logging.s3', 'rds', 'scheduler')}
# Actions that have no resource of their own; None, or the key of the condition that says
# of what they are to be allowed nevertheless.
NO_RESOURCE = {
    'ecr:GetAuthorizationToken': None,
    'ec2:DescribeNetworkInterfaces': None,
    'ec2:DescribeSubnets': None,
    # Lambda refuses a role that has them on less than everything.
    'ec2:CreateNetworkInterface': None,
    'ec2:DeleteNetworkInterface': None,
    'ec2:AssignPrivateIpAddresses': None,
    'ec2:UnassignPrivateIpAddresses': None,
    'ecs:ListTasks': 'ecs:cluster',
}
# Actions that let whoever has them reach further than their resource says: the condition
# that holds them to it.
BOUND = {
    'iam:PassRole': 'iam:PassedToService',
    'ecs:RunTask': 'ecs:cluster',
    'ecs:DescribeTasks': 'ecs:cluster',
    'kms:Decrypt': 'kms:ViaService',
}
# Services that act for other accounts as well: who may use a role must say for which.
DEPUTIES = {'ecs-tasks.amazonaws.com', 'scheduler.amazonaws.com', 'rds.amazonaws.com',
            'cloudwatch.amazonaws.com', 'logging.s3.amazonaws.com'}
STATEMENT = {'Sid', 'Effect', 'Principal', 'Action', 'Resource', 'Condition'}
KEYS = {'aws:SecureTransport', 'aws:SourceAccount', 'aws:SourceArn', 'ecs:cluster',
        'iam:PassedToService', 'kms:ViaService', 'lambda:SourceFunctionArn'}
FUNCTIONS = {'Ref', 'Fn::GetAtt', 'Fn::Sub', 'Fn::ImportValue', 'Fn::If'}
OPERATORS = {'StringEquals', 'StringLike', 'StringNotEquals', 'ArnEquals', 'ArnLike', 'Bool',
             'IpAddress', 'NumericLessThan', 'Null'}


def listed(value):
    return value if isinstance(value, list) else [value]


def condition_keys(statement):
    return {key for operator in statement.get('Condition', {}).values() for key in operator}


def is_text(value):
    """Whether a value is a text, or a function that gives one."""
    return isinstance(value, str) and value != '' or (
        isinstance(value, dict) and len(value) == 1 and next(iter(value)) in FUNCTIONS)


def check_condition(condition, at, faults):
    if not isinstance(condition, dict) or not condition:
        faults.append(f'{at}.Condition: must be an object that says something')
        return
    for operator, own in condition.items():
        if operator not in OPERATORS or not isinstance(own, dict) or not own:
            faults.append(f'{at}.Condition: {operator} is unknown, or empty')
            continue
        for key, value in own.items():
            if key not in KEYS:
                faults.append(f'{at}.Condition: {key} is no known key')
            if key == 'iam:PassedToService' and not set(map(str, listed(value))) <= SERVICES:
                faults.append(f'{at}.Condition: {value} is no known service')
            if not listed(value) or not all(map(is_text, listed(value))):
                faults.append(f'{at}.Condition.{key}: must be a text')


def broad(resource):
    """Whether a resource says nothing: `*`, or an ARN whose own part is `*`."""
    text = resource.get('Fn::Sub') if isinstance(resource, dict) else resource
    text = text[0] if isinstance(text, list) else text
    text = re.sub(r'\$\{[^}]*\}', 'x', text) if isinstance(text, str) else ''
    return text == '*' or bool(re.fullmatch(r'arn:[^:]*:[^:]*:[^:]*:[^:]*:\*(/\*)?', text))


def check_policy(document, at, faults, resource_policy=False):
    """`resource_policy`: of a bucket, a topic, a queue, a repository, or of who may use a
    role; its statements have a principal."""
    if not isinstance(document, dict) or document.get('Version') != '2012-10-17':
        faults.append(f"{at}: Version must be '2012-10-17'")
        return
    statements = document.get('Statement')
    if not isinstance(statements, list) or not statements:
        faults.append(f'{at}: Statement must be a list with statements')
        return
    for number, statement in enumerate(statements):
        for one in alternatives(statement):
            check_statement(one, f'{at}.Statement[{number}]', faults, resource_policy)


def alternatives(statement):
    """The statement, or those between which If chooses."""
    if isinstance(statement, dict) and set(statement) == {'Fn::If'}:
        return [one for one in statement['Fn::If'][1:] if one != {'Ref': 'AWS::NoValue'}]
    return [statement]


def check_statement(statement, at, faults, resource_policy):
    if not isinstance(statement, dict):
        faults.append(f'{at}: must be an object')
        return
    for name in set(statement) - STATEMENT:
        faults.append(f'{at}.{name}: unknown, or allows what it does not name')
    if statement.get('Effect') not in ('Allow', 'Deny'):
        faults.append(f'{at}: Effect must be Allow or Deny')
    before = len(faults)
    if 'Condition' in statement:
        check_condition(statement['Condition'], at, faults)
    for key in 'Action', 'Resource':
        if key in statement and not all(map(is_text, listed(statement[key]))):
            faults.append(f'{at}.{key}: must be a text, or several')
    if len(faults) > before:
        return
    actions = listed(statement.get('Action', []))
    if not actions:
        faults.append(f'{at}: Action is missing')
    if resource_policy != ('Principal' in statement):
        faults.append(f'{at}: a policy of a role has no Principal, one of a resource has')
    for action in actions if statement.get('Effect') == 'Deny' else ():
        if action not in ACTIONS and not re.fullmatch(r'[a-z0-9-]+:\*', str(action)):
            faults.append(f'{at}: {action!r} is no known action')
    if statement.get('Effect') == 'Allow':
        check_allowed(statement, actions, at, faults, resource_policy)


def check_allowed(statement, actions, at, faults, resource_policy):
    keys = condition_keys(statement)
    for action in actions:
        if not isinstance(action, str) or '*' in action:
            faults.append(f'{at}: {action!r} must be one action by its name')
        elif action not in ACTIONS:
            faults.append(f'{at}: {action!r} is no known action')
        elif action in BOUND and BOUND[action] not in keys:
            faults.append(f'{at}: {action} needs a condition on {BOUND[action]}')
    resources = listed(statement.get('Resource', []))
    for one in resources:
        if isinstance(one, dict) and not str(one.get('Ref', 'Arn')).endswith(('Arn', 'Topic')):
            faults.append(f'{at}: {one["Ref"]} is no ARN')
        if isinstance(one, str) and one != '*' and not one.startswith(('arn:', '${')):
            faults.append(f'{at}: {one} is no ARN')
    if not resources and not resource_policy:
        faults.append(f'{at}: Resource is missing')
    if any(broad(one) for one in resources):
        for action in actions:
            if action not in NO_RESOURCE:
                faults.append(f'{at}: {action} on {resources}: name what it is allowed on')
            elif NO_RESOURCE[action] and NO_RESOURCE[action] not in keys:
                faults.append(f'{at}: {action} needs a condition on {NO_RESOURCE[action]}')
    if resource_policy:
        check_principal(statement, keys, at, faults)


def check_principal(statement, keys, at, faults):
    principal = statement.get('Principal')
    if not isinstance(principal, dict) or not principal or \
            set(principal) - {'Service', 'AWS', 'Federated'}:
        faults.append(f'{at}: Principal must name a service or an account')
        return
    for one in (one for value in principal.values() for one in listed(value)):
        if one == '*':
            faults.append(f'{at}: Principal must not be everybody')
        elif 'Service' in principal and one not in SERVICES:
            faults.append(f'{at}: {one} is no known service')
        if one in DEPUTIES and not keys & {'aws:SourceAccount', 'aws:SourceArn'}:
            faults.append(f'{at}: {one} serves other accounts, too: add a condition on '
                          'aws:SourceAccount or aws:SourceArn')
