{{/* metadata of a component's pods: (list $ "component" values settings-or-empty). */}}
{{- define "sgw.podMetadata" -}}
{{- $root := index . 0 -}}
{{- $values := index . 2 -}}
labels:
  {{- include "sgw.labels" (list $root (index . 1)) | nindent 2 }}
  {{- with $values.podLabels }}{{ toYaml . | nindent 2 }}{{ end }}
annotations:
  # Other settings need other pods.
  checksum/settings: {{ include "sgw.settings" (list $root (index . 3)) | sha256sum }}
  {{- with $values.podAnnotations }}{{ toYaml . | nindent 2 }}{{ end }}
{{- end }}

{{/* What lets a pod with Envoy end without losing requests. */}}
{{- define "sgw.ending" -}}
# Until every proxy and load balancer has heard that this pod ends, it answers as before.
preStop: {exec: {command: [sleep, {{ .Values.gateway.drain.preStopSeconds | quote }}]}}
{{- end }}

{{/* Waiting, finishing requests, and a little for the rest. */}}
{{- define "sgw.grace" -}}
{{ add .Values.gateway.drain.preStopSeconds .Values.gateway.drain.requestSeconds 10 }}
{{- end }}

{{- define "sgw.logArguments" -}}
- --log-level={{ .Values.logLevel }}
- --log-json
{{- end }}

{{- define "sgw.sysctls" -}}
{{- with . }}
sysctls:
  {{- range $name, $value := . }}
  - {name: {{ $name }}, value: {{ $value | quote }}}
  {{- end }}
{{- end }}
{{- end }}

{{/* The service account's token, as Kubernetes would mount it; here because it is not mounted where it is not used. */}}
{{- define "sgw.tokenMount" -}}
- {name: api, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
{{- end }}

{{- define "sgw.tokenVolume" -}}
- name: api
  projected:
    sources:
      - serviceAccountToken: {path: token, expirationSeconds: 3607}
      - configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}
      - downwardAPI: {items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]}
{{- end }}

{{/* The token by which a node proves who it is; the API server would not take it. */}}
{{- define "sgw.nodeToken" -}}
- name: {{ index . 0 }}
  projected:
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: 3600
          audience: {{ dig "control" "token_audience" "sealos-gateway" (index . 1).Values.settings }}
{{- end }}
