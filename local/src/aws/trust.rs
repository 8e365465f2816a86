//! Trust policies: who may assume a role, and under which conditions.

use std::collections::BTreeMap;

use serde_json::Value;

/// What a trust policy is asked.
pub(crate) struct Question<'a> {
    /// `sts:AssumeRole`, `sts:TagSession` or `sts:SetSourceIdentity`.
    pub(crate) action: &'a str,
    /// 12 digits.
    pub(crate) caller_account: &'a str,
    /// The ARN of the caller's role, or of its root.
    pub(crate) caller_arn: &'a str,
    /// The condition keys of the request, in lower case.
    pub(crate) context: &'a BTreeMap<String, String>,
}

/// Whether `policy`, the text of a trust policy, lets the caller do it: some statement allows and none denies.
/// What this module does not understand never allows and always denies.
pub(crate) fn allows(policy: &str, question: &Question<'_>) -> bool {
    let Ok(policy) = serde_json::from_str::<Value>(policy) else { return false };
    let statements = match &policy["Statement"] {
        Value::Array(statements) => statements.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut allowed = false;
    for statement in statements {
        let named = words(&statement["Action"])
            .any(|pattern| matches(&pattern.to_lowercase(), &question.action.to_lowercase()))
            && is_principal(&statement["Principal"], question);
        match (named, statement["Effect"].as_str()) {
            (true, Some("Allow")) if conditions(statement, question.context) == Some(true) => allowed = true,
            (true, Some("Deny")) if conditions(statement, question.context) != Some(false) => return false,
            _ => {}
        }
    }
    allowed
}

/// A string, or the strings of a list.
fn words(value: &Value) -> impl Iterator<Item = &str> {
    let list = value.as_array().map(Vec::as_slice).unwrap_or_else(|| std::slice::from_ref(value));
    list.iter().filter_map(Value::as_str)
}

fn is_principal(principal: &Value, question: &Question<'_>) -> bool {
    if principal == "*" {
        return true;
    }
    words(&principal["AWS"]).any(|name| {
        name == "*"
            || name == question.caller_arn
            || name == question.caller_account
            || name.strip_prefix("arn:aws:iam::").and_then(|rest| rest.strip_suffix(":root"))
                == Some(question.caller_account)
    })
}

/// Whether all conditions of `statement` hold. `None` if one is of a kind that this module does not know.
fn conditions(statement: &Value, context: &BTreeMap<String, String>) -> Option<bool> {
    let Some(operators) = statement.get("Condition") else { return Some(true) };
    for (operator, keys) in operators.as_object()? {
        for (key, wanted) in keys.as_object()? {
            let found = context.get(&key.to_lowercase()).map(String::as_str);
            let wanted: Vec<&str> = words(wanted).collect();
            let (operator, if_exists) = match operator.strip_suffix("IfExists") {
                Some(operator) => (operator, true),
                None => (operator.as_str(), false),
            };
            let holds = match (operator, found) {
                ("Null", found) => wanted.contains(&if found.is_none() { "true" } else { "false" }),
                (_, None) if if_exists => true,
                ("StringEquals", found) => found.is_some_and(|found| wanted.contains(&found)),
                ("StringNotEquals", found) => found.is_none_or(|found| !wanted.contains(&found)),
                ("StringLike" | "ArnLike" | "ArnEquals", found) => {
                    found.is_some_and(|found| wanted.iter().any(|pattern| matches(pattern, found)))
                }
                ("StringNotLike" | "ArnNotLike" | "ArnNotEquals", found) => {
                    found.is_none_or(|found| !wanted.iter().any(|pattern| matches(pattern, found)))
                }
                _ => return None,
            };
            if !holds {
                return Some(false);
            }
        }
    }
    Some(true)
}

/// Matches `*` (any characters) and `?` (one character).
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == '?' || pattern[p] == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((at, taken)) = star {
            star = Some((at, taken + 1));
            p = at + 1;
            t = taken + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKER: &str = "arn:aws:iam::123456789012:role/alfredbot-worker";

    fn ask(policy: &Value, context: &[(&str, &str)]) -> bool {
        let context = context.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        allows(
            &policy.to_string(),
            &Question {
                action: "sts:AssumeRole",
                caller_account: "123456789012",
                caller_arn: WORKER,
                context: &context,
            },
        )
    }

    #[test]
    fn a_statement_allows_only_its_principal_action_and_conditions() {
        let allow = |principal: Value, action: Value, condition: Value| serde_json::json!({ "Statement": { "Effect": "Allow", "Principal": principal, "Action": action, "Condition": condition } });
        let aws = |name: &str| serde_json::json!({ "AWS": name });
        let none = serde_json::json!({});
        let id = serde_json::json!({ "StringEquals": { "sts:ExternalId": "x1" } });
        let right = [("sts:externalid", "x1")];
        let cases = [
            (allow(aws(WORKER), "sts:AssumeRole".into(), none.clone()), &[][..], true),
            (allow(aws("arn:aws:iam::123456789012:root"), "sts:*".into(), none.clone()), &[], true),
            (allow("*".into(), "sts:assumerole".into(), none.clone()), &[], true),
            (allow(aws("arn:aws:iam::123456789012:role/other"), "sts:*".into(), none.clone()), &[], false),
            (allow(aws("arn:aws:iam::999999999999:root"), "sts:*".into(), none.clone()), &[], false),
            (
                allow(serde_json::json!({ "Service": "lambda.amazonaws.com" }), "sts:*".into(), none.clone()),
                &[],
                false,
            ),
            (allow(aws(WORKER), "sts:TagSession".into(), none.clone()), &[], false),
            (allow(aws(WORKER), "sts:AssumeRole".into(), id.clone()), &right, true),
            (allow(aws(WORKER), "sts:AssumeRole".into(), id.clone()), &[], false),
            (allow(aws(WORKER), "sts:AssumeRole".into(), id), &[("sts:externalid", "x2")], false),
            (
                allow(
                    aws(WORKER),
                    "sts:AssumeRole".into(),
                    serde_json::json!({ "StringLike": { "sts:RoleSessionName": "ab-T?-*" } }),
                ),
                &[("sts:rolesessionname", "ab-T1-U2")],
                true,
            ),
            (
                allow(
                    aws(WORKER),
                    "sts:AssumeRole".into(),
                    serde_json::json!({ "DateLessThan": { "aws:CurrentTime": "2100" } }),
                ),
                &[],
                false,
            ),
        ];
        for (policy, context, allowed) in cases {
            assert_eq!(ask(&policy, context), allowed, "{policy} with {context:?}");
        }
    }

    #[test]
    fn a_deny_wins_and_so_does_one_that_is_not_understood() {
        let allow = serde_json::json!({ "Effect": "Allow", "Principal": "*", "Action": "*" });
        let deny = |condition: Value| serde_json::json!({ "Statement": [allow, { "Effect": "Deny", "Principal": "*", "Action": "*", "Condition": condition }] });
        let wrong_id = serde_json::json!({ "StringNotEquals": { "sts:ExternalId": "x1" } });
        assert!(ask(&deny(wrong_id.clone()), &[("sts:externalid", "x1")]));
        assert!(!ask(&deny(wrong_id), &[]));
        assert!(!ask(&deny(serde_json::json!({ "Bool": { "aws:SecureTransport": "false" } })), &[]));
        assert!(!allows(
            "not json",
            &Question {
                action: "sts:AssumeRole",
                caller_account: "1",
                caller_arn: "1",
                context: &BTreeMap::new()
            }
        ));
    }
}
