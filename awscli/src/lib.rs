//! The `aws` command as a library: the arguments, requests, output and exit statuses of the AWS CLI v2, driven by the
//! official API models. It knows neither Slack nor shells, and it takes nothing from the host that it runs on.

pub mod catalog;
pub mod checksum;
pub mod classify;
pub mod command;
pub mod custom;
pub mod customize;
pub mod endpoint;
pub mod files;
pub mod format;
pub mod help;
pub mod model;
pub mod paginate;
pub mod parse;
pub mod query;
pub mod refused;
pub mod retry;
mod run;
mod s3;
pub mod secrets;
pub mod send;
pub mod serialize;
pub mod session;
pub mod sign;
pub mod skeleton;
pub mod timestamp;
pub mod transport;
pub mod value;
mod wait;
pub mod yaml;
mod zip;

pub use run::run;
