//! What commands of tests run under, if they do not say otherwise: the keys, the region and the time of the official CLI's
//! answers.

use std::time::{Duration, Instant, SystemTime};

use awscli::files::Files;
use awscli::session::{Budget, Credentials, NoJournal, Session, Tokens};
use awscli::transport::Transport;
use bytes::Bytes;

/// 2025-01-15T12:34:56Z.
pub fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_736_944_496)
}

/// A session whose requests go to `http`, with these files.
pub fn session<'a>(http: &'a dyn Transport, files: &'a dyn Files) -> Session<'a> {
    Session {
        credentials: Credentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            session_token: Some("FwoGZXIvYXdzEXAMPLETOKEN".into()),
            account_id: Some("123456789012".into()),
        },
        region: Some("us-east-1".into()),
        endpoint: None,
        http,
        files,
        stdin: Bytes::new(),
        budget: Budget {
            deadline: Instant::now() + Duration::from_secs(3600),
            reserve: Duration::ZERO,
            calls: 100,
            pages: 50,
            output_bytes: 1 << 20,
            read_bytes: 64 << 20,
        },
        journal: &NoJournal,
        tokens: Tokens::Derived(uuid::Uuid::NAMESPACE_OID),
        hide_secrets: false,
        clock: Some(now),
        park: None,
    }
}
