# SPDX-License-Identifier: MIT
"""A Lambda that starts the first task of reportd; README.md has its settings and rights."""

import os
import time

import boto3

LATELY = 60  # seconds in which a task that runs gets ready to work


def handler(event, context):
    env = {name.removeprefix('REPORTD_SCALE_'): value for name, value in os.environ.items()
           if name.startswith('REPORTD_SCALE_')}
    words = {name: env.get(name, '').replace(',', ' ').split()
             for name in ('SUBNETS', 'SECURITY_GROUPS')}
    family = env['TASK_DEFINITION'].rpartition('/')[2].partition(':')[0]
    ecs = boto3.client('ecs')
    tasks = ecs.list_tasks(cluster=env['CLUSTER'], family=family)['taskArns']
    if tasks and event.get('daemons') == 0:  # those that have long been running do not count
        tasks = [t for t in ecs.describe_tasks(cluster=env['CLUSTER'], tasks=tasks)['tasks']
                 if 'startedAt' not in t or t['startedAt'].timestamp() > time.time() - LATELY]
    if tasks:
        return {'message': 'a task is there'}
    how = {'capacityProviderStrategy': [{'capacityProvider': env['CAPACITY_PROVIDER']}]} \
        if env.get('CAPACITY_PROVIDER') else {'launchType': 'FARGATE'}
    made = ecs.run_task(
        cluster=env['CLUSTER'], taskDefinition=env['TASK_DEFINITION'], count=1,
        startedBy='reportd', clientToken=f'wake-{family[:40]}-{int(time.time()) // 60}',
        networkConfiguration={'awsvpcConfiguration': {
            'subnets': words['SUBNETS'], 'securityGroups': words['SECURITY_GROUPS'],
            'assignPublicIp': 'ENABLED' if env.get('PUBLIC_IP') == 'on' else 'DISABLED'}}, **how)
    if made['failures'] or not made['tasks']:
        raise RuntimeError(f'ECS has started no task: {made["failures"]}')
    return {'message': 'a task starts'}
