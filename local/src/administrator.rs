//! The administrators of the target accounts, as far as the console lets a person do their part: they put the trust policy
//! that Alfredbot shows on a role. They have their own accounts' keys, which nothing of Alfredbot has.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::aws::{Client, ClientError, DEV, PROD};
use crate::demo::ROLES;
use crate::seed;
use crate::slack::{AwsAdministrator, AwsRole};

/// The administrators of the accounts whose administrator keys `clients` have.
pub fn administrator(clients: &BTreeMap<&'static str, Client>) -> AwsAdministrator {
    let accounts = clients.clone();
    let roles = [DEV, PROD].into_iter().flat_map(|account| ROLES.map(|name| AwsRole::new(account, name)));
    AwsAdministrator {
        roles: roles.collect(),
        trust: Arc::new(move |role, policy| {
            let client = accounts.get(role.account.as_str()).cloned();
            Box::pin(async move {
                let client = client.ok_or_else(|| format!("no administrator keys of {}", role.account))?;
                seed::trust(&client, &role.name, &policy).await.map_err(|error| in_words(&error))
            })
        }),
    }
}

/// What IAM says about a refusal; what is no answer of IAM stays as it is.
fn in_words(error: &ClientError) -> String {
    let said = match error {
        ClientError::Refused { body, .. } => {
            Some((seed::element(body, "Code"), seed::element(body, "Message")))
        }
        ClientError::NoAnswer { .. } => None,
    };
    match said {
        Some((code, message)) if !code.is_empty() => format!("{code}: {message}"),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_in_the_words_of_iam() {
        let refused = |body: &str| ClientError::Refused {
            action: "iam UpdateAssumeRolePolicy".into(),
            status: 400,
            body: body.into(),
        };
        let body = "<ErrorResponse><Error><Code>MalformedPolicyDocument</Code><Message>no JSON</Message></Error></ErrorResponse>";
        assert_eq!(in_words(&refused(body)), "MalformedPolicyDocument: no JSON");
        assert_eq!(
            in_words(&refused("oops")),
            "iam UpdateAssumeRolePolicy was refused with status 400: oops"
        );
    }
}
