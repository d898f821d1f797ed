"""The running thing: configuration, reconciling, sweeps, the read API and the command."""
