"""Where students' code runs: `pool` starts it on the trusted side, and `worker` runs inside."""

#: What a sandbox imports once, before all jobs, where nothing else is said: most notebooks do.
IMPORTS = ("keras", "tensorflow", "scipy.signal")
