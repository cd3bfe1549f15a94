{{/* The pod of mode `standalone`: control plane and Envoy in one process tree. */}}
{{- define "sgw.standalonePod" -}}
{{- $gateway := .Values.gateway -}}
metadata:
  labels:
    {{- include "sgw.labels" (list . "gateway") | nindent 4 }}
    {{- with $gateway.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  annotations:
    # Other settings need other pods.
    checksum/settings: {{ include "sgw.settings" . | sha256sum }}
    {{- with $gateway.podAnnotations }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  serviceAccountName: {{ include "sgw.serviceAccount" . }}
  {{- include "sgw.pullSecrets" . | nindent 2 }}
  # Waiting, finishing requests, and a little for the rest.
  terminationGracePeriodSeconds: {{ add $gateway.drain.preStopSeconds $gateway.drain.requestSeconds 10 }}
  securityContext:
    {{- include "sgw.podSecurity" . | nindent 4 }}
    {{- include "sgw.sysctls" $gateway.sysctls | nindent 4 }}
  topologySpreadConstraints: {{- include "sgw.spread" (list . "gateway" $gateway.topologySpreadConstraints) | nindent 4 }}
  {{- include "sgw.placement" $gateway | nindent 2 }}
  containers:
    - name: gateway
      image: {{ include "sgw.image" . }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args:
        - run
        - --in-cluster
        - --config=/etc/sgw/settings.yaml
        - --log-level={{ .Values.logLevel }}
        - --log-json
        {{- include "sgw.scopeArguments" . | nindent 8 }}
      env:
        - name: POD_NAME
          valueFrom: {fieldRef: {fieldPath: metadata.name}}
      ports:
        - {name: http, containerPort: {{ $gateway.ports.http }}}
        - {name: https, containerPort: {{ $gateway.ports.https }}}
        - {name: status, containerPort: {{ .Values.status.port }}}
      {{- include "sgw.probes" . | nindent 6 }}
      lifecycle:
        # Until every proxy and load balancer has heard that this pod ends, it answers as before.
        preStop: {exec: {command: [sleep, {{ $gateway.drain.preStopSeconds | quote }}]}}
      resources: {{- toYaml $gateway.resources | nindent 8 }}
      securityContext: {{- include "sgw.containerSecurity" . | nindent 8 }}
      volumeMounts:
        - {name: settings, mountPath: /etc/sgw, readOnly: true}
        - {name: state, mountPath: /var/lib/sgw}
        - {name: tmp, mountPath: /tmp}
        {{- include "sgw.tokenMount" . | nindent 8 }}
  volumes:
    - name: settings
      configMap: {name: {{ include "sgw.fullname" . }}}
    - {name: state, emptyDir: {}}
    - {name: tmp, emptyDir: {}}
    {{- include "sgw.tokenVolume" . | nindent 4 }}
{{- end }}

{{- define "sgw.sysctls" -}}
{{- with . }}
sysctls:
  {{- range $name, $value := . }}
  - {name: {{ $name }}, value: {{ $value | quote }}}
  {{- end }}
{{- end }}
{{- end }}

{{/* The service account's token, renewed by the kubelet, as InCluster expects it; not mounted where it is not used. */}}
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
