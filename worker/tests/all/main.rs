//! The worker and the sweeper against an AWS emulator and a Slack that answers, over real HTTP. Every test is something
//! that a person did and saw, or a fault and what he saw then.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod aws;
mod binary;
mod delivery;
mod faults;
mod limits;
mod queue;
mod revocation;
mod slack;
mod tenants;
mod transcript;
mod world;
