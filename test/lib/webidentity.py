# SPDX-License-Identifier: MIT
"""The operation GetWebIdentityToken of STS, which is younger than the models of older
versions of botocore: https://docs.aws.amazon.com/STS/latest/APIReference/."""

import botocore.model

OPERATION = 'GetWebIdentityToken'
SHAPES = {
    'webIdentityAudiences': {'type': 'list', 'member': {'shape': 'webIdentityAudience'},
                             'min': 1, 'max': 10},
    'webIdentityAudience': {'type': 'string', 'min': 1, 'max': 1000},
    'webIdentityAlgorithm': {'type': 'string', 'enum': ['RS256', 'ES384']},
    'webIdentityDuration': {'type': 'integer', 'min': 60, 'max': 3600},
    'webIdentityToken': {'type': 'string'},
    'webIdentityTime': {'type': 'timestamp'},
    'GetWebIdentityTokenRequest': {
        'type': 'structure', 'required': ['Audience', 'SigningAlgorithm'], 'members': {
            'Audience': {'shape': 'webIdentityAudiences'},
            'DurationSeconds': {'shape': 'webIdentityDuration'},
            'SigningAlgorithm': {'shape': 'webIdentityAlgorithm'}}},
    'GetWebIdentityTokenResponse': {
        'type': 'structure', 'members': {
            'WebIdentityToken': {'shape': 'webIdentityToken'},
            'Expiration': {'shape': 'webIdentityTime'}}}}


def model(session):
    """The model of STS with this operation."""
    known = session.get_component('data_loader').load_service_model('sts', 'service-2')
    if OPERATION in known['operations']:
        return session.get_service_model('sts')
    return botocore.model.ServiceModel({
        **known, 'shapes': known['shapes'] | SHAPES,
        'operations': known['operations'] | {OPERATION: {
            'name': OPERATION, 'http': {'method': 'POST', 'requestUri': '/'},
            'input': {'shape': 'GetWebIdentityTokenRequest'},
            'output': {'shape': 'GetWebIdentityTokenResponse',
                       'resultWrapper': 'GetWebIdentityTokenResult'}}}}, 'sts')
