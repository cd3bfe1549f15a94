{{/* Names. Every object of a component is named <release>-<component>. */}}
{{- define "sgw.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "sgw.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "sgw.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "sgw.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{/* Labels: (list $ "component"). The selector must never change: a Deployment's is immutable. */}}
{{- define "sgw.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "sgw.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "sgw.labels" -}}
{{- $root := index . 0 -}}
{{ include "sgw.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "sgw.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* The pull secrets as an entry of a pod, where there are any. */}}
{{- define "sgw.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* The profile `restricted` of the Pod Security Standards. */}}
{{- define "sgw.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* Capabilities that a container has besides none: a list. */}}
{{- define "sgw.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
  {{- with . }}
  add: {{ toJson . }}
  {{- end }}
{{- end }}

{{- define "sgw.spread" -}}
{{- $root := index . 0 -}}
{{- with index . 2 -}}
{{ toYaml . }}
{{- else -}}
- maxSkew: 1
  topologyKey: kubernetes.io/hostname
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels: {{- include "sgw.selector" (list $root (index . 1)) | nindent 6 }}
{{- end -}}
{{- end }}

{{/* nodeSelector, tolerations, affinity, priority of a component's pods. */}}
{{- define "sgw.placement" -}}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/* Probes of the status port; the address is that of the pod, or the one that is given. */}}
{{- define "sgw.probes" -}}
livenessProbe:
  httpGet: {path: /healthz, port: status{{ with . }}, host: {{ . | quote }}{{ end }}}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: status{{ with . }}, host: {{ . | quote }}{{ end }}}
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 3
{{- end }}

{{/* What belongs together or contradicts itself in ways a schema cannot say. */}}
{{- define "sgw.check" -}}
{{- if and .Values.scope.namespaces .Values.scope.namespaceSelector -}}
{{- fail "scope: set either namespaces or namespaceSelector, not both" -}}
{{- end -}}
{{- if and (eq .Values.rbac.secrets.access "named") (not .Values.rbac.secrets.names) -}}
{{- fail "rbac.secrets: access is `named`, so list the Secrets in rbac.secrets.names" -}}
{{- end -}}
{{- if and (ne .Values.rbac.secrets.access "named") .Values.rbac.secrets.names -}}
{{- fail "rbac.secrets.names: only with rbac.secrets.access `named`" -}}
{{- end -}}
{{- if and (eq .Values.mode "daemonset") .Values.gateway.sysctls (not .Values.gateway.sysctlsOnHost) -}}
{{- fail "gateway.sysctls: Kubernetes sets none for pods on the node's network; set them on the nodes, or say gateway.sysctlsOnHost: true" -}}
{{- end -}}
{{- if and .Values.gatewayApi.dataPlanes (or (eq .Values.mode "standalone") (not .Values.gatewayApi.enabled)) -}}
{{- fail "gatewayApi.dataPlanes: they need gatewayApi.enabled and a control plane apart: any mode but standalone" -}}
{{- end -}}
{{- if and (eq .Values.mode "sidecar") (not .Values.sidecar.accounts) -}}
{{- fail "sidecar.accounts: list the service accounts (namespace/name) whose pods may have a sidecar" -}}
{{- end -}}
{{- if and .Values.sidecar.webhook.certificate.existingSecret (not .Values.sidecar.webhook.certificate.caBundle) (not .Values.sidecar.webhook.certificate.annotations) -}}
{{- fail "sidecar.webhook.certificate: with a Secret of yours say caBundle, or annotations for whoever injects it" -}}
{{- end -}}
{{- if and (not .Values.serviceAccount.create) (not .Values.serviceAccount.name) -}}
{{- fail "serviceAccount: create is false, so say its name" -}}
{{- end -}}
{{- end }}
