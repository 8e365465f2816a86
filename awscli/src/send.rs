//! Stub.
/// Stub.
pub struct HttpClient;
