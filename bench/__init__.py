"""Programs that measure; each prints machine, versions, commit, seed and spread beside its figures."""
