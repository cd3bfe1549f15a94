{{/* The settings file: what the chart decides, and over it what the user says. */}}
{{- define "sgw.settings" -}}
{{- $gateway := .Values.gateway -}}
{{- $classes := list .Values.ingressClass.name -}}
{{- $ours := dict
  "http_port" (int $gateway.ports.http)
  "https_port" (int $gateway.ports.https)
  "status_port" (int .Values.status.port)
  "status_address" "0.0.0.0"
  "state_dir" "/var/lib/sgw"
  "http" (dict "https_redirect_port" (int .Values.service.ports.https))
  "envoy" (dict "drain_seconds" (int $gateway.drain.requestSeconds))
  "ingress" (dict "classes" $classes)
  "kubernetes" (dict
    "lease_name" (include "sgw.fullname" .)
    "lease_namespace" .Release.Namespace
    "publish_addresses" .Values.publishAddresses)
-}}
{{- toYaml (mergeOverwrite $ours (deepCopy .Values.settings)) -}}
{{- end }}

{{/* Which objects are read, as arguments of the program. */}}
{{- define "sgw.scopeArguments" -}}
{{- range .Values.scope.namespaces }}
- --namespace={{ . }}
{{- end }}
{{- with .Values.scope.namespaceSelector }}
- --namespace-selector={{ . }}
{{- end }}
{{- end }}
