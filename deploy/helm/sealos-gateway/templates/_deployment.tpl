{{/* The part of a Deployment of Envoys that is about their number and their replacement. */}}
{{- define "sgw.deployment" -}}
{{- if not .Values.gateway.autoscaling.enabled -}}
replicas: {{ .Values.gateway.replicas }}
{{ end -}}
# A pod that can serve less is never the price of an upgrade.
strategy:
  rollingUpdate: {maxSurge: 1, maxUnavailable: 0}
selector:
  matchLabels: {{- include "sgw.selector" (list . "gateway") | nindent 4 }}
{{- end }}
