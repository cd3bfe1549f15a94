{{/* The ports that Envoy listens on: (dict "http" n "https" n), as YAML. */}}
{{- define "sgw.ports" -}}
{{- $usual := dict "daemonset" (list 80 443) "sidecar" (list 15080 15443) -}}
{{- $both := get $usual .Values.mode | default (list 8080 8443) -}}
http: {{ .Values.gateway.ports.http | default (index $both 0) }}
https: {{ .Values.gateway.ports.https | default (index $both 1) }}
{{- end }}

{{/*
The settings file of a component: (list $ "control"), or "node", "standalone". What the chart decides, and over it what the
user says.
*/}}
{{- define "sgw.settings" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- $values := $root.Values -}}
{{- $ports := include "sgw.ports" $root | fromYaml -}}
{{- $name := include "sgw.fullname" $root -}}
{{- $behindService := has $values.mode (list "deployment" "standalone") -}}
{{- $onHost := and (eq $values.mode "daemonset") (eq $component "node") -}}
{{- $ours := dict
  "http_port" (int $ports.http)
  "https_port" (int $ports.https)
  "status_port" (int $values.status.port)
  "status_address" (ternary $values.status.hostAddress "0.0.0.0" $onHost)
  "state_dir" "/var/lib/sgw"
  "http" (dict "https_redirect_port" (ternary (int $values.service.ports.https) 0 $behindService))
  "envoy" (dict "drain_seconds" (int $values.gateway.drain.requestSeconds))
  "ingress" (dict "classes" (list $values.ingressClass.name))
  "kubernetes" (dict
    "lease_name" $name
    "lease_namespace" $root.Release.Namespace
    "publish_addresses" $values.publishAddresses)
-}}
{{- $gatewayApi := dict -}}
{{- if $behindService -}}
{{- /* Listeners of Gateways on the shared nodes name the ports of the Service. */ -}}
{{- $tcp := list -}}
{{- $udp := list -}}
{{- range $values.service.more -}}
{{- if eq (.protocol | default "TCP") "UDP" -}}{{- $udp = append $udp (int .port) -}}{{- else -}}{{- $tcp = append $tcp (int .port) -}}{{- end -}}
{{- end -}}
{{- $gatewayApi = dict
  "shared_http_port" (int $values.service.ports.http)
  "shared_https_port" (int $values.service.ports.https)
  "shared_tcp_ports" $tcp
  "shared_udp_ports" $udp
-}}
{{- end -}}
{{- if ne $values.mode "standalone" -}}
{{- $accounts := list (printf "%s/%s-node" $root.Release.Namespace $name) -}}
{{- if eq $values.mode "sidecar" -}}{{- $accounts = $values.sidecar.accounts -}}{{- end -}}
{{- $_ := set $ours "control" (dict
  "xds_port" (int $values.control.ports.xds)
  "enrol_port" (int $values.control.ports.enrol)
  "ca_secret" (printf "%s-ca" $name)
  "node_accounts" $accounts)
-}}
{{- if $values.gatewayApi.dataPlanes -}}
{{- $_ := set $gatewayApi "control" (printf "%s-control.%s.svc" $name $root.Release.Namespace) -}}
{{- $_ := set $gatewayApi "image" (include "sgw.image" $root) -}}
{{- end -}}
{{- end -}}
{{- if and $gatewayApi (ne $component "node") -}}
{{- $_ := set $ours "gateway_api" $gatewayApi -}}
{{- end -}}
{{- if $values.sealos.domain -}}
{{- $ours = mergeOverwrite $ours (include "sgw.sealos" $root | fromYaml) -}}
{{- end -}}
{{- if eq $component "node" -}}
{{- $node := dict "control" (printf "%s-control.%s.svc" $name $root.Release.Namespace) -}}
{{- if include "sgw.sealSecret" $root -}}{{- $_ := set $node "seal_key_file" "/etc/sealos-gateway/seal/key" -}}{{- end -}}
{{- $_ := set $ours "node" $node -}}
{{- end -}}
{{- toYaml (mergeOverwrite $ours (deepCopy $values.settings)) -}}
{{- end }}

{{/*
What Sealos Cloud expects, as settings. Classes: what Sealos writes is `nginx`, flipped to `pause` or `disable` while an app is
off; its users know Higress, which has neither ingress-nginx' limit of bodies nor its Strict-Transport-Security.
*/}}
{{- define "sgw.sealos" -}}
{{- $wanted := .Values.sealos -}}
ingress:
  classes: {{ list .Values.ingressClass.name "nginx" | uniq | toJson }}
  nginx_classes: []
  on_every_host: [{{ $wanted.challenge }}]
tls:
  default_certificates:
    - {pattern: "*.{{ $wanted.domain }}", secret: {{ $wanted.certificate }}}
    - {pattern: {{ $wanted.domain }}, secret: {{ $wanted.certificate }}}
http:
  max_request_headers_kb: 8192
  max_concurrent_streams: 150
  upgrade_types: [tailscale-control-protocol]
envoy:
  istio_labels: true
{{- end }}

{{/* The Secret with the key that seals private keys on disk; empty where nothing is sealed. */}}
{{- define "sgw.sealSecret" -}}
{{- if has .Values.mode (list "daemonset" "deployment") -}}
{{- if .Values.gateway.sealKey.existingSecret -}}
{{- .Values.gateway.sealKey.existingSecret -}}
{{- else if .Values.gateway.sealKey.create -}}
{{- include "sgw.fullname" . -}}-seal
{{- end -}}
{{- end -}}
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
