"""Pulumi components that provision, migrate and verify LangGraph checkpoint storage."""
