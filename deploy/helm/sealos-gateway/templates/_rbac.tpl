{{- define "sgw.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "sgw.fullname" .) -}}
{{- end }}

{{- define "sgw.secretVerbs" -}}
{{- ternary "[get, list, watch]" "[get]" .Values.rbac.secrets.watch -}}
{{- end }}

{{/* What is read in each namespace, and what is written back: docs/kubernetes.md says why. */}}
{{- define "sgw.objectRules" -}}
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [get, list, watch]
{{- if eq .Values.rbac.secrets.access "scope" }}
- apiGroups: [""]
  resources: [secrets]
  verbs: {{ include "sgw.secretVerbs" . }}
{{- end }}
{{- if .Values.publishAddresses }}
- apiGroups: [networking.k8s.io]
  resources: [ingresses/status]
  verbs: [patch]
{{- end }}
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
# Certificates of authorities, by name.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get]
# Our own policies, for Ingresses and for the Gateway API.
- apiGroups: [sealos.io]
  resources: [trafficpolicies, backendpolicies, securitypolicies]
  verbs: [get, list, watch]
- apiGroups: [sealos.io]
  resources: [trafficpolicies/status, backendpolicies/status, securitypolicies/status]
  verbs: [patch]
{{- if .Values.gatewayApi.enabled }}
{{- $kinds := list "gateways" "listenersets" "httproutes" "grpcroutes" "tlsroutes" "tcproutes" "udproutes" "backendtlspolicies" }}
- apiGroups: [gateway.networking.k8s.io]
  resources: {{ toJson (append $kinds "referencegrants") }}
  verbs: [get, list, watch]
- apiGroups: [gateway.networking.k8s.io]
  resources:
    {{- range $kinds }}
    - {{ . }}/status
    {{- end }}
  verbs: [patch]
- apiGroups: [gateway.sealos.io]
  resources: [gatewayprofiles]
  verbs: [get, list, watch]
{{- $verbs := ternary (list "get" "list" "watch" "create" "patch" "delete") (list "get" "list" "watch") .Values.gatewayApi.dataPlanes }}
- apiGroups: [""]
  resources: [serviceaccounts, configmaps, services]
  verbs: {{ toJson $verbs }}
- apiGroups: [apps]
  resources: [deployments, daemonsets]
  verbs: {{ toJson $verbs }}
{{- end }}
{{- end }}
