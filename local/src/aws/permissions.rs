//! What a role may do: its policies in IAM, as the emulator's own policy simulator reads them.
//!
//! Only the action is asked for. AWS would also look at the resource and the conditions; here a statement allows or
//! denies for every resource, so the seeded policies name actions and leave resources open.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use winterbaume_core::MockRequest;

use super::accounts::{Account, Caller, Identity};

/// Answers of the simulator, kept until something in IAM changes.
#[derive(Default)]
pub(crate) struct Permissions {
    known: Mutex<HashMap<(String, String), bool>>,
}

impl Permissions {
    /// Whether `caller` may do `action` (`ec2:StopInstances`). Root may do everything.
    pub(crate) async fn allow(&self, account: &Account, caller: &Caller, action: &str) -> bool {
        let Identity::RoleSession(session) = &caller.identity else { return true };
        let key = (session.role_arn.clone(), action.to_owned());
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return *known;
        }
        let body: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("Action", "SimulatePrincipalPolicy")
            .append_pair("PolicySourceArn", &session.role_arn)
            .append_pair("ActionNames.member.1", action)
            .finish();
        let request = MockRequest {
            method: "POST".into(),
            uri: "https://iam.amazonaws.com/".into(),
            headers: http::HeaderMap::new(),
            body: body.into(),
        };
        let Some(response) = account.handle("iam", request).await else { return false };
        let text = String::from_utf8_lossy(&response.body);
        let allowed = response.status == 200 && text.contains("<EvalDecision>allowed</EvalDecision>");
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key, allowed);
        allowed
    }

    /// Forgets all answers.
    pub(crate) fn forget(&self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// The IAM action of a request. Protocols that name their operation give it away; for the two that do not, the method
/// and the path tell as much as the seeded policies need.
pub(crate) fn action(
    service: &str,
    operation: Option<&str>,
    method: &http::Method,
    path: &str,
    query: &str,
) -> String {
    // A transaction has no action of its own: each of its writes needs that of its kind, and ours are all updates.
    if operation == Some("TransactWriteItems") {
        return "dynamodb:UpdateItem".to_owned();
    }
    if let Some(operation) = operation {
        return format!("{service}:{operation}");
    }
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let reads = matches!(*method, http::Method::GET | http::Method::HEAD);
    let name = match service {
        "s3" => match (segments.len(), reads) {
            (0, _) => "ListAllMyBuckets",
            (1, true) if query.is_empty() || query.contains("list-type") || query.contains("prefix") => {
                "ListBucket"
            }
            (1, true) => "GetBucketLocation",
            (1, false) if *method == http::Method::DELETE => "DeleteBucket",
            (1, false) => "CreateBucket",
            (_, true) => "GetObject",
            (_, false) if *method == http::Method::DELETE => "DeleteObject",
            (_, false) => "PutObject",
        },
        "lambda" => match (segments.as_slice(), reads) {
            ([_, "functions"], true) => "ListFunctions",
            ([_, "functions"], false) => "CreateFunction",
            ([_, "functions", _, "invocations"], _) => "InvokeFunction",
            (_, true) => "GetFunction",
            (_, false) if *method == http::Method::DELETE => "DeleteFunction",
            (_, false) => "UpdateFunctionConfiguration",
        },
        _ if reads => "Get",
        _ => "Update",
    };
    format!("{service}:{name}")
}
