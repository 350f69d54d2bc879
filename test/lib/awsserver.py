# SPDX-License-Identifier: MIT
"""The parts of AWS that reports need, as strict as AWS itself.

    python3 awsserver.py [PORT]

botocore computes every signature again and checks every request against its models: a
wrong name, type, value or length is refused as AWS refuses it. The services are
secretsmanager, sns, sts, sqs, redshift, redshift-serverless, athena (see athena.py), ecs
(see ecs.py), s3 with objects in memory, and the credential endpoints of containers and instances.
An object of class `Aws` holds their data, accounts and failures; its `calls` are the requests
that arrived."""

import base64
import calendar
import contextlib
import hashlib
import hmac
import http.server
import json
import re
import socket
import ssl
import sys
import threading
import time
import urllib.parse
import uuid
from xml.sax.saxutils import escape

import botocore.auth
import botocore.session
import botocore.validate
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

try:
    from lib import ecs, webidentity
except ImportError:  # as a program
    import ecs
    import webidentity

ACCOUNT = '123456789012'
SKEW = 300
MODELED = ('secretsmanager', 'sns', 'sts', 'sqs', 'redshift', 'redshift-serverless', 'athena',
           'ecs')
AUTHORIZATION = re.compile(
    r'AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, ?'
    r'SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})')


class Refusal(Exception):
    """An answer that reports an error."""

    def __init__(self, status, code, message='', headers=None):
        super().__init__(code)
        self.status, self.code, self.message = status, code, message
        self.headers = headers or {}


class Cut(Exception):
    """Ends the connection."""


class Fault:
    """A failure of the next `times` requests that match `op`: an operation, the start of
    a path, or None for all. The steps, in order: wait `delay` seconds (`late`: after the work); `cut` the
    connection ('before' any work, 'after' the work but before the answer, 'inside' the
    answer); answer with `status`, `code`, `message` and `headers`, or with `body`
    unchanged."""

    def __init__(self, op=None, times=1, status=None, code='', message='injected',
                 headers=None, delay=0, late=0, cut=None, body=None):
        self.op, self.times, self.status, self.code = op, times, status, code
        self.message, self.headers, self.delay = message, headers or {}, delay
        self.cut, self.body, self.late = cut, body, late
        self.met = 0

    def matches(self, op, path):
        return self.times > self.met and (
            self.op is None or self.op == op or
            (self.op.startswith('/') and path.startswith(self.op)))


# ---- shapes: checks that botocore's own validator lacks ----

def check_deep(shape, value, path):
    limits = shape.metadata
    if shape.type_name == 'string':
        if limits.get('enum') and value not in limits['enum']:
            raise Refusal(400, 'ValidationException', f'{path}: not one of {limits["enum"]}')
        with contextlib.suppress(re.error):  # some patterns are valid in Java only
            if limits.get('pattern') and not re.search(limits['pattern'], value):
                raise Refusal(400, 'ValidationException', f'{path}: not {limits["pattern"]}')
    if shape.type_name in ('string', 'list') and len(value) > limits.get('max', 1 << 62):
        raise Refusal(400, 'ValidationException', f'{path}: longer than {limits["max"]}')
    if shape.type_name == 'structure':
        for name, member in value.items():
            check_deep(shape.members[name], member, f'{path}.{name}')
    elif shape.type_name == 'list':
        for number, member in enumerate(value):
            check_deep(shape.member, member, f'{path}[{number}]')
    elif shape.type_name == 'map':
        for name, member in value.items():
            check_deep(shape.value, member, f'{path}.{name}')


# What newer models have beside the installed one.
NEWER = {'QueryExecution': {'ManagedQueryResultsConfiguration'}}


def wrong_answer(shape, value, path):
    """What is wrong with an own answer, which nobody would get from AWS; '' when nothing is."""
    if shape.type_name == 'structure':
        known = set(shape.members) | NEWER.get(shape.name, set())
        for name in set(value) - known | set(shape.required_members) - set(value):
            return f'{path}.{name} is not known, or is missing'
        inner = [(shape.members[name], member, f'{path}.{name}')
                 for name, member in value.items() if name in shape.members]
    elif shape.type_name == 'list':
        inner = [(shape.member, member, f'{path}[]') for member in value]
    else:
        kinds = {'string': str, 'boolean': bool, 'timestamp': (int, float), 'map': dict,
                 'double': (int, float), 'float': (int, float), 'blob': str}
        kind = kinds.get(shape.type_name, int)
        good = isinstance(value, kind) and isinstance(value, bool) == (kind is bool) and (
            not shape.metadata.get('enum') or value in shape.metadata['enum'])
        return '' if good else f'{path} is {value!r}'
    return next(filter(None, (wrong_answer(*one) for one in inner)), '')


def scalar(shape, text, path):
    try:
        if shape.type_name in ('integer', 'long'):
            return int(text)
        if shape.type_name in ('float', 'double'):
            return float(text)
        if shape.type_name == 'boolean':
            return {'true': True, 'false': False}[text]
        if shape.type_name == 'blob':
            return base64.b64decode(text, validate=True)
    except (ValueError, KeyError):
        raise Refusal(400, 'MalformedInput', f'{path}: {text!r} is no {shape.type_name}') from None
    return text


def read_form(shape, form, path=''):
    """Reads a value of the Query protocol and removes the entries it used from form."""
    def has(name):
        return any(key == name or key.startswith(name + '.') for key in form)

    def name_of(inner, default):
        return inner.serialization.get('name', default)

    if shape.type_name == 'structure':
        dot = path + '.' if path else ''
        return {name: read_form(member, form, dot + name_of(member, name))
                for name, member in shape.members.items() if has(dot + name_of(member, name))}
    if shape.type_name == 'list':
        if not shape.serialization.get('flattened'):
            path += '.' + name_of(shape.member, 'member')
        values = []
        while has(f'{path}.{len(values) + 1}'):
            values.append(read_form(shape.member, form, f'{path}.{len(values) + 1}'))
        return values
    if shape.type_name == 'map':
        if not shape.serialization.get('flattened'):
            path += '.entry'
        values, number = {}, 1
        while has(f'{path}.{number}'):
            key = form.pop(f'{path}.{number}.{name_of(shape.key, "key")}')
            values[key] = read_form(
                shape.value, form, f'{path}.{number}.{name_of(shape.value, "value")}')
            number += 1
        return values
    return scalar(shape, form.pop(path), path)


def write_xml(shape, value, tag):
    if shape.type_name == 'structure':
        inner = ''.join(write_xml(member, value[name], member.serialization.get('name', name))
                        for name, member in shape.members.items() if value.get(name) is not None)
    elif shape.type_name == 'list':
        inner = ''.join(write_xml(shape.member, member,
                                  shape.member.serialization.get('name', 'member'))
                        for member in value)
    elif shape.type_name == 'map':
        inner = ''.join('<entry>' + write_xml(shape.key, key, 'key') +
                        write_xml(shape.value, member, 'value') + '</entry>'
                        for key, member in value.items())
    else:
        inner = escape(str(value).lower() if shape.type_name == 'boolean' else str(value))
    return f'<{tag}>{inner}</{tag}>'


# ---- the services ----

class Aws:
    """The services with all their state; `url` is the endpoint of each of them."""

    region = 'eu-west-1'
    key, secret = 'AKIDEXAMPLESTATIC', 'wJalrXUtnFEMI/K7MDENG+static'
    container_token = 'container-token-5150'
    role = f'arn:aws:iam::{ACCOUNT}:role/reports'
    topic = f'arn:aws:sns:{region}:{ACCOUNT}:reports'
    queue = f'https://sqs.{region}.amazonaws.com/{ACCOUNT}/landing'

    def __init__(self, port=0, tls=None):
        session = ecs.register(botocore.session.get_session())
        self.models = {name: session.get_service_model(name) for name in MODELED}
        self.models['sts'] = webidentity.model(session)
        # Older models of botocore know the Query protocol only, with the same shapes.
        self.models['sqs'].metadata.update(
            {'protocol': 'json', 'jsonVersion': '1.0', 'targetPrefix': 'AmazonSQS'})
        self.lock = threading.Lock()
        self.http = http.server.ThreadingHTTPServer(('127.0.0.1', port), Handler)
        self.http.aws = self
        self.http.daemon_threads = True
        scheme = 'http'
        if tls:  # (certificate, key)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.http.socket = context.wrap_socket(
                self.http.socket, server_side=True, do_handshake_on_connect=False)
            scheme = 'https'
        self.port = self.http.server_address[1]
        self.url = f'{scheme}://127.0.0.1:{self.port}'
        self.reset()

    def reset(self):
        """Restores the state at the start."""
        self.keys = {self.key: (self.secret, None, 0)}  # id: secret, token, end
        self.secrets = {}     # ARN: text or bytes
        self.topics = {self.topic}
        self.published = []   # arguments of Publish
        self.roles = {self.role: None}  # ARN: its external ID or None
        self.web_tokens = {'web.identity.token'}
        self.federation, self.vouched = True, []  # outbound: tokens given out
        self.database = {'user': 'IAM:reports', 'password': 'made-by-iam'}
        self.objects = {}     # path: bytes
        self.buckets = None   # instead of them: see buckets.Buckets
        self.queues = {self.queue: []}
        self.attributes = {
            'QueueArn': 'arn:aws:sqs:eu-west-1:1:landing', 'RedrivePolicy': json.dumps({
                'deadLetterTargetArn': 'arn:aws:sqs:eu-west-1:1:dead', 'maxReceiveCount': 5})}
        self.dead_letters = []
        self.visibility = 30  # s
        self.most_receives = 5
        self.denied = set()   # such as 'sns:Publish'
        self.athena = None    # see athena.Athena
        self.clock = 0        # seconds that the services' clock is ahead
        self.ttl = 3600       # lifetime of new keys, s
        self.instance_role = 'reports-instance'
        self.instance_tokens = set()
        self.ecs = ecs.Ecs(Refusal, self.region, ACCOUNT)
        self.faults = []
        self.wrong = []       # own answers that are none of AWS
        self.calls = []       # dicts: op, service, args, key, error

    # Methods for tests.

    def fault(self, op=None, **how):
        fault = Fault(op, **how)
        self.faults.append(fault)
        return fault

    def put_secret(self, name, value):
        """Stores a secret's text (or an object, which is written as JSON) and returns its
        ARN. A second call for the same name is a rotation."""
        digest = hashlib.sha256(name.encode()).hexdigest()[:6]
        arn = f'arn:aws:secretsmanager:{self.region}:{ACCOUNT}:secret:{name}-{digest}'
        self.secrets[arn] = value if isinstance(value, (str, bytes)) else json.dumps(value)
        return arn

    def send(self, body, queue=None):
        """Puts a message into a queue; an object becomes JSON. Returns its id."""
        body = body if isinstance(body, str) else json.dumps(body)
        message = {'MessageId': str(uuid.uuid4()), 'Body': body, 'count': 0, 'visible': 0,
                   'MD5OfBody': hashlib.md5(body.encode()).hexdigest()}
        with self.lock:
            self.queues[queue or self.queue].append(message)
        return message['MessageId']

    def expire(self):
        """Ends all keys that have an end."""
        self.keys = {key: (secret, token, end and 1)
                     for key, (secret, token, end) in self.keys.items()}

    def ops(self, op=None):
        """Returns the names of the requested operations, in order."""
        return [call['op'] for call in self.calls if op in (None, call['op'])]

    def environ(self, **more):
        """Returns the environment of a program that uses the static keys."""
        return {'AWS_ACCESS_KEY_ID': self.key, 'AWS_SECRET_ACCESS_KEY': self.secret,
                'AWS_REGION': self.region, 'AWS_EC2_METADATA_DISABLED': 'true',
                'AWS_SHARED_CREDENTIALS_FILE': '/nonexistent',
                'AWS_CONFIG_FILE': '/nonexistent', **more}

    def settings(self):
        """Returns the section [aws] of the settings for these services."""
        return {'aws': {'region': self.region, 'endpoint': self.url}}

    def start(self):
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self):
        self.http.shutdown()
        self.http.server_close()

    # Methods for the server itself.

    def now(self):
        return time.time() + self.clock

    def stamp(self, seconds):
        return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(seconds))

    def new_keys(self):
        key, end = 'ASIA' + uuid.uuid4().hex[:16].upper(), self.now() + self.ttl
        self.keys[key] = uuid.uuid4().hex, 'token/' + base64.b64encode(
            uuid.uuid4().bytes * 12).decode(), end
        secret, token, _ = self.keys[key]
        return {'AccessKeyId': key, 'SecretAccessKey': secret, 'SessionToken': token,
                'Expiration': self.stamp(end)}

    def verify(self, request, body):
        """Returns the service that a request is signed for."""
        match = AUTHORIZATION.fullmatch(request.headers.get('Authorization') or '')
        if not match:
            raise Refusal(403, 'MissingAuthenticationToken', 'Missing Authentication Token')
        key, date, region, service, names, signature = match.groups()
        names = names.split(';')
        self.check_key(key, service, request.headers)
        self.check_time(request.headers.get('X-Amz-Date', ''), date, service)
        must = {'host'} | {name.lower() for name in request.headers
                           if name.lower().startswith('x-amz-')}
        if names != sorted(names) or not must <= set(names):
            raise Refusal(403, 'SignatureDoesNotMatch',
                          f'not signed, or not in order: {sorted(must - set(names))}')
        if region != self.region:
            if service == 's3':
                raise Refusal(400, 'AuthorizationHeaderMalformed',
                              f"the region '{region}' is wrong; expecting '{self.region}'")
            raise Refusal(403, 'SignatureDoesNotMatch',
                          f'Credential should be scoped to a valid region. {region}')
        self.check_signature(request, body, names, signature, key, service, region)
        request.call.update(service=service, key=key)
        return service

    def check_key(self, key, service, headers):
        s3 = service == 's3'
        if key not in self.keys:
            raise Refusal(403, 'InvalidAccessKeyId' if s3 else 'UnrecognizedClientException',
                          'The security token included in the request is invalid.')
        _, token, end = self.keys[key]
        if end and end < self.now():
            raise Refusal(400 if s3 else 403, 'ExpiredToken' if s3 else 'ExpiredTokenException',
                          'The security token included in the request is expired')
        if token and not hmac.compare_digest(
                token, headers.get('X-Amz-Security-Token', '')):
            raise Refusal(403, 'InvalidToken' if s3 else 'UnrecognizedClientException',
                          'The security token included in the request is invalid.')

    def check_time(self, stamp, date, service):
        try:
            then = calendar.timegm(time.strptime(stamp, '%Y%m%dT%H%M%SZ'))
        except ValueError:
            raise Refusal(403, 'IncompleteSignature', 'no X-Amz-Date') from None
        if stamp[:8] != date:
            raise Refusal(403, 'SignatureDoesNotMatch', 'Date in Credential scope')
        if abs(then - self.now()) > SKEW:
            if service == 's3':
                raise Refusal(403, 'RequestTimeTooSkewed', 'The difference between the request '
                              'time and the current time is too large.')
            raise Refusal(403, 'InvalidSignatureException',
                          f'Signature expired: {stamp} is not within 5 min of '
                          f'{self.stamp(self.now())}')

    def check_signature(self, request, body, names, signature, key, service, region):
        own = AWSRequest(request.command, f'http://{request.headers["Host"]}{request.path}',
                         data=body)
        for name in names:
            for value in request.headers.get_all(name, []):
                own.headers.add_header(name, value)
        own.context['timestamp'] = request.headers['X-Amz-Date']
        kind = botocore.auth.S3SigV4Auth if service == 's3' else botocore.auth.SigV4Auth
        auth = kind(Credentials(key, self.keys[key][0]), service, region)
        claimed = request.headers.get('X-Amz-Content-SHA256')
        if service == 's3' and claimed not in (
                'UNSIGNED-PAYLOAD', hashlib.sha256(body).hexdigest()):
            raise Refusal(400, 'XAmzContentSHA256Mismatch', 'the body is not what was signed')
        canonical = auth.canonical_request(own)
        if not hmac.compare_digest(
                auth.signature(auth.string_to_sign(own, canonical), own), signature):
            raise Refusal(403, 'SignatureDoesNotMatch', 'canonical request:\n' + canonical)

    def parse(self, request, body, form):
        """Returns (service, operation, arguments) of a call by the JSON or Query
        protocol."""
        unsigned = form and form.get('Action') == 'AssumeRoleWithWebIdentity'
        service = 'sts' if unsigned else self.verify(request, body)
        model = self.models.get(service)
        if model is None:
            raise Refusal(400, 'UnknownService', service)
        kind = request.headers.get('Content-Type')
        if model.metadata['protocol'] == 'query':
            if form is None:
                raise Refusal(400, 'MalformedInput', 'not x-www-form-urlencoded')
            op = form.pop('Action', None)
            if form.pop('Version', None) != model.api_version:
                raise Refusal(400, 'InvalidAction', f'the version is {model.api_version}')
        else:
            prefix, _, op = (request.headers.get('X-Amz-Target') or '').partition('.')
            version = model.metadata['jsonVersion']
            if (prefix, kind) != (model.metadata['targetPrefix'],
                                  f'application/x-amz-json-{version}'):
                raise Refusal(400, 'UnknownOperationException', 'X-Amz-Target, Content-Type')
        request.call.update(op=op, service=service)
        if op not in model.operation_names:
            raise Refusal(400, 'UnknownOperationException', str(op))
        shape = model.operation_model(op).input_shape
        if form is not None:
            args = read_form(shape, form) if shape else {}
            if form:
                raise Refusal(400, 'MalformedInput', f'unknown parameters {sorted(form)}')
        else:
            try:
                args = json.loads(body)
            except ValueError as e:
                raise Refusal(400, 'SerializationException', str(e)) from None
        if shape:
            report = botocore.validate.ParamValidator().validate(args, shape)
            if report.has_errors():
                raise Refusal(400, 'ValidationException', report.generate_report())
            check_deep(shape, args, op)
        request.call['args'] = args
        return service, op, args

    def perform(self, service, op, args, key):
        if f'{service}:{op}' in self.denied:
            raise Refusal(400 if service == 'secretsmanager' else 403, {
                'sns': 'AuthorizationError', 'sts': 'AccessDenied'}.get(
                    service, 'AccessDeniedException'),
                f'User: arn:aws:iam::{ACCOUNT}:user/u is not authorized to perform: '
                f'{service}:{op} because no identity-based policy allows it')
        if self.athena and service == 'athena':
            return self.athena.answer(op, args, Refusal)
        do = getattr(self, 'do_' + re.sub('(?<=[a-z])(?=[A-Z])', '_', op).lower(), None)
        if do is None:
            raise Refusal(400, 'UnknownOperationException', op)
        return do(args, key)

    def do_get_secret_value(self, args, key):
        found = [arn for arn in self.secrets
                 if args['SecretId'] in (arn, arn.split(':')[-1][:-7])]
        if not found:
            raise Refusal(400, 'ResourceNotFoundException',
                          "Secrets Manager can't find the specified secret.")
        value = self.secrets[found[0]]
        return {'ARN': found[0], 'Name': found[0].split(':')[-1][:-7],
                'VersionId': hashlib.sha256(repr(value).encode()).hexdigest()[:32],
                **({'SecretBinary': base64.b64encode(value).decode()}
                   if isinstance(value, bytes) else {'SecretString': value})}

    def do_put_secret_value(self, args, key):
        found = self.do_get_secret_value({'SecretId': args['SecretId']}, key)
        self.secrets[found['ARN']] = args['SecretString']
        return {'ARN': found['ARN'], 'Name': found['Name']}

    def do_publish(self, args, key):
        if args.get('TopicArn') not in self.topics:
            raise Refusal(404, 'NotFound', 'Topic does not exist')
        if len(args['Message'].encode()) > 262144:
            raise Refusal(400, 'InvalidParameter', 'Invalid parameter: Message too long')
        if 'Subject' in args and not re.fullmatch(r'[ -~]{1,100}', args['Subject']):
            raise Refusal(400, 'InvalidParameter', 'Invalid parameter: Subject')
        if args['TopicArn'].endswith('.fifo') != ('MessageGroupId' in args):
            raise Refusal(400, 'InvalidParameter', 'Invalid parameter: MessageGroupId')
        self.published.append(args)
        return {'MessageId': str(uuid.uuid4())}

    def queue_of(self, args):
        if args['QueueUrl'] not in self.queues:
            raise Refusal(400, 'com.amazonaws.sqs#QueueDoesNotExist',
                          'The specified queue does not exist.')
        return self.queues[args['QueueUrl']]

    def do_get_queue_attributes(self, args, key):
        self.queue_of(args)
        return {'Attributes': {name: self.attributes[name] for name in args['AttributeNames']
                               if name in self.attributes}}

    def do_receive_message(self, args, key):
        queue, most = self.queue_of(args), args.get('MaxNumberOfMessages', 1)
        if not 1 <= most <= 10 or not 0 <= args.get('WaitTimeSeconds', 0) <= 20:
            raise Refusal(400, 'InvalidParameterValue', 'MaxNumberOfMessages, WaitTimeSeconds')
        found = []
        for one in [m for m in queue if m['visible'] <= self.now()]:
            if one['count'] >= self.most_receives:
                queue.remove(one)
                self.dead_letters.append(one)
            elif len(found) < most:
                one.update(count=one['count'] + 1, visible=self.now() + self.visibility,
                           ReceiptHandle=uuid.uuid4().hex)
                wanted = 'All' in args.get('AttributeNames', ())
                found.append({**{k: v for k, v in one.items() if k[0].isupper()}, **(
                    {'Attributes': {'ApproximateReceiveCount': str(one['count'])}}
                    if wanted else {})})
        return {'Messages': found} if found else {}

    def do_delete_message_batch(self, args, key):
        queue, ids = self.queue_of(args), [entry['Id'] for entry in args['Entries']]
        if not 1 <= len(ids) <= 10 or len(set(ids)) != len(ids) or \
                not all(re.fullmatch(r'[\w-]{1,80}', one) for one in ids):
            raise Refusal(400, 'BatchEntryIdsNotDistinct', 'Entries')
        for entry in args['Entries']:
            queue[:] = [m for m in queue if m.get('ReceiptHandle') != entry['ReceiptHandle']]
        return {'Successful': [{'Id': one} for one in ids], 'Failed': []}

    def do_get_topic_attributes(self, args, key):
        if args['TopicArn'] not in self.topics:
            raise Refusal(404, 'NotFound', 'Topic does not exist')
        return {'Attributes': {'TopicArn': args['TopicArn']}}

    def do_get_caller_identity(self, args, key):
        return {'UserId': key, 'Account': ACCOUNT, 'Arn': f'arn:aws:iam::{ACCOUNT}:user/u'}

    def do_get_web_identity_token(self, args, key):
        if not self.federation:
            raise Refusal(403, 'OutboundWebIdentityFederationDisabled',
                          'outbound web identity federation is not enabled')
        self.vouched.append(f'token.of.{key}.{len(self.vouched)}')
        return {'WebIdentityToken': self.vouched[-1],
                'Expiration': self.stamp(args.get('DurationSeconds', 300))}

    def assumed(self, args):
        return {'Credentials': self.new_keys(), 'AssumedRoleUser': {
            'AssumedRoleId': 'AROAEXAMPLE:' + args['RoleSessionName'],
            'Arn': args['RoleArn']}}

    def do_assume_role(self, args, key):
        if self.roles.get(args['RoleArn'], 'none') != args.get('ExternalId'):
            raise Refusal(403, 'AccessDenied', f'User: arn:aws:iam::{ACCOUNT}:user/u is not '
                          f'authorized to perform: sts:AssumeRole on resource: {args["RoleArn"]}')
        return self.assumed(args)

    def do_assume_role_with_web_identity(self, args, key):
        if args['WebIdentityToken'] not in self.web_tokens:
            raise Refusal(400, 'InvalidIdentityToken', "Couldn't retrieve verification key")
        return self.assumed(args)

    def do_list_tasks(self, args, key):
        return self.ecs.list_tasks(args)

    def do_describe_tasks(self, args, key):
        return self.ecs.describe_tasks(args)

    def do_run_task(self, args, key):
        return self.ecs.run_task(args)

    def do_get_cluster_credentials(self, args, key):
        return {'DbUser': 'IAM:' + args['DbUser'], 'DbPassword': self.database['password'],
                'Expiration': self.stamp(self.now() + args.get('DurationSeconds', 900))}

    def do_get_cluster_credentials_with_iam(self, args, key):
        return {'DbUser': self.database['user'], 'DbPassword': self.database['password'],
                'Expiration': self.stamp(self.now() + args.get('DurationSeconds', 900))}

    def do_get_credentials(self, args, key):
        return {'dbUser': self.database['user'], 'dbPassword': self.database['password'],
                'expiration': int(self.now()) + args.get('durationSeconds', 900)}


# ---- HTTP ----

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    aws = property(lambda self: self.server.aws)

    def log_message(self, *args):
        pass

    def date_time_string(self, timestamp=None):
        return super().date_time_string(self.aws.now())

    def reply(self, status, body=b'', kind='application/json', headers=None):
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if kind:
            self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(body)))
        self.send_header('x-amzn-RequestId', self.call['request_id'])
        self.end_headers()
        if self.fault and self.fault.cut == 'inside':
            self.wfile.write(body[:len(body) // 2])
            raise Cut
        if self.command != 'HEAD':
            self.wfile.write(body)

    def cut(self):
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        self.fault, self.form = None, None
        self.call = {'op': None, 'method': self.command, 'path': self.path,
                     'headers': dict(self.headers.items()), 'request_id': str(uuid.uuid4())}
        if (self.headers.get('Content-Type') or '').startswith(
                'application/x-www-form-urlencoded'):
            self.form = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
        try:
            self.fail_or_answer(body)
        except Refusal as e:
            self.refuse(e)
        except (Cut, OSError):
            self.cut()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any

    def fail_or_answer(self, body):
        target = self.headers.get('X-Amz-Target') or ''
        op = self.form.get('Action') if self.form else target.rpartition('.')[2] or None
        self.call['op'] = op or f'{self.command} {self.path.split("?")[0]}'
        with self.aws.lock:
            self.aws.calls.append(self.call)
            self.fault = next((fault for fault in self.aws.faults
                               if fault.matches(op, self.path)), None)
            if self.fault:
                self.fault.met += 1
        if self.fault:
            time.sleep(self.fault.delay)
            if self.fault.cut == 'before':
                raise Cut
            if self.fault.body is not None:
                return self.reply(self.fault.status or 200, self.fault.body, None,
                                  self.fault.headers)
            if self.fault.status:
                raise Refusal(self.fault.status, self.fault.code, self.fault.message,
                              self.fault.headers)
        return self.answer(body)

    def finish_call(self, *reply):
        if self.fault:
            time.sleep(self.fault.late)
        if self.fault and self.fault.cut == 'after':
            raise Cut
        self.reply(*reply)

    def answer(self, body):
        if self.path.startswith('/v2/credentials/'):
            return self.container()
        if self.path.startswith('/latest/'):
            return self.instance()
        if '/s3/aws4_request' in (self.headers.get('Authorization') or ''):
            return self.object(body)
        until = time.monotonic()
        with self.aws.lock:
            service, op, args = self.aws.parse(self, body, self.form)
            until += args.get('WaitTimeSeconds', 0) if args else 0
            out = self.aws.perform(service, op, args, self.call.get('key'))
        while op == 'ReceiveMessage' and not out and time.monotonic() < until:
            time.sleep(0.05)
            with self.aws.lock:
                out = self.aws.perform(service, op, args, self.call.get('key'))
        self.call['status'] = 200
        model = self.aws.models[service]
        if self.form is None:
            shape = model.operation_model(op).output_shape
            wrong = wrong_answer(shape, out or {}, op) if shape else ''
            self.aws.wrong += [wrong] * bool(wrong)
            version = model.metadata['jsonVersion']
            return self.finish_call(200, json.dumps(out), f'application/x-amz-json-{version}')
        shape = model.operation_model(op).output_shape
        inner = write_xml(shape, out, shape.serialization['resultWrapper']) if shape else ''
        return self.finish_call(
            200, f'<{op}Response xmlns="{model.metadata.get("xmlNamespace", "")}">{inner}'
            f'<ResponseMetadata><RequestId>{self.call["request_id"]}</RequestId>'
            f'</ResponseMetadata></{op}Response>', 'text/xml')

    def refuse(self, e):
        self.call.update(error=e.code, message=e.message, status=e.status)
        code, message = escape(e.code), escape(e.message)
        ident = self.call['request_id']
        if '/s3/aws4_request' in (self.headers.get('Authorization') or ''):
            region = f'<Region>{self.aws.region}</Region>' \
                if e.code in ('AuthorizationHeaderMalformed', 'PermanentRedirect') else ''
            text, kind = (f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{message}'
                          f'</Message>{region}<RequestId>{ident}</RequestId></Error>'), 'text/xml'
        elif self.form is not None:
            text, kind = (f'<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>'
                          f'<Message>{message}</Message></Error><RequestId>{ident}</RequestId>'
                          '</ErrorResponse>'), 'text/xml'
        else:
            text, kind = json.dumps({'__type': 'com.amazon.coral#' + e.code,
                                     'message': e.message}), 'application/x-amz-json-1.1'
        try:
            self.reply(e.status, text if e.code else '', kind, e.headers)
        except (Cut, OSError):
            self.cut()

    def endpoint_keys(self, **more):
        keys = self.aws.new_keys()
        keys['Token'] = keys.pop('SessionToken')
        self.finish_call(200, json.dumps({**keys, **more}))

    def container(self):
        if self.headers.get('Authorization') != self.aws.container_token:
            return self.reply(401, json.dumps({'code': 'InvalidToken', 'message': 'no'}))
        return self.endpoint_keys(RoleArn=self.aws.role)

    def instance(self):
        if self.path == '/latest/api/token':
            seconds = self.headers.get('X-aws-ec2-metadata-token-ttl-seconds') or '0'
            if self.command != 'PUT' or not 1 <= int(seconds) <= 21600:
                return self.reply(400, '', 'text/html')
            self.aws.instance_tokens.add(token := base64.b64encode(uuid.uuid4().bytes).decode())
            return self.finish_call(200, token, 'text/plain')
        if self.headers.get('X-aws-ec2-metadata-token') not in self.aws.instance_tokens:
            return self.reply(401, '', 'text/html')
        folder, _, name = self.path.rpartition('/')
        if folder != '/latest/meta-data/iam/security-credentials' or \
                not self.aws.instance_role or name not in ('', self.aws.instance_role):
            return self.reply(404, '', 'text/html')
        if not name:
            return self.finish_call(200, self.aws.instance_role, 'text/plain')
        return self.endpoint_keys(Code='Success', Type='AWS-HMAC',
                                  LastUpdated=self.aws.stamp(self.aws.now()))

    def object(self, body):
        with self.aws.lock:
            self.aws.verify(self, body)
        if self.aws.buckets:
            return self.finish_call(*self.aws.buckets.answer(
                self.command, self.path, self.headers, body))
        with self.aws.lock:
            path, objects = self.path.split('?')[0], self.aws.objects
            if self.command == 'PUT':
                objects[path] = body
            elif path not in objects:
                raise Refusal(404, 'NoSuchKey', 'The specified key does not exist.')
            found = objects[path]
            if self.command == 'DELETE':
                del objects[path]
        return self.finish_call(200, found if self.command in ('GET', 'HEAD') else b'', None,
                                {'ETag': f'"{hashlib.md5(found).hexdigest()}"'})


if __name__ == '__main__':
    server = Aws(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    print(server.url, server.key, server.secret, flush=True)
    server.http.serve_forever()
