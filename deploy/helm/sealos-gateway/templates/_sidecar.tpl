{{/* What is added to a pod that asks; the pod may be in any namespace, so its files come from annotations. */}}
{{- define "sgw.sidecar" -}}
{{- $ports := include "sgw.ports" . | fromYaml -}}
container:
  name: sealos-gateway
  restartPolicy: Always
  image: {{ include "sgw.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  args:
    - node
    - --config=/etc/sealos-gateway/settings.yaml
    {{- include "sgw.logArguments" . | nindent 4 }}
  env:
    - name: POD_NAME
      valueFrom: {fieldRef: {fieldPath: metadata.name}}
  ports:
    - {name: sgw-http, containerPort: {{ $ports.http }}}
    - {name: sgw-https, containerPort: {{ $ports.https }}}
    - {name: sgw-status, containerPort: {{ .Values.status.port }}}
  {{- include "sgw.probes" "" | replace "port: status" "port: sgw-status" | nindent 2 }}
  lifecycle: {{- include "sgw.ending" . | nindent 4 }}
  resources: {{- toYaml .Values.sidecar.resources | nindent 4 }}
  securityContext:
    {{- include "sgw.containerSecurity" list | nindent 4 }}
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    seccompProfile: {type: RuntimeDefault}
  volumeMounts:
    - {name: sealos-gateway-files, mountPath: /etc/sealos-gateway, readOnly: true}
    - {name: sealos-gateway-state, mountPath: /var/lib/sgw}
    - {name: sealos-gateway-tmp, mountPath: /tmp}
    - {name: sealos-gateway-token, mountPath: /var/run/secrets/sealos-gateway, readOnly: true}
volumes:
  - name: sealos-gateway-files
    downwardAPI:
      items:
        - path: settings.yaml
          fieldRef: {fieldPath: "metadata.annotations['sealos.io/sidecar-settings']"}
        - path: ca/ca.crt
          fieldRef: {fieldPath: "metadata.annotations['sealos.io/sidecar-ca']"}
  - {name: sealos-gateway-state, emptyDir: {}}
  - {name: sealos-gateway-tmp, emptyDir: {}}
  {{- include "sgw.nodeToken" (list "sealos-gateway-token" .) | nindent 2 }}
annotations:
  sealos.io/sidecar-settings: |
    {{- include "sgw.settings" (list . "node") | nindent 4 }}
accounts: {{- toYaml .Values.sidecar.accounts | nindent 2 }}
{{- end }}
