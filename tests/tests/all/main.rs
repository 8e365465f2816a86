//! The product seen from outside, in one binary: `cargo test -p tests`, or a part of it by the name of its module.

#![expect(
    clippy::unwrap_used,
    reason = "what is unwrapped here holds in a test, or the test fails at that line"
)]

mod administration;
mod authorization;
mod browser;
mod faults;
mod installation;
mod kill_loop;
mod local_program;
mod parity;
mod security;
mod slack_bolt;
mod slack_sdk;
mod slack_socket_mode;
mod standing;
mod transcripts;
