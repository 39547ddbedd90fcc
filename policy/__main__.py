"""Hands the rules to Pulumi's policy engine."""

from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from rules import RULES, STACK_RULES, Resource, Rule, StackRule


def judged(found: ResourceValidationArgs) -> Resource:
    """Return a resource as the rules see it; its options are the same in both kinds of policy."""
    return Resource(found.resource_type, found.name, found.urn, found.props, found.opts.protect)


def level(rule: Rule | StackRule) -> EnforcementLevel:
    """Return what a violation does; `--policy-pack-config` may say otherwise."""
    return EnforcementLevel.MANDATORY if rule.mandatory else EnforcementLevel.ADVISORY


def resource_policy(rule: Rule) -> ResourceValidationPolicy:
    """Return the rule as a policy that judges a resource before it is created."""

    def validate(found: ResourceValidationArgs, report: ReportViolation) -> None:
        for violation in rule.check(judged(found)):
            report(violation, None)

    return ResourceValidationPolicy(rule.name, rule.description, validate, level(rule))


def stack_policy(rule: StackRule) -> StackValidationPolicy:
    """Return the rule as a policy that judges all resources together."""

    def validate(found: StackValidationArgs, report: ReportViolation) -> None:
        for resource, violation in rule.check([judged(one) for one in found.resources]):
            report(violation, resource.urn)

    return StackValidationPolicy(rule.name, rule.description, validate, level(rule))


PolicyPack(
    "langgraph-checkpoint",
    [*map(resource_policy, RULES), *map(stack_policy, STACK_RULES)],
)
