//! The syncer's tables against an emulated DynamoDB: what happens when events, syncs and tenants meet in every order.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod aws;
mod chunks;
mod race;
mod random;
mod seen;
mod syncer;
mod tenants;
