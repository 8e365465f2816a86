//! What two or more of the processes must agree on: jobs, table items, ids, the Slack vocabulary and client,
//! environment and telemetry. Policy stays with the process that has it.

pub mod admin;
pub mod arn;
pub mod aws;
pub mod clock;
pub mod deadline;
pub mod env;
pub mod http;
pub mod ids;
pub mod installation;
pub mod job;
#[cfg(feature = "kms")]
pub mod kms;
pub mod mapping;
pub mod membership;
pub mod message;
pub mod person;
#[cfg(feature = "slack")]
pub mod retry;
pub mod secret;
#[cfg(feature = "slack")]
pub mod slack;
pub mod telemetry;
