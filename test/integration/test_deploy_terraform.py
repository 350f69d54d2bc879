# SPDX-License-Identifier: MIT
"""The sample for Terraform is sound, and the check refuses what is not."""

import json
import subprocess

import pytest
from lib import npm
from lib.deploy import hcl
from lib.deploy.terraform import check_texts
from lib.paths import ROOT, environ

pytestmark = pytest.mark.shipped

TEXTS = {path.stem: path.read_text() for path in (ROOT / 'deploy/terraform').glob('*.tf')}


def test_sample_is_sound():
    assert set(TEXTS) == {'variables', 'daemon', 'scale'}
    assert check_texts(TEXTS) == []


# File, what stands there, what takes its place, and what is said of it.
PLANTED = {
    # Files that cannot be read.
    'brace': ('daemon', 'linuxParameters        = { capabilities = { drop = ["ALL"] } }', 'linuxParameters        = { capabilities = { drop = ["ALL"] }', 'daemon: line'),
    'quote': ('scale', 'test     = "ArnLike"', 'test     = "ArnLike', 'cannot be read'),
    'value': ('scale', 'timeout                        = 60', 'timeout                        =', 'where a value must'),
    'comma': ('scale', '[aws_iam_role.execution.arn, aws_iam_role.daemon.arn]', '[aws_iam_role.execution.arn aws_iam_role.daemon.arn]', 'where , must'),
    'twice': ('scale', '  package_type                   = "Image"\n', '  package_type                   = "Image"\n  package_type = "Zip"\n', 'stands twice'),
    'two of a name': ('daemon', 'resource "aws_iam_role" "daemon"', 'resource "aws_iam_role" "execution"', 'stands twice'),
    # Properties and resources that do not exist.
    'argument': ('daemon', 'retention_in_days = 30', 'retention_days = 30', 'retention_days: unknown'),
    'required': ('scale', '  image_uri                      = var.image\n', '', 'image_uri is missing'),
    'type': ('daemon', 'resource "aws_ecs_cluster" "this"', 'resource "aws_ecs_clusters" "this"', 'its type is unknown'),
    'block': ('scale', '  vpc_config {', '  vpc {', 'vpc: unknown'),
    'nested argument': ('scale', 'entry_point =', 'entrypoint =', 'entrypoint: unknown'),
    'variable': ('scale', 'var.max_tasks', 'var.most_tasks', 'var.most_tasks: there is none'),
    'unused variable': ('scale', 'var.max_tasks', '"10"', 'variable.max_tasks: nothing uses it'),
    'local': ('scale', '[local.cluster_arn]', '[local.cluster]', 'local.cluster: there is none'),
    'resource': ('scale', 'aws_ecs_cluster.this.name', 'aws_ecs_cluster.main.name', 'there is none'),
    'attribute': ('scale', 'aws_sqs_queue.dead_letters.arn', 'aws_sqs_queue.dead_letters.arns', 'there is none'),
    'name in a text': ('scale', '"${var.name}-scale"', '"${var.nam}-scale"', 'var.nam: there is none'),
    'function': ('daemon', 'jsonencode(', 'yamlencode(', 'is no function'),
    'number': ('scale', 'memory_size                    = 256', 'memory_size                    = "much"', 'is not a count'),
    'word': ('daemon', '"awsvpc"', '"bridge"', 'is not one of awsvpc'),
    'version': ('daemon', '  required_version = ">= 1.5"\n', '', 'required_version is missing'),
    'type of a variable': ('variables', 'type        = number', 'type        = numbers', 'its type must be'),
    'a variable twice': ('daemon', '      { name = "REPORTD_QUEUE_TIMEOUT", value = "15s" },\n', '      { name = "REPORTD_QUEUE_TIMEOUT", value = "15s" },\n' * 2, 'stands twice'),
    'container': ('daemon', 'stopTimeout            =', 'stopTimeOut            =', 'stopTimeOut: unknown'),
    # Rights and secrets.
    'any action': ('scale', '["ecs:RunTask", "ecs:DescribeTasks"]', '["ecs:*"]', 'must be one action'),
    'any resource': ('daemon', '[var.queue_secret_arn, var.reader_secret_arn]', '["*"]', 'name what it is allowed on'),
    'any bucket': ('daemon', '"arn:${local.partition}:s3:::${var.bucket}/*"', '"arn:${local.partition}:s3:::*"', 'name what it is allowed on'),
    'pass any role': ('scale', 'variable = "iam:PassedToService"', 'variable = "aws:SourceAccount"', 'needs a condition on iam:PassedToService'),
    'deputy': ('daemon', 'variable = "aws:SourceAccount"', 'variable = "lambda:SourceFunctionArn"', 'serves other accounts'),
    'password': ('scale', 'REPORTD_QUEUE_CONNINFO        = var.queue_conninfo', 'REPORTD_QUEUE_CONNINFO        = "host=db password=sesame"', 'holds a secret'),
    'secret of a container': ('daemon', '{ name = "REPORTD_QUEUE_TIMEOUT", value = "15s" }', '{ name = "REPORTD_SMTP_PASSWORD", value = "sesame" }', 'holds a secret'),
    # The task.
    'root': ('daemon', '"10001:10001"', '"0:0"', 'User must be a number'),
    'writable root': ('daemon', 'readonlyRootFilesystem = true', 'readonlyRootFilesystem = false', 'must be true'),
    'killed as it stops': ('daemon', 'stopTimeout            = 120', 'stopTimeout            = 30', 'together 115 s'),
    'seldom': ('scale', 'rate(1 minute)', 'rate(5 minutes)', 'must be rate(1 minute)'),
    'stop': ('daemon', 'stopTimeout            = 120', 'stopTimeout            = 600', 'the most that Fargate takes'),
    'no volume': ('daemon', 'sourceVolume = "temporary"', 'sourceVolume = "tmp"', 'there is no volume tmp'),
    'everywhere': ('daemon', 'from_port   = 443', 'from_port   = 80', 'for port 443 alone'),
}


@pytest.mark.parametrize('name', PLANTED)
def test_a_planted_fault_is_refused(name):
    stem, old, new, message = PLANTED[name]
    assert old in TEXTS[stem]
    found = check_texts({**TEXTS, stem: TEXTS[stem].replace(old, new)})
    assert [text for text in found if message in text], found


READ = '''
const { parse } = require('@cdktf/hcl2json');
parse('x.tf', require('fs').readFileSync(0, 'utf8')).then(
	found => console.log(JSON.stringify(found)), e => { console.error(String(e)); process.exit(1); });
'''


def hashicorp(text):
    return subprocess.run(['node', '-e', READ], input=text, capture_output=True, text=True,
                          env=environ(NODE_PATH=npm.install('@cdktf/hcl2json@0.21.0')))


def as_theirs(value):
    """A value as their parser writes it."""
    if isinstance(value, hcl.Name):
        return '${' + '.'.join(value.parts) + '}'
    if isinstance(value, hcl.Text):
        return ''.join(one if isinstance(one, str) else as_theirs(one) for one in value.parts)
    if isinstance(value, hcl.Call):
        return 'a call'
    if isinstance(value, dict):
        return {key: as_theirs(one) for key, one in value.items()}
    if isinstance(value, list):
        return [as_theirs(one) for one in value]
    return value


def body_as_theirs(block):
    found = {key: as_theirs(one) for key, one in block.attributes.items()}
    for one in block.blocks:
        place = found
        for label in [one.kind, *one.labels][:-1]:
            place = place.setdefault(label, {})
        place.setdefault([one.kind, *one.labels][-1], []).append(body_as_theirs(one))
    return found


def without_calls(value):
    if isinstance(value, dict):
        return {key: without_calls(one) for key, one in value.items()}
    if isinstance(value, list):
        return [without_calls(one) for one in value]
    if isinstance(value, str) and ('(' in value and value.startswith('${')):
        return 'a call'
    return value


@pytest.mark.skipif(not npm.available(), reason='there is no npm here')
@pytest.mark.parametrize('stem', TEXTS)
def test_the_parser_reads_as_that_of_hashicorp(stem):
    done = hashicorp(TEXTS[stem])
    assert done.returncode == 0, done.stderr
    assert without_calls(json.loads(done.stdout)) == body_as_theirs(hcl.parse(TEXTS[stem]))


@pytest.mark.skipif(not npm.available(), reason='there is no npm here')
def test_what_hashicorp_refuses_is_refused():
    for text in ('a = ', 'a = [1 2]', 'a {', 'a = "x', 'a = 1 b = 2', 'a = {b = 1 c = 2}'):
        assert hashicorp(text).returncode != 0
        with pytest.raises(hcl.HclError):
            hcl.parse(text)
