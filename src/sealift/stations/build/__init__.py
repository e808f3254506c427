"""Sandbox, toolchains, action cache, executors, rebuild and compare."""
