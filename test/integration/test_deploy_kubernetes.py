# SPDX-License-Identifier: MIT
"""The manifests of deploy/kubernetes are sound, and the check refuses what is not."""

import pytest
from lib.deploy.files import check_manifests, manifests
from lib.paths import ROOT

pytestmark = pytest.mark.shipped

TEXTS = {way: manifests(ROOT, way) for way in ('daemon', 'keda')}


@pytest.mark.parametrize('way', TEXTS)
def test_manifests_are_sound(way):
    assert len(TEXTS[way]) >= 5
    assert check_manifests(TEXTS[way]) == []


# File, what stands there, what takes its place, and what is said of it.
KEDA, TRIGGER, POD = 'keda/scaledjob.yaml', 'keda/trigger.yaml', 'daemon/daemon.yaml'
NETWORK, SETTINGS, SPACE = 'common/network.yaml', 'common/settings.yaml', 'common/namespace.yaml'
PLANTED = {
    # KEDA: what its published schema refuses.
    'number': (KEDA, 'targetQueryValue: "5"', 'targetQueryValue: 5', "5 is not as"),
    'port': (KEDA, 'port: "5432"', 'port: 5432', '5432 is not as'),
    'key of a trigger': (KEDA, 'targetQueryValue', 'targetQueryvalue', 'targetQueryvalue: unknown'),
    'no query': (KEDA, '        query: select reportd.scale_demand()\n', '', 'query is missing'),
    'trigger': (KEDA, 'type: postgresql', 'type: postgres', "'postgres' is not one of"),
    'no triggers': (KEDA, '  triggers:\n', '  trigger:\n', 'triggers is missing'),
    'no job': (KEDA, '  jobTargetRef:\n', '  scaleTargetRef:\n', 'jobTargetRef is missing'),
    'key of the spec': (KEDA, 'maxReplicaCount', 'maxReplicas', 'maxReplicas: unknown'),
    'interval': (KEDA, 'pollingInterval: 15', 'pollingInterval: "15"', 'is not a count'),
    'strategy': (KEDA, 'strategy: default', 'strategy: fast', 'is not one of default'),
    'version': (KEDA, 'keda.sh/v1alpha1', 'keda.sh/v1', 'apiVersion and kind'),
    'kind': (TRIGGER, 'kind: TriggerAuthentication', 'kind: TriggerAuth', 'apiVersion and kind'),
    'reference': (TRIGGER, '{parameter: password, name', '{param: password, name', 'param: unknown'),
    'key of a container': (KEDA, 'resources:', 'resorces:', 'resorces: unknown'),
    # KEDA: what works, and wrongly.
    'killed by an update': (KEDA, 'strategy: gradual', 'strategy: immediate', 'an update kills'),
    'runs for ever': (KEDA, 'args: [--idle-exit, 1min]', 'args: [--workers, "5"]', 'must end by itself'),
    'tried again': (KEDA, 'backoffLimit: 0', 'backoffLimit: 6', 'backoffLimit must be 0'),
    'restarted': (KEDA, 'restartPolicy: Never', 'restartPolicy: OnFailure', 'must be Never'),
    'too many': (KEDA, 'maxReplicaCount: 10', 'maxReplicaCount: 100', 'must be 1 to 10'),
    'never zero': (KEDA, 'minReplicaCount: 0', 'minReplicaCount: 1', 'minReplicaCount must be 0'),
    'counted twice': (KEDA, 'strategy: default', 'strategy: accurate', 'must be default'),
    'other query': (KEDA, 'select reportd.scale_demand()', "select count(*) from reportd.report_config where status = 'PENDING'", 'query must be'),
    'no target': (KEDA, 'targetQueryValue: "5"', 'targetQueryValue: "0"', 'greater than 0'),
    'no TLS': (KEDA, 'sslmode: verify-full', 'sslmode: disable', 'sslmode must be'),
    'no authentication': (KEDA, 'name: reportd-scaler\n      metadata', 'name: reportd\n      metadata', 'there is no TriggerAuthentication reportd'),
    'no password': (TRIGGER, 'parameter: password', 'parameter: userName', 'lacks the password'),
    'two connections': (TRIGGER, 'parameter: password', 'parameter: connection', 'in one and in parts'),
    'no host': (KEDA, '        host: db.example.com\n', '', 'lacks host'),
    'unknown secret': (TRIGGER, 'name: reportd-scaler, key', 'name: scaler, key', 'there is no Secret scaler'),
    # Pods.
    'root': (POD, 'runAsNonRoot: true', 'runAsNonRoot: false', 'runAsNonRoot must be true'),
    'user 0': (POD, 'runAsUser: 10001', 'runAsUser: 0', 'must not be 0'),
    'escalation': (KEDA, 'allowPrivilegeEscalation: false', 'allowPrivilegeEscalation: true', 'must be false'),
    'capabilities': (POD, 'drop: [ALL]', 'drop: [NET_RAW]', 'must drop ALL'),
    'writable root': (POD, 'readOnlyRootFilesystem: true', 'readOnlyRootFilesystem: false', 'must be true'),
    'seccomp': (POD, 'type: RuntimeDefault', 'type: Unconfined', 'must be RuntimeDefault'),
    'host': (POD, 'enableServiceLinks: false', 'enableServiceLinks: false\n      hostNetwork: true', 'must not be on'),
    'host path': (POD, 'emptyDir: {sizeLimit: 10Gi}', 'hostPath: {path: /srv}', 'must be one of'),
    'token': (POD, 'automountServiceAccountToken: false', 'automountServiceAccountToken: true', 'must be false'),
    'no limit': (POD, '            limits: {memory: 1Gi}\n', '', 'limits is missing'),
    'no volume': (POD, '- name: temporary\n', '- name: temp\n', 'there is no volume temporary'),
    'no settings': (POD, 'configMapRef: {name: reportd}', 'configMapRef: {name: settings}', 'there is no ConfigMap settings'),
    'no account': (KEDA, 'serviceAccountName: reportd', 'serviceAccountName: default', 'there is no ServiceAccount'),
    'no port': (POD, 'path: /readyz, port: http', 'path: /readyz, port: web', 'has no port web'),
    'port of a trigger': (KEDA, 'port: "5432"', 'port: "54320000"', 'is not as'),
    'negative': (KEDA, 'failedJobsHistoryLimit: 3', 'failedJobsHistoryLimit: -3', 'is not a count'),
    'no time': (KEDA, '[--idle-exit, 1min]', '[--idle-exit]', 'must end by itself'),
    'probe': (POD, 'path: /readyz', 'path: /healthz', 'must ask /readyz'),
    'no file': (KEDA, 'mountPath: /etc/reportd/logins,', 'mountPath: /etc/reportd/login,', 'nothing is mounted at'),
    'no room': (POD, 'mountPath: /var/tmp', 'mountPath: /tmp', '/var/tmp must be a volume'),
    'policy of nothing': (NETWORK, 'app.kubernetes.io/name: reportd}\n  policyTypes: [Ingress]', 'app.kubernetes.io/name: reports}\n  policyTypes: [Ingress]', 'no pod has the labels'),
    'left out': ('keda/kustomization.yaml', '  - trigger.yaml\n', '', 'differ in trigger.yaml'),
    'not there': ('keda/kustomization.yaml', '  - trigger.yaml\n', '  - triggers.yaml\n', 'differ in triggers.yaml'),
    'no probe': (POD, 'readinessProbe:', 'startupProbe:', 'has no readinessProbe'),
    'labels': (POD, 'labels: {app.kubernetes.io/name: reportd}\n    spec:', 'labels: {app: reportd}\n    spec:', "does not meet the pod's labels"),
    'secret': (POD, '"0.0.0.0:8080"}', '"0.0.0.0:8080"}\n            - {name: REPORTD_SMTP_PASSWORD, value: sesame}', 'holds a secret'),
    'secret in settings': (SETTINGS, 'service=queue', 'host=db password=sesame', 'holds a secret'),
    'number in settings': (SETTINGS, 'REPORTD_REPORTD_WORKERS: "10"', 'REPORTD_REPORTD_WORKERS: 10', '10 is not a string'),
    'pod security': (SPACE, 'enforce: restricted', 'enforce: baseline', 'must enforce'),
    'everything allowed': (NETWORK, '  policyTypes: [Ingress, Egress]', '  policyTypes: [Ingress]', 'none denies everything'),
    'metadata of the machine': (NETWORK, '            except: [169.254.0.0/16]\n', '', 'must except'),
    'any port': (NETWORK, '''      ports:
        - {protocol: TCP, port: 443}
''', '', 'without to or ports'),
    'everybody': (NETWORK, 'matchLabels: {reportd.http/allowed: "true"}', 'matchLabels: {}', 'is everybody'),
    'wrong way': (NETWORK, 'policyTypes: [Ingress]', 'policyTypes: [Egress]', 'policyTypes must name'),
    'logins are written': (POD, 'mountPath: /etc/reportd/logins, readOnly: true', 'mountPath: /etc/reportd/logins', 'must be readOnly'),
    'probe of nothing': (POD, 'httpGet: {path: /readyz, port: http}', 'timeoutSeconds: 5', 'asks nothing'),
    'service of nothing': (POD, '  selector: {app.kubernetes.io/name: reportd}', '  selector: {app.kubernetes.io/name: reports}', 'meets no Deployment'),
    'mode of a secret': (KEDA, 'defaultMode: 288', 'defaultMode: 440', 'octal 670'),
    'a shell': (KEDA, 'args: [--idle-exit, 1min]', 'command: [sh, -c, reportd]\n            args: [--idle-exit, 1min]', 'command must not be there'),
    'group 0': (KEDA, 'fsGroup: 10001', 'fsGroup: 0', 'fsGroup must not be 0'),
    'password twice': (TRIGGER, '    - {parameter', '    - {parameter: password, name: reportd-scaler, key: other}\n    - {parameter', 'password stands twice'),
    'paused': (KEDA, 'metadata:\n  name: reportd\n', 'metadata:\n  name: reportd\n  annotations: {autoscaling.keda.sh/paused: "true"}\n', 'an annotation stops it'),
    'variables of nobody': (KEDA, '  pollingInterval', '  envSourceContainerName: nobody\n  pollingInterval', 'names no container'),
    'a mighty login': (KEDA, 'userName: reportd_scaler', 'userName: postgres', 'may ask for this number alone'),
    'no name of a database': (KEDA, 'dbName: reports', 'dbName: ""', "'' is not as"),
    'killed as it stops': (KEDA, 'terminationGracePeriodSeconds: 120', 'terminationGracePeriodSeconds: 30', 'together 115 s'),
    'always killed as it stops': (POD, 'terminationGracePeriodSeconds: 120', 'terminationGracePeriodSeconds: 115', 'together 115 s'),
    'slow to stop': (SETTINGS, 'SHUTDOWN_GRACE: 90s', 'SHUTDOWN_GRACE: 2min', 'together 145 s'),
    'slow by default': (SETTINGS, '  REPORTD_REPORTD_SHUTDOWN_GRACE: 90s\n  REPORTD_REPORTD_CANCEL_GRACE: 10s\n  REPORTD_QUEUE_TIMEOUT: 15s\n', '  REPORTD_REPORTD_LEASE: 6min\n', 'together 130 s'),
    'no time to stop': (SETTINGS, 'SHUTDOWN_GRACE: 90s', 'SHUTDOWN_GRACE: soon', 'soon is no time'),
    'a minute': (KEDA, 'activeDeadlineSeconds: 86400', 'activeDeadlineSeconds: 60', 'must be more than job_timeout'),
    'no second': (KEDA, 'activeDeadlineSeconds: 86400', 'activeDeadlineSeconds: 0', 'must be more than job_timeout'),
    'a day': (SETTINGS, '  REPORTD_REPORTD_LOG_FORMAT', '  REPORTD_REPORTD_JOB_TIMEOUT: 2d\n  REPORTD_REPORTD_LOG_FORMAT', 'must be more than job_timeout'),
    'image': (KEDA, 'image: reportd\n', 'image: reportdd\n', 'the image reportdd has no version'),
    'image of nobody': (KEDA, 'image: reportd\n', 'image: registry:5000/reports:1.0\n', 'no container has the image reportd'),
    'version of nobody': ('keda/kustomization.yaml', '  - name: reportd\n', '  - name: reports\n', 'the image reportd has no version'),
    'twice': (POD, '  replicas: 1\n', '  replicas: 1\n  replicas: 2\n', 'stands twice'),
}


@pytest.mark.parametrize('name', PLANTED)
def test_a_planted_fault_is_refused(name):
    path, old, new, message = PLANTED[name]
    way = 'daemon' if path == POD else 'keda'
    texts = TEXTS[way]
    assert old in texts[path]
    found = check_manifests({**texts, path: texts[path].replace(old, new)})
    assert [text for text in found if message in text], found
