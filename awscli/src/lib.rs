//! The `aws` command as a library: the arguments, requests, output and exit statuses of the AWS CLI v2, driven by the
//! official API models. It knows neither Slack nor shells, and it takes nothing from the host that it runs on.
//!
//! [`run`] takes a command's words and a [`Session`](session::Session): keys, region, files, budgets, and a journal that is
//! asked before each call. What the command prints and how it ends is in the [`Output`](session::Output).
//!
//! ```
//! use std::time::{Duration, Instant};
//!
//! use awscli::files::MemoryFiles;
//! use awscli::session::{Budget, Credentials, NoJournal, Output, Session, Tokens};
//! use awscli::transport::HttpClient;
//!
//! async fn who_am_i(credentials: Credentials, job: uuid::Uuid) -> Result<Output, Box<dyn std::error::Error>> {
//!     let http = HttpClient::new()?;
//!     let files = MemoryFiles::new(1 << 20);
//!     let session = Session {
//!         credentials,
//!         region: Some("eu-west-1".to_owned()),
//!         endpoint: None,
//!         http: &http,
//!         files: &files,
//!         stdin: Default::default(),
//!         budget: Budget {
//!             deadline: Instant::now() + Duration::from_secs(60),
//!             reserve: Duration::from_secs(1),
//!             calls: 100,
//!             pages: 50,
//!             output_bytes: 1 << 20,
//!             read_bytes: 64 << 20,
//!         },
//!         journal: &NoJournal,
//!         tokens: Tokens::Derived(job),
//!         hide_secrets: true,
//!         clock: None,
//!         park: None,
//!     };
//!     let words = ["sts", "get-caller-identity", "--query", "Arn"].map(str::to_owned);
//!     Ok(awscli::run(&words, &session).await)
//! }
//! ```
//!
//! [`classify`](classify::classify) tells before that what a command would do. The steps of a run are modules of their own:
//! [`command`] reads words, [`catalog`] has the [models](model), [`endpoint`], [`serialize`] and [`sign`] make requests,
//! [`send`] sends them through a [`transport`], [`parse`] reads answers, [`query`] and [`format`](mod@format) show them.

pub mod catalog;
pub mod checksum;
pub mod classify;
pub mod command;
pub mod custom;
mod customize;
pub mod endpoint;
mod express;
pub mod files;
pub mod format;
pub mod help;
pub mod model;
pub mod paginate;
pub mod park;
pub mod parse;
pub mod query;
mod redirect;
mod refused;
mod retry;
mod run;
mod s3;
pub mod secrets;
pub mod send;
pub mod serialize;
pub mod session;
pub mod sign;
mod skeleton;
mod timestamp;
pub mod transport;
pub mod value;
mod wait;
pub mod yaml;
mod zip;

pub use run::{resume, run};
