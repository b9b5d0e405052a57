"""Recipe, plan, shards, assembly: building datasets without any orchestrator."""
