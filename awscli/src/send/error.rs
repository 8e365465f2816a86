//! Why a call gave nothing, and what the AWS CLI says and returns then.

use thiserror::Error;

use crate::endpoint::TargetError;
use crate::format;
use crate::parse::{ParseError, ServiceError};
use crate::serialize::SerializeError;
use crate::sign::SignError;

/// Why a call gave nothing.
#[derive(Debug, Error)]
pub enum CallError {
    /// The service refused it, or failed.
    #[error("An error occurred ({}) when calling the {operation} operation: {}", error.code, error.message)]
    Service {
        /// What it said.
        error: Box<ServiceError>,
        /// The operation's name.
        operation: String,
        /// How often it was sent again, if that was as often as it may be.
        retries: Option<u32>,
    },
    /// The parameters fit no request.
    #[error("{0}")]
    Parameters(String),
    /// There is no endpoint for it.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// It cannot be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// No connection.
    #[error("Could not connect to the endpoint URL: \"{url}\" ({reason})")]
    Connect {
        /// The address.
        url: String,
        /// Why there is none.
        reason: String,
    },
    /// The connection broke.
    #[error(
        "Connection was closed before we received a valid response from endpoint URL: \"{url}\" ({reason})"
    )]
    Closed {
        /// The address.
        url: String,
        /// How it broke.
        reason: String,
    },
    /// There was no answer in time.
    #[error("Read timeout on endpoint URL: \"{url}\"")]
    Timeout {
        /// The address.
        url: String,
    },
    /// The answer was not understood.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// The response's checksum is not that of its body.
    #[error("Expected checksum {expected} did not match calculated checksum: {found}")]
    Checksum {
        /// As in the header.
        expected: String,
        /// As computed.
        found: String,
    },
    /// There is no such checksum.
    #[error("Unsupported checksum algorithm: {0}")]
    ChecksumAlgorithm(String),
    /// What a service signed a URL for is not to be had.
    #[error("{0}")]
    Download(String),
    /// An answer lacks this.
    #[error("'{0}'")]
    Missing(String),
    /// The service did not say where its calls go.
    #[error("Endpoint Discovery Failed: {0}")]
    Discovery(String),
    /// `--starting-token` is none of this listing.
    #[error("Bad starting token: {0}")]
    StartingToken(String),
    /// The pages do not go on as they should.
    #[error("Error during pagination: {0}")]
    Paging(String),
    /// The call was not made since the budget is used up. Names the limit.
    #[error("{0}")]
    Budget(String),
    /// The journal did not let the call be made, and says why.
    #[error("{0}")]
    Journal(String),
}

impl CallError {
    /// The error as the AWS CLI prints it on standard error.
    pub fn text(&self) -> String {
        match self {
            Self::Service { error, operation, retries } => format::service_error(error, operation, *retries),
            Self::Parameters(message) => format::usage_error(message),
            other => format::error_line(&other.to_string()),
        }
    }

    /// The AWS CLI's exit status for this error.
    pub fn exit_status(&self) -> i32 {
        match self {
            Self::Service { .. } => 254,
            Self::Parameters(_) => 252,
            Self::Target(TargetError::NoRegion) => 253,
            Self::Target(TargetError::BadParameter(_) | TargetError::BadHostLabel(_)) => 252,
            Self::Budget(_) => 130,
            _ => 255,
        }
    }
}

impl From<SerializeError> for CallError {
    fn from(error: SerializeError) -> Self {
        Self::Parameters(format!("Parameter validation failed:\n{error}"))
    }
}
