//! How every process reaches AWS: region, credentials and endpoint exactly as Lambda puts them into the environment.
//!
//! There is no chain of credential sources. A process that lost its own role's credentials must stop, not find others.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::HttpClient;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;

use crate::env::Environment;
use crate::secret::Secret;

/// The most that one try of a call may take. SQS, DynamoDB, KMS and STS answer within tens of milliseconds, so a client
/// with a tighter promise sets its own.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);

/// What Lambda tells a function about its place in AWS.
pub struct Account {
    region: String,
    access_key_id: String,
    secret_access_key: Secret<String>,
    session_token: Option<Secret<String>>,
    endpoint: Option<String>,
}

impl Account {
    /// Reads `AWS_REGION`, the function's credentials, and `AWS_ENDPOINT_URL` for running against an emulator.
    pub fn read(env: &mut Environment<'_>) -> Self {
        Self {
            region: env.required("AWS_REGION", "the region that the function runs in"),
            access_key_id: env.required("AWS_ACCESS_KEY_ID", "the function's own credentials"),
            secret_access_key: Secret::new(
                env.required("AWS_SECRET_ACCESS_KEY", "the function's own credentials"),
            ),
            session_token: env.optional("AWS_SESSION_TOKEN").map(Secret::new),
            endpoint: env.optional("AWS_ENDPOINT_URL"),
        }
    }

    /// Where the function runs, such as `eu-west-1`.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The endpoint that stands for every AWS service, if the deployment has one.
    pub fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    /// The function's own credentials. Lambda sets them for the life of the process.
    pub fn credentials(&self) -> Credentials {
        Credentials::new(
            &self.access_key_id,
            self.secret_access_key.expose(),
            self.session_token.as_ref().map(|token| token.expose().clone()),
            None,
            "environment",
        )
    }

    /// What the clients of the AWS SDK are built from. All clients that share `http` share its connections.
    ///
    /// Retries are the SDK's standard ones; a client whose calls must not be repeated switches them off.
    pub fn sdk_config(&self, http: impl HttpClient + 'static) -> SdkConfig {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(crate::http::CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build();
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(self.region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(self.credentials()))
            .http_client(http)
            .sleep_impl(TokioSleep::new())
            .time_source(SystemTimeSource::new())
            .timeout_config(timeouts)
            // Answers of the services that the functions themselves call are small and bounded by the attempt timeout.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        config.set_endpoint_url(self.endpoint.clone());
        config.build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::read_from;
    use aws_credential_types::provider::ProvideCredentials;

    fn variables(name: &str) -> Option<String> {
        Some(match name {
            "AWS_REGION" => "eu-west-1".into(),
            "AWS_ACCESS_KEY_ID" => "AKIDEXAMPLE".into(),
            "AWS_SECRET_ACCESS_KEY" => "key".into(),
            "AWS_SESSION_TOKEN" => "token".into(),
            _ => return None,
        })
    }

    #[tokio::test]
    async fn the_functions_own_credentials_and_region_are_used() {
        let account = read_from(&variables, Account::read).unwrap();
        let config = account.sdk_config(crate::http::sdk_client().unwrap());
        assert_eq!(config.region().unwrap().as_ref(), "eu-west-1");
        assert_eq!(config.endpoint_url(), None);
        let credentials = config.credentials_provider().unwrap().provide_credentials().await.unwrap();
        assert_eq!(credentials.access_key_id(), "AKIDEXAMPLE");
        assert_eq!(credentials.session_token(), Some("token"));
    }

    #[test]
    fn without_credentials_nothing_starts() {
        let error = read_from(&|_| None, Account::read).err().unwrap().to_string();
        for name in ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            assert!(error.contains(name), "{error}");
        }
    }
}
