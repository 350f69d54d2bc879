# SPDX-License-Identifier: MIT
"""The part of ECS that starts and lists tasks, for lib.awsserver.Aws."""

import re
import time
import uuid

import botocore.loaders


class Loader(botocore.loaders.Loader):
    """Adds what older models of botocore lack and Lambda's have: RunTask's clientToken."""

    def load_service_model(self, service_name, type_name, api_version=None):
        model = super().load_service_model(service_name, type_name, api_version)
        if (service_name, type_name) == ('ecs', 'service-2'):
            model['shapes']['RunTaskRequest']['members'].setdefault(
                'clientToken', {'shape': 'String', 'idempotencyToken': True})
        return model


def register(session):
    """Makes a session of botocore use that loader."""
    session.register_component('data_loader', Loader())
    return session


class Ecs:
    """State and operations. `ecs.run(arn)` makes a task run, `ecs.stop(arn)` ends it."""

    cluster, family = 'reports', 'reportd'
    subnets, groups = ('subnet-1a', 'subnet-1b'), ('sg-1',)

    def __init__(self, refusal, region, account):
        self.refusal, self.region, self.account = refusal, region, account
        self.tasks = {}        # ARN: dict as DescribeTasks has it
        self.tokens = {}       # clientToken: (arguments, ARNs)
        self.requests = []     # arguments of RunTask that started something
        self.room = 100        # tasks that there is capacity for
        self.unseen = set()    # ARNs that ListTasks does not show yet
        self.lag = False       # whether new tasks are unseen

    def settings(self, **more):
        """The section [scale] of the settings for it."""
        return {'scale': {'cluster': self.cluster, 'task_definition': self.family,
                          'subnets': ', '.join(self.subnets), 'security_groups': 'sg-1',
                          **more}}

    def environ(self):
        return {'REPORTD_SCALE_' + key.upper(): value
                for key, value in self.settings()['scale'].items()}

    def run(self, arn, ago=0):
        self.tasks[arn].update(lastStatus='RUNNING', startedAt=time.time() - ago)

    def stop(self, arn):
        self.tasks[arn].update(lastStatus='STOPPED', desiredStatus='STOPPED')

    def add(self, status='PROVISIONING'):
        arn = (f'arn:aws:ecs:{self.region}:{self.account}:task/{self.cluster}/'
               f'{uuid.uuid4().hex}')
        self.tasks[arn] = {
            'taskArn': arn, 'lastStatus': status, 'desiredStatus': 'RUNNING',
            'clusterArn': f'arn:aws:ecs:{self.region}:{self.account}:cluster/{self.cluster}',
            'taskDefinitionArn': f'arn:aws:ecs:{self.region}:{self.account}:task-definition/'
                                 f'{self.family}:7',
            'createdAt': time.time()}
        if self.lag:
            self.unseen.add(arn)
        return arn

    def check_cluster(self, args):
        if args.get('cluster', 'default').rpartition('/')[2] != self.cluster:
            raise self.refusal(400, 'ClusterNotFoundException', 'Cluster not found.')

    def refuse_unless(self, good, message):
        if not good:
            raise self.refusal(400, 'InvalidParameterException', message)

    def list_tasks(self, args):
        self.check_cluster(args)
        self.refuse_unless('startedBy' not in args or not set(args) - {'cluster', 'startedBy'},
                           'startedBy must be the only filter')
        self.refuse_unless(1 <= args.get('maxResults', 100) <= 100, 'maxResults')
        status = args.get('desiredStatus', 'RUNNING')
        found = [arn for arn, task in self.tasks.items()
                 if task['desiredStatus'] == status and arn not in self.unseen
                 and args.get('family', self.family) == self.family]
        first = int(args.get('nextToken', '0'))
        last = first + min(args.get('maxResults', 100), 3)  # short pages, as AWS may send
        return {'taskArns': found[first:last],
                **({'nextToken': str(last)} if last < len(found) else {})}

    def describe_tasks(self, args):
        self.check_cluster(args)
        self.refuse_unless(1 <= len(args['tasks']) <= 100, 'Tasks cannot be empty.')
        return {'tasks': [self.tasks[arn] for arn in args['tasks'] if arn in self.tasks],
                'failures': [{'arn': arn, 'reason': 'MISSING'} for arn in args['tasks']
                             if arn not in self.tasks]}

    def check_run(self, args):
        self.check_cluster(args)
        self.refuse_unless(1 <= args.get('count', 1) <= 10, 'count must be between 1 and 10')
        self.refuse_unless(re.fullmatch('[!-~]{1,64}', args.get('clientToken', 'x')),
                           'clientToken')
        self.refuse_unless(re.fullmatch(r'[\w/-]{1,128}', args.get('startedBy', 'x')),
                           'startedBy')
        self.refuse_unless('launchType' not in args or 'capacityProviderStrategy' not in args,
                           'launchType and capacityProviderStrategy exclude each other')
        family = args['taskDefinition'].rpartition('/')[2].partition(':')[0]
        if family != self.family:
            raise self.refusal(400, 'ClientException', 'TaskDefinition not found.')
        network = args.get('networkConfiguration', {}).get('awsvpcConfiguration')
        self.refuse_unless(network, 'Network Configuration must be provided')
        self.refuse_unless(network['subnets'] and set(network['subnets']) <= set(self.subnets),
                           'The subnet ID does not exist')
        self.refuse_unless(set(network.get('securityGroups', ())) <= set(self.groups),
                           'The security group does not exist')

    def run_task(self, args):
        self.check_run(args)
        token = args.get('clientToken')
        if token in self.tokens:
            before, arns = self.tokens[token]
            if before != args:
                raise self.refusal(400, 'ConflictException',
                                   'The client token was used with other parameters')
            return {'tasks': [self.tasks[arn] for arn in arns], 'failures': []}
        active = sum(task['desiredStatus'] == 'RUNNING' for task in self.tasks.values())
        count = min(args.get('count', 1), max(self.room - active, 0))
        arns = [self.add() for _ in range(count)]
        if token:
            self.tokens[token] = args, arns
        self.requests.append(args)
        return {'tasks': [self.tasks[arn] for arn in arns],
                'failures': [{'reason': 'Capacity is unavailable at this time. Please try again '
                                        'later or in a different availability zone'}
                             ] * (args.get('count', 1) - count)}
