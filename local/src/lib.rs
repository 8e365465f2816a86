//! Everything in one process on loopback: the AWS emulator with our STS in front, the functions as Lambda would call
//! them (API Gateway events, queue records, schedules), a fake Slack with a web console, and seeded data.
//!
//! It exists for people who try the product without an account, and for tests. Nothing of it is deployed, and the
//! functions cannot tell it from AWS and Slack except by their endpoints.

pub mod administrator;
pub mod aws;
pub mod browser;
pub mod demo;
pub mod fault;
pub mod gateway;
pub mod lambda;
pub mod logs;
pub mod queues;
pub mod schedule;
pub mod seed;
pub mod slack;
pub mod stack;
