# SPDX-License-Identifier: MIT
"""A stand-in for the command `aws`, for scripts: it takes the calls that botocore's models
know, with their options, required values and waiters, and answers them from a file. It
reads the models itself: a script makes many calls, and botocore takes long to load.

    AWSCOMMAND_STATE=FILE awscommand.py SERVICE OPERATION [--OPTION VALUE...]

The state is JSON: what there is, and in `calls` what was asked for."""

import gzip
import importlib.util
import json
import os
import pathlib
import re
import sys

import jmespath

GLOBAL = {'--query', '--output', '--max-items', '--region'}


class Refusal(Exception):
    pass


def options_of(words):
    """{option: [values]}."""
    found, values = {}, []
    for word in words:
        if word.startswith('--'):
            found[word] = values = []
        else:
            values.append(word)
    return found


def dashed(name):
    """Such as `upload-id` of UploadId."""
    return re.sub('(?<=[a-z0-9])(?=[A-Z])', '-', name).lower()


def model(service, kind):
    """The newest model of a service: its operations or its waiters."""
    folder = pathlib.Path(importlib.util.find_spec('botocore').origin).parent / 'data' / service
    path = sorted(folder.glob(f'*/{kind}.json*'))[-1]
    data = path.read_bytes()
    return json.loads(gzip.decompress(data) if path.suffix == '.gz' else data)


def arguments(service, name, options):
    """The arguments of an operation by their names in its model."""
    own = model(service, 'service-2')
    known = {dashed(one): one for one in own['operations']}
    if name not in known:
        raise Refusal(f'Invalid choice: {service} {name}')
    operation = own['operations'][known[name]]
    shape = own['shapes'][operation['input']['shape']] if 'input' in operation else {}
    members = {'--' + dashed(one): one for one in shape.get('members', {})}
    for option in set(options) - set(members) - GLOBAL:
        raise Refusal(f'Unknown options: {option}')
    given = {members[option]: values for option, values in options.items() if option in members}
    for required in shape.get('required', []):
        if required not in given:
            raise Refusal(f'the following arguments are required: {required}')
    return {key: values if own['shapes'][shape['members'][key]['shape']]['type'] == 'list'
            else (values or [True])[0] for key, values in given.items()}


def wait(service, name, options):
    for one, waiter in model(service, 'waiters-2')['waiters'].items():
        if dashed(one) == name:
            return arguments(service, dashed(waiter['operation']), options)
    raise Refusal(f'Invalid choice: {service} wait {name}')


class Account:
    """Its services, as far as a clean-up meets them."""

    def __init__(self, state):
        self.state = state

    def sts_get_caller_identity(self, args, options):
        return {'Account': '123456789012'}

    def resourcegroupstaggingapi_get_resources(self, args, options):
        wanted = args['TagFilters'][0]
        key, _, values = wanted.partition(',Values=')
        stacks = values.split(',')
        kinds = args['ResourceTypeFilters']
        return {'ResourceTagMappingList': [
            {'ResourceARN': one['arn']} for one in self.state['resources']
            if key == 'Key=aws:cloudformation:stack-name' and one['stack'] in stacks
            and any(self.is_kind(one['arn'], kind) for kind in kinds)]}

    @staticmethod
    def is_kind(arn, kind):
        service, _, resource = kind.partition(':')
        parts = arn.split(':', 5)
        return parts[2] == service and parts[5].startswith(resource)

    def cloudformation_describe_stacks(self, args, options):
        return {'Stacks': [{'StackName': name} for name in self.state['stacks']]}

    def cloudformation_delete_stack(self, args, options):
        name = args['StackName']
        others = [other for other, imports in self.state['stacks'].items() if name in imports]
        if others:
            raise Refusal(f'ValidationError: {name} has exports that {others} use')
        if self.state['tasks'] and any(
                one['stack'] == name and ':cluster/' in one['arn']
                for one in self.state['resources']):
            raise Refusal('ClusterContainsTasksException')
        self.state['stacks'].pop(name)
        # Buckets and repositories are kept by their DeletionPolicy.
        self.state['resources'] = [
            one for one in self.state['resources'] if one['stack'] != name
            or any(kind in one['arn'] for kind in (':s3:', ':ecr:')) or one.get('stays')]

    def ecs_list_tasks(self, args, options):
        return {'taskArns': self.state['tasks']}

    def ecs_stop_task(self, args, options):
        if self.state['stacks'].get('reportd-scale') is not None:
            raise Refusal('a task that is stopped now is started again')
        self.state['tasks'].remove(args['task'])
        return {'task': {}}

    def bucket(self, args):
        if args['Bucket'] not in self.state['buckets']:
            raise Refusal('An error occurred (NoSuchBucket)')
        return self.state['buckets'][args['Bucket']]

    def s3api_list_multipart_uploads(self, args, options):
        uploads = self.bucket(args)['uploads']
        return {'Uploads': [{'Key': key, 'UploadId': one} for key, one in uploads]} \
            if uploads else {}

    def s3api_abort_multipart_upload(self, args, options):
        self.bucket(args)['uploads'].remove([args['Key'], args['UploadId']])

    def s3api_list_object_versions(self, args, options):
        most = int(options['--max-items'][0])
        found = {}
        for kind, key, version in self.bucket(args)['versions'][:most]:
            found.setdefault(kind, []).append({'Key': key, 'VersionId': version})
        return found

    def s3api_delete_objects(self, args, options):
        wanted = json.loads(pathlib.Path(args['Delete'].removeprefix('file://')).read_text())
        if not 1 <= len(wanted['Objects']) <= 1000:
            raise Refusal('An error occurred (MalformedXML)')
        bucket, denied = self.bucket(args), self.state.get('denied', [])
        gone = {(one['Key'], one['VersionId']) for one in wanted['Objects']
                if one['Key'] not in denied}
        bucket['versions'] = [one for one in bucket['versions'] if (one[1], one[2]) not in gone]
        errors = [{'Key': one['Key'], 'Code': 'AccessDenied'} for one in wanted['Objects']
                  if one['Key'] in denied]
        return {'Errors': errors} if errors else {}

    def s3api_delete_bucket(self, args, options):
        bucket = self.bucket(args)
        bucket['versions'] += bucket.pop('late', [])
        if bucket['versions'] or bucket['uploads']:
            raise Refusal('An error occurred (BucketNotEmpty)')
        del self.state['buckets'][args['Bucket']]
        self.forget(':s3:::' + args['Bucket'])

    def ecr_delete_repository(self, args, options):
        if 'force' not in args:
            raise Refusal('An error occurred (RepositoryNotEmptyException)')
        self.forget(':repository/' + args['repositoryName'])
        return {}

    def logs_delete_log_group(self, args, options):
        if not self.forget(':log-group:' + args['logGroupName']):
            raise Refusal('An error occurred (ResourceNotFoundException)')

    def forget(self, ending):
        before = len(self.state['resources'])
        self.state['resources'] = [one for one in self.state['resources']
                                   if not one['arn'].endswith(ending)]
        return len(self.state['resources']) < before


def shown(answer, options):
    query = options.get('--query')
    if query:
        answer = jmespath.search(query[0], answer)
    if options.get('--output') != ['text']:
        return json.dumps(answer, indent=4)
    if not isinstance(answer, list):
        return str(answer)
    if answer and isinstance(answer[0], list):
        return '\n'.join('\t'.join(row) for row in answer)
    return '\t'.join(answer)


def main(service, name, *words):
    path = pathlib.Path(os.environ['AWSCOMMAND_STATE'])
    state = json.loads(path.read_text())
    waiting = name == 'wait'
    if waiting:
        name, *words = words
    state['calls'].append(' '.join([service, *(['wait'] if waiting else []), name]))
    options = options_of(words)
    try:
        modelled = {'s3api': 's3'}.get(service, service)
        if waiting:
            wait(modelled, name, options)
            answer = None
        else:
            args = arguments(modelled, name, options)
            answer = getattr(Account(state), f'{service}_{name.replace("-", "_")}')(args, options)
    except Refusal as e:
        print(e, file=sys.stderr)
        return 255
    finally:
        path.write_text(json.dumps(state))
    if answer is not None:
        print(shown(answer, options))
    return 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
