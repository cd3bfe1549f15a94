"""The bars of the gateway, measured with real processes: `python -m bench [ROW…] [--quick]`.

Each row of the table is one file in `rows/`; `lab` starts and ends the processes, `world` makes the manifests, `report`
prints, saves and puts the table into the READMEs. The product is only run, never imported: what is measured is what a
user starts. (`scope_filters` is an experiment of its own.)
"""
