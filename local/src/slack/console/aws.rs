//! The dialog in which a person is the administrator of a target account. It is on this machine only, so nobody logs in.

use std::sync::Arc;

use axum::extract::State as Shared;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::slack::{AwsRole, Inner};

pub(super) fn routes() -> Router<Arc<Inner>> {
    Router::new().route("/console/aws", get(roles).post(trust))
}

async fn roles(Shared(inner): Shared<Arc<Inner>>) -> Json<Value> {
    let role = |role: &AwsRole| json!({"arn": role.arn, "account": role.account, "name": role.name});
    Json(json!({"roles": inner.aws.roles.iter().map(role).collect::<Vec<_>>()}))
}

#[derive(Deserialize)]
struct Trust {
    role: String,
    policy: String,
}

async fn trust(Shared(inner): Shared<Arc<Inner>>, Json(asked): Json<Trust>) -> Json<Value> {
    let Some(role) = inner.aws.roles.iter().find(|role| role.arn == asked.role) else {
        return Json(json!({"error": "there is no such role"}));
    };
    let put = (inner.aws.trust)(role.clone(), asked.policy).await;
    Json(json!({"error": put.err()}))
}
