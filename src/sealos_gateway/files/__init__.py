"""Files and folders of Kubernetes manifests as a source of objects: for machines without a cluster, the CLI and tests.

`source.Source` is the door: it loads, reloads and watches. Below it, in the order a change travels: `watcher`
(which paths changed), `disk` (which files count, reading them), `manifest` (text to objects) with `yaml_text`,
`json_text` and `objects`, and `claims` (who owns an object named in two files). Nothing here knows what objects mean.
"""
