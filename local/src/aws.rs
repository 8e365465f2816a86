//! The AWS emulator: the winterbaume services, and DynamoDB by `dynoxide`, on one HTTP port with one set of state for each
//! account; in front of them what they lack and the product depends on: who the caller is, what its role permits, and a
//! real STS.
//!
//! Known differences from AWS, on purpose or because the emulator has none of it:
//! - Signatures are not verified; the access key and session token are.
//! - Role policies are evaluated by action only (see [`permissions`]).
//! - S3 has one region for all buckets of an account.
//! - DynamoDB stores the TTL setting but expires nothing, so readers must compare the time, as on AWS.

mod accounts;
mod client;
mod dynamodb;
mod dynamodb_operations;
mod emulator;
mod limits;
mod long_poll;
mod permissions;
mod refusal;
mod sts;
mod trust;

pub use accounts::{Accounts, DEV, HOME, PROD};
pub use client::{Client, ClientError, Response};
pub use emulator::{Emulator, REGION};
